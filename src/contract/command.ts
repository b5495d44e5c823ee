/** Commands: what is asked of a run. Each says who asks. */
import type { SyncRequest } from "./sync.ts";

export type Command =
  | { type: "start"; actor: string }
  | { type: "sync"; request: SyncRequest }
  | { type: "cancel"; actor: string }
  | { type: "pause"; actor: string }
  | { type: "resume"; actor: string }
  /** Again what did not complete; with `from`, also that task and all after it. */
  | { type: "retry"; actor: string; from?: string }
  /** Time passed: do what is due. */
  | { type: "wake" }
  /** The session's executor says that there is no such session: it died, and another stands in its place. */
  | { type: "gone"; session: string }
  /** A word of a hub about a lane: whether it keeps a slot for one of its tasks, and has noted that the run waits for more. */
  | { type: "slot"; lane: string; isKept: boolean; waits: boolean };
