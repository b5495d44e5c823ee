/** Which sandbox a runner uses: the one that is asked for, or the strictest that works without being asked. */
import { bubblewrapSandbox } from "./bubblewrap.ts";
import { dockerSandbox } from "./docker.ts";
import { findInterpreter, type Interpreter } from "./interpreter.ts";
import { askVersion } from "./packages.ts";
import { processSandbox } from "./plain-process.ts";
import { messageOf } from "./rpc.ts";
import type { Sandbox, SandboxKind } from "./sandbox.ts";

export type SandboxWish = {
  /** Default: bubblewrap where it works, else a process, with a warning. */
  sandbox?: SandboxKind;
  /** Scripts may use the network; default false. A plain process always may. */
  network?: boolean;
  /** The images a call may name, for docker; the first is used where it names none. */
  images?: string[];
  /** Path of the interpreter; default: GLEITZEIT_PYTHON, else the first found. In docker it is the image's. */
  python?: string;
};

/** A sandbox that works, and the version of its Python. */
type Chosen = { sandbox: Sandbox; python: string };

export async function chooseSandbox(
  wish: SandboxWish,
  memoryBytes: number,
  warn: (line: string) => void,
): Promise<Chosen> {
  refuseImages(wish);
  if (wish.sandbox === "docker") return await chooseDocker(wish, memoryBytes);
  const interpreter = await findInterpreter(wish.python);
  const plain: Chosen = { sandbox: processSandbox(interpreter), python: interpreter.version };
  if (wish.sandbox === "process") return plain;
  try {
    return await chooseBubblewrap(interpreter, wish, memoryBytes);
  } catch (cause) {
    const reason = messageOf(cause);
    if (wish.sandbox === "bubblewrap") throw new Error(refusal("bubblewrap", reason, REMEDY), { cause });
    warn(warning(reason));
    return plain;
  }
}

async function chooseBubblewrap(
  interpreter: Interpreter,
  { network = false }: SandboxWish,
  memoryBytes: number,
): Promise<Chosen> {
  const sandbox = bubblewrapSandbox({ interpreter, hasNetwork: network });
  return { sandbox, python: await askVersion({ sandbox, memoryBytes }).catch(explain("bwrap")) };
}

async function chooseDocker(
  { network = false, images = [] }: SandboxWish,
  memoryBytes: number,
): Promise<Chosen> {
  const sandbox = dockerSandbox({ images, hasNetwork: network, memoryBytes });
  try {
    return { sandbox, python: await askVersion({ sandbox, memoryBytes }).catch(explain("docker")) };
  } catch (cause) {
    const remedy = `start the engine, and get the image: docker pull ${images[0]}`;
    throw new Error(refusal("docker", messageOf(cause), remedy), { cause });
  }
}

const explain =
  (command: string) =>
  (thrown: unknown): never => {
    const isMissing = thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
    throw isMissing ? new Error(`there is no command ${command}`, { cause: thrown }) : thrown;
  };

const REMEDY =
  "install it (Debian, Ubuntu: apt-get install bubblewrap; Linux only, 0.8 or newer) and let it make user namespaces, " +
  "or choose --sandbox docker or --sandbox process";

const refusal = (kind: SandboxKind, reason: string, remedy: string): string =>
  `--sandbox ${kind} does not work here: ${oneLine(reason)}; ${remedy}`;

const warning = (reason: string): string =>
  "Python scripts run without a sandbox (they can read this user's files and use the network), since bubblewrap does " +
  `not work here: ${oneLine(reason)}; ${REMEDY}`;

const oneLine = (text: string): string => text.replace(/\s+/g, " ");

function refuseImages({ sandbox, images = [] }: SandboxWish): void {
  if (images.length === 0 || sandbox === "docker") return;
  throw new Error("--image is for --sandbox docker; give both");
}
