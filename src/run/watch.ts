/**
 * Followers of a run. Each is a cursor over the journal: what it gets is read from storage after the last event it
 * was given, so nothing is lost or given twice, and one that reads slowly costs no memory. Tokens are live only.
 */
import type { JournalEntry, LiveEvent, TokenEvent } from "../contract/event.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";

export type Journal = {
  /** Entries after `seq`, in order. */
  read(afterSeq: number): Iterable<JournalEntry>;
  /** The run has ended and the follower has everything up to here. */
  isOver(seq: number): boolean;
};

type Follower = {
  seq: number;
  /** Being fed: putting something into its stream asks for more at once. */
  isFed: boolean;
  controller: ReadableStreamDefaultController<Uint8Array>;
};

/** How much is put into a follower's stream before it is read: a page of the journal, not all of it. */
const AHEAD_BYTES = 64 * 1024;
const encoder = new TextEncoder();

export class Watch {
  readonly #journal: Journal;
  readonly #followers = new Set<Follower>();
  /** The text so far of every running model call, while somebody follows. */
  readonly #texts = new Map<string, TokenEvent>();
  #heart: ReturnType<typeof setInterval> | null = null;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0;
  }

  get isFull(): boolean {
    return this.#followers.size >= LIMITS.followers;
  }

  /** An SSE body: the journal after `seq`, then what happens, until the run ends. */
  follow(seq: number): ReadableStream<Uint8Array> {
    let follower: Follower | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          follower = { seq, isFed: false, controller };
          this.#followers.add(follower);
          this.#heart ??= setInterval(() => this.#beat(), TIMING.sseCommentMs);
          for (const text of this.#texts.values()) controller.enqueue(format(text));
        },
        pull: () => {
          if (follower !== undefined) this.#feed(follower);
        },
        cancel: () => {
          if (follower !== undefined) this.#leave(follower);
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: AHEAD_BYTES }),
    );
  }

  /** The journal has grown. */
  advance(): void {
    for (const follower of this.#followers) this.#feed(follower);
  }

  /**
   * Text of running calls, and how far they are. What a follower has not kept up with is its loss: it is cut off, and resumes. Tells whether
   * text before it is missing, which went to followers that have left, or got lost; what comes after it is not sent.
   */
  tokens(batch: LiveEvent[]): boolean {
    if (!this.isFollowed) return false;
    let isMissing = false;
    for (const event of batch) {
      const fresh = event.type === "task.token" ? this.#remember(event) : event;
      isMissing ||= fresh === undefined;
      if (fresh === undefined || ("text" in fresh && fresh.text === "")) continue;
      const bytes = format(fresh);
      for (const follower of this.#followers) this.#send(follower, bytes);
    }
    return isMissing;
  }

  /** The attempt is over: its text is in its result. */
  forget(taskId: string): void {
    this.#texts.delete(taskId);
  }

  #feed(follower: Follower): void {
    if (follower.isFed) return;
    follower.isFed = true;
    this.#fill(follower);
    follower.isFed = false;
    if (!this.#followers.has(follower) || !this.#journal.isOver(follower.seq)) return;
    this.#leave(follower);
    follower.controller.close();
  }

  #fill(follower: Follower): void {
    for (const entry of this.#journal.read(follower.seq)) {
      if ((follower.controller.desiredSize ?? 0) <= 0) return;
      follower.controller.enqueue(format(entry));
      follower.seq = entry.seq;
    }
  }

  #send(follower: Follower, bytes: Uint8Array): void {
    if ((follower.controller.desiredSize ?? 0) > AHEAD_BYTES - LIMITS.followerBytes) {
      follower.controller.enqueue(bytes);
      return;
    }
    this.#leave(follower);
    follower.controller.close();
  }

  #leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    clearInterval(this.#heart);
    this.#heart = null;
    this.#texts.clear();
  }

  #beat(): void {
    const comment = encoder.encode(": \n\n");
    for (const follower of this.#followers) this.#send(follower, comment);
  }

  /** What of it is new; undefined where text before it is missing. */
  #remember(event: TokenEvent): TokenEvent | undefined {
    const known = this.#texts.get(event.taskId);
    const isSame = known?.attempt === event.attempt && known.call === event.call;
    const sofar = isSame ? known : { offset: 0, text: "" };
    const end = sofar.offset + sofar.text.length;
    const isGap = event.offset > end;
    // An executor keeps no more than this: what was before it is gone.
    if (isGap && event.text.length < LIMITS.tokenTextBytes) return undefined;
    const offset = Math.max(end, event.offset);
    const fresh = { ...event, offset, text: event.text.slice(offset - event.offset) };
    const text = isGap ? fresh.text : sofar.text + fresh.text;
    const cut = Math.max(0, text.length - LIMITS.tokenTextBytes);
    const begin = isGap ? offset : sofar.offset;
    this.#texts.set(event.taskId, { ...event, offset: begin + cut, text: text.slice(cut) });
    return fresh;
  }
}

function format(event: JournalEntry | LiveEvent): Uint8Array {
  const id = "seq" in event ? `id: ${event.seq}\n` : "";
  return encoder.encode(`${id}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}
