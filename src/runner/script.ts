import { LIMITS } from "./limits.ts";
import type { ScriptCall } from "./params.ts";
import { isObject } from "./rpc.ts";
import { type Ending, runProcess } from "./script-process.ts";
import { withFolder } from "./work-folder.ts";

/** What python/execute answers. A script that fails is a result too: `success` is false, `error` says why. */
type ScriptResult = {
  result: unknown;
  output: string;
  error: string | null;
  /** Seconds, the start of the interpreter included. */
  execution_time: number;
  success: boolean;
};

type ScriptSettings = { python: string; memoryBytes: number; signal: AbortSignal };

/** Runs one script in a process and a folder of its own; both are gone when this returns. */
export async function runScript(call: ScriptCall, settings: ScriptSettings): Promise<ScriptResult> {
  const ending = await withFolder(call.files, (folder) =>
    runProcess({
      python: settings.python,
      folder,
      input: inputFor(call, settings.memoryBytes),
      timeoutMs: call.timeoutSeconds * 1000,
      signal: settings.signal,
    }),
  );
  return resultOf(ending, call);
}

function resultOf(ending: Ending, call: Pick<ScriptCall, "name" | "timeoutSeconds">): ScriptResult {
  return {
    result: null,
    error: null,
    ...verdictOn(ending, call),
    output: ending.output,
    execution_time: Math.round(ending.seconds * 1e6) / 1e6,
  };
}

const inputFor = ({ code, name, context, args }: ScriptCall, memoryBytes: number): string =>
  JSON.stringify({ code, name, context, args, limits: { ...LIMITS, memoryBytes } });

type Verdict = { success: true; result: unknown } | { success: false; error: string };

function verdictOn(ending: Ending, call: Pick<ScriptCall, "name" | "timeoutSeconds">): Verdict {
  switch (ending.cause) {
    case "timed_out":
      return { success: false, error: timeoutMessage(call) };
    case "called_off":
      return { success: false, error: `${call.name} was called off: its caller left, or the runner stops` };
    case "exited":
      return parseReport(ending.report) ?? { success: false, error: silenceMessage(call.name, ending.exit) };
    default:
      return ending.cause satisfies never;
  }
}

function parseReport(report: string): Verdict | undefined {
  try {
    const value: unknown = JSON.parse(report);
    if (!isObject(value)) return undefined;
    if (value["success"] === true) return { success: true, result: value["result"] };
    return typeof value["error"] === "string" ? { success: false, error: value["error"] } : undefined;
  } catch {
    return undefined; // written halfway when the process died
  }
}

const timeoutMessage = ({ name, timeoutSeconds }: Pick<ScriptCall, "name" | "timeoutSeconds">): string =>
  `${name} timed out after ${timeoutSeconds} s; ` +
  `raise the call's timeout (at most ${LIMITS.timeoutSeconds.most}) or give the script less to do`;

const silenceMessage = (name: string, exit: string): string =>
  `${name} ended its process without a result (${exit}); ` +
  "end with sys.exit instead of os._exit, and look for a crash in a native library";
