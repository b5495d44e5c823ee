/** What rpc.discover answers. */
import { LIMITS } from "./limits.ts";
import type { Package } from "./packages.ts";
import type { Sandbox } from "./sandbox.ts";

export type RunnerFacts = {
  /** Its version. */
  python: string;
  sandbox: Sandbox;
  maxConcurrent: number;
  packages(): Promise<Package[]>;
};

export const describeRunner = async ({ python, sandbox, maxConcurrent, packages }: RunnerFacts) => ({
  name: "gleitzeit-python-runner",
  version: "1.0.0",
  python,
  sandbox: sandbox.kind,
  network: sandbox.hasNetwork,
  maxConcurrent,
  packages: await packages(),
  methods: [
    {
      name: "python/execute",
      description: "Runs a Python script.",
      params: paramsWith(sandbox.images),
      result: RESULT,
    },
  ],
});

const { least, most, usual } = LIMITS.timeoutSeconds;
const PARAMS = {
  code: { type: "string", description: "Python source; what it assigns to `result` is the result" },
  context: { type: "object", description: "the script's variable `context`" },
  args: { type: "object", description: "the script's variable `args`" },
  timeout: { type: "number", minimum: least, maximum: most, default: usual, description: "seconds" },
  files: { type: "object", description: "relative path: a text or {base64}, laid in the working folder" },
  name: { type: "string", default: "script.py", description: "the script's file name in tracebacks" },
};
const RESULT = {
  type: "object",
  required: ["result", "output", "error", "execution_time", "success"],
  properties: {
    result: {},
    output: { type: "string" },
    error: { type: ["string", "null"] },
    execution_time: { type: "number", description: "seconds" },
    success: { type: "boolean" },
  },
};

/** Only where there are images can a call name one. */
function paramsWith(images: string[]) {
  const [usualImage] = images;
  const description = "the container image to run in";
  const image = { type: "string", enum: images, default: usualImage, description };
  const properties = usualImage === undefined ? PARAMS : { ...PARAMS, image };
  return { type: "object", required: ["code"], properties };
}
