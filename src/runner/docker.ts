/** Scripts in containers, by docker's command line; the engine and the images are the user's. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { LIMITS } from "./limits.ts";
import { environmentIn, type Sandbox } from "./sandbox.ts";

type Settings = { images: string[]; hasNetwork: boolean; memoryBytes: number };

/** Throws where no image is named, or one that docker would take for an option. */
export function dockerSandbox(settings: Settings): Sandbox {
  const { images, hasNetwork } = settings;
  refuseImages(images);
  const options = [...PLACE, ...limits(settings.memoryBytes), ...environment()];
  return {
    kind: "docker",
    hasNetwork,
    countsProcesses: false, // docker's own limit does
    images,
    async open(image = images[0] ?? "") {
      const name = `gleitzeit-script-${randomUUID()}`;
      return {
        command: "docker",
        args: ["run", "--name", name, "--network", hasNetwork ? "bridge" : "none", ...options, image],
        cwd: "/",
        env: process.env, // the command's own; the container has what stands in `options`
        leave: (isKilled) => (isKilled ? remove(name) : Promise.resolve()),
      };
    },
  };
}

const FOLDER = "/tmp";
// `--init`: the kernel lets nobody in a container kill its first process, which so must not be the script.
// `--pull never`: a download does not fit into a script's time.
const PLACE = [
  ...["--rm", "--interactive", "--init", "--pull", "never", "--read-only"],
  ...["--user", "65534:65534", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
  ...["--tmpfs", `${FOLDER}:rw,exec,nosuid,nodev,mode=1777,size=${LIMITS.folderBytes}`, "--workdir", FOLDER],
  ...["--pids-limit", String(LIMITS.processes), "--entrypoint", "python3"],
];

/** Files in memory count, so they have their room beside the script's own. Swap would be a second helping. */
function limits(memoryBytes: number): string[] {
  const bytes = String(memoryBytes + LIMITS.memoryReserveBytes + LIMITS.folderBytes);
  return ["--memory", bytes, "--memory-swap", bytes, "--shm-size", String(LIMITS.sharedMemoryBytes)];
}

/** PATH is the image's own: its Python may be anywhere. */
const environment = (): string[] =>
  Object.entries(environmentIn(FOLDER))
    .filter(([name]) => name !== "PATH")
    .flatMap(([name, value]) => ["--env", `${name}=${value}`]);

/** Killing docker's command leaves its container running. */
async function remove(name: string): Promise<void> {
  try {
    await promisify(execFile)("docker", ["rm", "--force", name], { timeout: LIMITS.probeMs });
  } catch (cause) {
    process.emitWarning(`container ${name} may still run: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function refuseImages(images: string[]): void {
  if (images.length === 0 || images.length > LIMITS.images) {
    throw new Error(
      `--sandbox docker takes 1 to ${LIMITS.images} images, not ${images.length}; ` +
        "allow one with --image, such as --image python:3.13-slim",
    );
  }
  const odd = images.find((image) => !/^[a-zA-Z0-9][\w./:@-]{0,254}$/.test(image));
  if (odd !== undefined) throw new Error(`--image is "${odd}", which is no image's name`);
}
