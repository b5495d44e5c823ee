import { describeRunner, type RunnerFacts } from "./description.ts";
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
import { runScript, type ScriptSettings } from "./script.ts";

export type MethodSettings = ScriptSettings & RunnerFacts;

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
  switch (call.method) {
    case "python/execute":
      return runScript(parseScriptCall(call.params, settings.sandbox.images), settings, signal);
    case "rpc.discover":
      return describeRunner(settings);
    default:
      throw new RpcError(
        RPC_CODES.unknownMethod,
        `unknown method "${call.method}"; this runner has ${SCRIPT_METHODS.join(", ")} and rpc.discover`,
      );
  }
}
