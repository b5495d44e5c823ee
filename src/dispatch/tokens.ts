/** What running calls tell while they run: text, kept from the start, and how far they are. Sent in batches to followers. */
import type { LiveEvent, ProgressEvent } from "../contract/event.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";
import { type AttemptRef, attemptKey } from "../contract/sync.ts";
import type { Progress } from "../providers/provider.ts";

/** `call` counts within the attempt; `text` begins at `offset` characters; `sent` counts from the start of the answer. */
type Text = AttemptRef & { call: number; offset: number; text: string; sent: number };

/** How far a call is: the last word only. */
type Report = { event: ProgressEvent; isSent: boolean };

export class TokenBuffer {
  readonly #send: (batch: LiveEvent[]) => void;
  readonly #texts = new Map<string, Text>();
  readonly #reports = new Map<string, Report>();
  #isFollowed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (batch: LiveEvent[]) => void) {
    this.#send = send;
  }

  /** Who begins to follow gets the text so far first; so does one that asks for it `again`. */
  follow(isFollowed: boolean, again = false): void {
    const begins = isFollowed && (again || !this.#isFollowed);
    this.#isFollowed = isFollowed;
    if (!begins) return;
    for (const text of this.#texts.values()) text.sent = text.offset;
    for (const report of this.#reports.values()) report.isSent = false;
    this.#schedule();
  }

  add({ taskId, attempt }: AttemptRef, more: string): void {
    const key = attemptKey({ taskId, attempt });
    const known = this.#texts.get(key) ?? makeText({ taskId, attempt }, 1);
    const text = known.text + more;
    const cut = Math.max(0, text.length - LIMITS.tokenTextBytes);
    known.text = text.slice(cut);
    known.offset += cut;
    known.sent = Math.max(known.sent, known.offset);
    this.#texts.set(key, known);
    this.#schedule();
  }

  report({ taskId, attempt }: AttemptRef, { progress, total, message }: Progress): void {
    const event: ProgressEvent = {
      type: "task.progress",
      taskId,
      attempt,
      progress,
      ...(total === undefined ? {} : { total }),
      ...(message === undefined ? {} : { message: message.slice(0, LIMITS.shortMessageChars) }),
    };
    this.#reports.set(attemptKey({ taskId, attempt }), { event, isSent: false });
    this.#schedule();
  }

  /** The call is made again elsewhere: its text begins anew, which followers see by the offset. */
  restart(ref: AttemptRef): void {
    const key = attemptKey(ref);
    this.#texts.set(key, makeText(ref, (this.#texts.get(key)?.call ?? 1) + 1));
    this.#reports.delete(key);
  }

  /** The attempt is over. What is left of its text goes first: only of a running one anybody wants tokens. */
  forget(ref: AttemptRef): void {
    this.#flush();
    this.#texts.delete(attemptKey(ref));
    this.#reports.delete(attemptKey(ref));
  }

  #schedule(): void {
    if (!this.#isFollowed || this.#timer !== undefined) return;
    if (this.#texts.size + this.#reports.size === 0) return;
    this.#timer = setTimeout(() => this.#flush(), TIMING.tokenBatchMs);
  }

  #flush(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isFollowed) return;
    const batch: LiveEvent[] = [];
    for (const known of this.#texts.values()) {
      const { taskId, attempt, call, offset, text, sent } = known;
      if (sent >= offset + text.length) continue;
      const more = text.slice(sent - offset);
      batch.push({ type: "task.token", taskId, attempt, call, offset: sent, text: more });
      known.sent = offset + text.length;
    }
    for (const report of this.#reports.values()) {
      if (!report.isSent) batch.push(report.event);
      report.isSent = true;
    }
    if (batch.length > 0) this.#send(batch);
  }
}

function makeText({ taskId, attempt }: AttemptRef, call: number): Text {
  return { taskId, attempt, call, offset: 0, text: "", sent: 0 };
}
