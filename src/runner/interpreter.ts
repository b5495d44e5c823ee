import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { LIMITS } from "./limits.ts";

/** `folders` are what it and its packages need to be seen of the file system, beside those of the system. */
export type Interpreter = { path: string; version: string; folders: string[] };

// A shim (pyenv) finds its interpreter anew at every start, which takes 100 ms instead of 12: ask once where it is.
// A virtual environment is known by its link, any other link only hides where the interpreter is.
const QUESTION = `
import os, sys
path = sys.executable
real = os.path.realpath(path)
folders = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, os.path.dirname(real)}
version = "%d.%d.%d" % sys.version_info[:3]
print(path if path.startswith(sys.prefix + os.sep) else real, version, *sorted(folders), sep="\\n")
`;
const CANDIDATES = ["/usr/bin/python3", "python3", "python"];

/** The Python to run scripts with: the one named (here or by GLEITZEIT_PYTHON), else the first found that is new enough. */
export async function findInterpreter(
  named = process.env["GLEITZEIT_PYTHON"],
  candidates = CANDIDATES,
): Promise<Interpreter> {
  for (const candidate of named ? [named] : candidates) {
    const found = await probe(candidate);
    if (found !== undefined && isNewEnough(found.version)) return found;
  }
  throw new Error(
    named
      ? `"${named}" is no Python 3.8 or newer; set GLEITZEIT_PYTHON to the path of one`
      : "no Python 3.8 or newer found; install python3 (Debian: apt install python3, macOS: brew install python) " +
          "or set GLEITZEIT_PYTHON to the path of one",
  );
}

async function probe(candidate: string): Promise<Interpreter | undefined> {
  try {
    const asked = await promisify(execFile)(candidate, ["-I", "-c", QUESTION], { timeout: LIMITS.probeMs });
    const [path, version, ...folders] = asked.stdout.trim().split("\n");
    return path && version ? { path, version, folders } : undefined;
  } catch {
    return undefined; // not there, or no Python: the next candidate may be
  }
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 3 || (major === 3 && minor >= 8);
}
