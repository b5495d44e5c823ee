/** Text of running model calls: kept from the start, sent in batches while somebody follows. */
import type { TokenEvent } from "../contract/event.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";
import type { AttemptRef } from "../contract/sync.ts";

/** `text` begins at `offset` characters; `sent` counts from the start of the answer. */
type Text = AttemptRef & { offset: number; text: string; sent: number };

export class TokenBuffer {
  readonly #send: (batch: TokenEvent[]) => void;
  readonly #texts = new Map<string, Text>();
  #isFollowed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (batch: TokenEvent[]) => void) {
    this.#send = send;
  }

  /** Who begins to follow gets the text so far first; so does one that asks for it `again`. */
  follow(isFollowed: boolean, again = false): void {
    const begins = isFollowed && (again || !this.#isFollowed);
    this.#isFollowed = isFollowed;
    if (!begins) return;
    for (const text of this.#texts.values()) text.sent = text.offset;
    this.#schedule();
  }

  add({ taskId, attempt }: AttemptRef, more: string): void {
    const key = `${taskId}#${attempt}`;
    const known = this.#texts.get(key) ?? { taskId, attempt, offset: 0, text: "", sent: 0 };
    const text = known.text + more;
    const cut = Math.max(0, text.length - LIMITS.tokenTextBytes);
    known.text = text.slice(cut);
    known.offset += cut;
    known.sent = Math.max(known.sent, known.offset);
    this.#texts.set(key, known);
    this.#schedule();
  }

  /** The attempt is over. What is left of its text goes first: only of a running one anybody wants tokens. */
  forget({ taskId, attempt }: AttemptRef): void {
    this.#flush();
    this.#texts.delete(`${taskId}#${attempt}`);
  }

  #schedule(): void {
    if (!this.#isFollowed || this.#timer !== undefined || this.#texts.size === 0) return;
    this.#timer = setTimeout(() => this.#flush(), TIMING.tokenBatchMs);
  }

  #flush(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isFollowed) return;
    const batch: TokenEvent[] = [];
    for (const known of this.#texts.values()) {
      const { taskId, attempt, offset, text, sent } = known;
      if (sent >= offset + text.length) continue;
      batch.push({ type: "task.token", taskId, attempt, offset: sent, text: text.slice(sent - offset) });
      known.sent = offset + text.length;
    }
    if (batch.length > 0) this.#send(batch);
  }
}
