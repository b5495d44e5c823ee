/** What can be imported beside Python's own modules, asked once of a script in the sandbox. */
import { LIMITS } from "./limits.ts";
import { parseScriptCall } from "./params.ts";
import { isObject } from "./rpc.ts";
import { runScript, type ScriptSettings } from "./script.ts";

export type Package = { name: string; version: string };

const NEVER = new AbortController().signal;
const VERSION = 'import sys\nresult = "%d.%d.%d" % sys.version_info[:3]';
const PACKAGES = `
import importlib.metadata as metadata
found = {}
for package in metadata.distributions():
    # What an uninstall left halfway has no name.
    name, version = package.metadata["Name"], package.version
    if name and version: found.setdefault(name, {"name": name, "version": version})
    if len(found) == args["most"]: break
result = sorted(found.values(), key=lambda package: package["name"].lower())`;

/** The version of the sandbox's Python; throws, with what the sandbox says, where no script can be run in it. */
export async function askVersion(settings: ScriptSettings): Promise<string> {
  return String(await ask(VERSION, settings));
}

/** The first call asks, the others get the same answer; a question that failed is asked again. */
export function packagesOnce(settings: ScriptSettings): () => Promise<Package[]> {
  let asked: Promise<Package[]> | undefined;
  return async () => {
    asked ??= askPackages(settings);
    try {
      return await asked;
    } catch (cause) {
      asked = undefined;
      throw cause;
    }
  };
}

async function askPackages(settings: ScriptSettings): Promise<Package[]> {
  const found = await ask(PACKAGES, settings);
  return Array.isArray(found) ? found.filter(isPackage) : [];
}

const isPackage = (value: unknown): value is Package =>
  isObject(value) && typeof value["name"] === "string" && typeof value["version"] === "string";

async function ask(code: string, settings: ScriptSettings): Promise<unknown> {
  const call = parseScriptCall({ code, name: "a trial script", args: { most: LIMITS.packages } }, []);
  const { error, result } = await runScript(call, settings, NEVER);
  if (error !== null) throw new Error(error);
  return result;
}
