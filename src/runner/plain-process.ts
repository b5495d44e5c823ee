/** No sandbox: a process of the user who started the runner, in a folder of its own. */
import type { Interpreter } from "./interpreter.ts";
import { environmentIn, type Sandbox } from "./sandbox.ts";
import { killStrays } from "./strays.ts";
import { makeFolder, removeFolder } from "./work-folder.ts";

export const processSandbox = ({ path }: Pick<Interpreter, "path">): Sandbox => ({
  kind: "process",
  hasNetwork: true,
  countsProcesses: false,
  images: [],
  async open() {
    const folder = await makeFolder();
    const leave = async () => {
      await killStrays(folder);
      await removeFolder(folder);
    };
    return { command: path, args: [], cwd: folder, env: environmentIn(folder), leave };
  },
});
