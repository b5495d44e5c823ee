import { parseFiles, type ScriptFile } from "./files.ts";
import { LIMITS } from "./limits.ts";
import { invalidParam, isObject } from "./rpc.ts";

/** A checked call of python/execute. */
export type ScriptCall = {
  code: string;
  /** The script's file name as its tracebacks say it. */
  name: string;
  context: Record<string, unknown>;
  args: Record<string, unknown>;
  timeoutSeconds: number;
  files: ScriptFile[];
  /** One of those the runner allows; none where it names none. */
  image: string | undefined;
};

export function parseScriptCall(params: unknown, images: string[]): ScriptCall {
  if (!isObject(params)) throw invalidParam("params", "must be an object with at least code");
  return {
    code: parseCode(params["code"]),
    name: parseName(params["name"] ?? "script.py"),
    context: parseData("context", params["context"]),
    args: parseData("args", params["args"]),
    timeoutSeconds: parseTimeout(params["timeout"] ?? LIMITS.timeoutSeconds.usual),
    files: parseFiles(parseObject("files", params["files"])),
    image: parseImage(params["image"], images),
  };
}

function parseCode(code: unknown): string {
  if (typeof code !== "string") throw invalidParam("code", "is required: the Python source as a string");
  return code;
}

function parseName(name: unknown): string {
  const isName = typeof name === "string" && /^[^\0\r\n]{1,255}$/.test(name);
  if (!isName) throw invalidParam("name", "must be a file name of 1 to 255 characters on one line");
  return name;
}

/** An object Python can read: its JSON parser fails on the nesting of more than its stack. */
function parseData(name: string, value: unknown): Record<string, unknown> {
  const data = parseObject(name, value);
  if (isDeeper(data, LIMITS.paramsDepth)) {
    throw invalidParam(name, `is nested deeper than ${LIMITS.paramsDepth} levels; pass a flatter structure`);
  }
  return data;
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((part) => isDeeper(part, levels - 1)));

function parseObject(name: string, value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalidParam(name, "must be an object");
  return value;
}

function parseTimeout(timeout: unknown): number {
  const { least, most } = LIMITS.timeoutSeconds;
  const isTimeout = typeof timeout === "number" && timeout >= least && timeout <= most;
  if (!isTimeout) throw invalidParam("timeout", `must be a number of seconds from ${least} to ${most}`);
  return timeout;
}

function parseImage(image: unknown, images: string[]): string | undefined {
  if (image === undefined || image === null) return undefined;
  if (images.length === 0) throw invalidParam("image", "needs a runner started with --sandbox docker");
  const allowed = images.find((one) => one === image);
  if (allowed === undefined)
    throw invalidParam("image", `must be one that the runner allows: ${images.join(", ")}`);
  return allowed;
}
