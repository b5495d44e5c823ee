import { LIMITS } from "./limits.ts";
import type { ScriptCall } from "./params.ts";
import { isObject } from "./rpc.ts";
import type { Sandbox } from "./sandbox.ts";
import { type Ending, runProcess } from "./script-process.ts";

/** What python/execute answers. A script that fails is a result too: `success` is false, `error` says why. */
type ScriptResult = {
  result: unknown;
  output: string;
  error: string | null;
  /** Seconds, the start of the interpreter included. */
  execution_time: number;
  success: boolean;
};

export type ScriptSettings = { sandbox: Sandbox; memoryBytes: number };

/** Runs one script in a place of its own, of which nothing is left when this returns. */
export async function runScript(
  call: ScriptCall,
  settings: ScriptSettings,
  signal: AbortSignal,
): Promise<ScriptResult> {
  const place = await settings.sandbox.open(call.image);
  const timeoutMs = call.timeoutSeconds * 1000;
  const ending = await runProcess({ place, input: inputFor(call, settings), timeoutMs, signal });
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

function inputFor({ code, name, context, args, files }: ScriptCall, settings: ScriptSettings): string {
  const { kind, hasNetwork, countsProcesses } = settings.sandbox;
  return JSON.stringify({
    ...{ code, name, context, args },
    files: Object.fromEntries(files.map(({ path, bytes }) => [path, bytes.toString("base64")])),
    limits: { ...LIMITS, memoryBytes: settings.memoryBytes },
    sandbox: { kind, hasNetwork, countsProcesses },
  });
}

type Verdict = { success: true; result: unknown } | { success: false; error: string };

function verdictOn(ending: Ending, call: Pick<ScriptCall, "name" | "timeoutSeconds">): Verdict {
  switch (ending.cause) {
    case "timed_out":
      return { success: false, error: timeoutMessage(call) };
    case "called_off":
      return { success: false, error: `${call.name} was called off: its caller left, or the runner stops` };
    case "exited":
      return parseReport(ending.report) ?? { success: false, error: silenceMessage(call.name, ending) };
    default:
      return ending.cause satisfies never;
  }
}

function parseReport(report: string): Verdict | undefined {
  try {
    const value: unknown = JSON.parse(report.slice(report.lastIndexOf("\n") + 1));
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

/** What bubblewrap, docker or Python itself say of why they did not come so far is the better reason. */
function silenceMessage(name: string, { exit, report }: Pick<Ending, "exit" | "report">): string {
  const said = report.trim().slice(-LIMITS.reasonChars);
  if (said !== "" && !said.includes('"success"')) return `${name} did not start (${exit}): ${said}`;
  return (
    `${name} ended its process without a result (${exit}); end with sys.exit instead of os._exit, and look for ` +
    "a crash in a native library, or for more memory than the machine has"
  );
}
