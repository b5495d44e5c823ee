import type { Interpreter } from "./interpreter.ts";
import { LIMITS } from "./limits.ts";
import { parseScriptCall } from "./params.ts";
import {
  failed,
  messageOf,
  RPC_CODES,
  type RpcAnswer,
  type RpcCall,
  type RpcEntry,
  RpcError,
} from "./rpc.ts";
import { runScript } from "./script.ts";

export type MethodSettings = { interpreter: Interpreter; memoryBytes: number };

/** What is done by running a script, and so takes one of the runner's slots. */
export const SCRIPT_METHODS = ["python/execute"];

export const takesSlot = (entry: RpcEntry): boolean =>
  entry.kind === "call" && SCRIPT_METHODS.includes(entry.method);

/** Carries an entry out; nothing comes back for a notification. */
export async function answerEntry(
  entry: RpcEntry,
  settings: MethodSettings,
  signal: AbortSignal,
): Promise<RpcAnswer | undefined> {
  if (entry.kind === "invalid") return entry.answer;
  const answer = await answerCall(entry, settings, signal);
  return entry.id === undefined ? undefined : answer;
}

async function answerCall(call: RpcCall, settings: MethodSettings, signal: AbortSignal): Promise<RpcAnswer> {
  const id = call.id ?? null;
  try {
    return { jsonrpc: "2.0", id, result: await perform(call, settings, signal) };
  } catch (thrown) {
    const code = thrown instanceof RpcError ? thrown.code : RPC_CODES.internal;
    return failed(id, code, messageOf(thrown));
  }
}

async function perform(call: RpcCall, settings: MethodSettings, signal: AbortSignal): Promise<unknown> {
  const { interpreter, memoryBytes } = settings;
  switch (call.method) {
    case "python/execute":
      return runScript(parseScriptCall(call.params), { python: interpreter.path, memoryBytes, signal });
    case "rpc.discover":
      return describe(interpreter);
    default:
      throw new RpcError(
        RPC_CODES.unknownMethod,
        `unknown method "${call.method}"; this runner has ${SCRIPT_METHODS.join(", ")} and rpc.discover`,
      );
  }
}

const describe = (interpreter: Interpreter) => ({
  name: "gleitzeit-python-runner",
  version: "1.0.0",
  python: interpreter.version,
  methods: [{ name: "python/execute", description: "Runs a Python script.", params: PARAMS, result: RESULT }],
});

const { least, most, usual } = LIMITS.timeoutSeconds;
const PARAMS = {
  type: "object",
  required: ["code"],
  properties: {
    code: { type: "string", description: "Python source; what it assigns to `result` is the result" },
    context: { type: "object", description: "the script's variable `context`" },
    args: { type: "object", description: "the script's variable `args`" },
    timeout: { type: "number", minimum: least, maximum: most, default: usual, description: "seconds" },
    files: { type: "object", description: "relative path: a text or {base64}, laid in the working folder" },
    name: { type: "string", default: "script.py", description: "the script's file name in tracebacks" },
  },
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
