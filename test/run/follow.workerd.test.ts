/** Followers: the whole journal in order, whatever becomes of the object or of their connection; text while it comes. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { JournalEntry, LiveEvent, ProgressEvent, TokenEvent } from "../../src/contract/event.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { unwrap } from "../../src/reply.ts";
import { runStub } from "../../src/stubs.ts";
import { chat, muteExecutors, Player } from "../workerd/player.ts";
import { bindings, chain, echo, journalOf, objectOf, start, workflowOf } from "../workerd/start.ts";

type Told = JournalEntry | LiveEvent;

/** One who follows a run, message by message. */
class Follower {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async of(id: string, afterSeq = 0): Promise<Follower> {
    return new Follower(unwrap(await runStub(bindings, id).follow(id, afterSeq)));
  }

  /** The next message; undefined when the stream has ended. */
  async next(): Promise<Told | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\n\n");
      const block = end < 0 ? "" : this.#rest.slice(0, end);
      if (end >= 0) this.#rest = this.#rest.slice(end + 2);
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) return JSON.parse(data);
      if (end >= 0) continue;
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += value;
    }
  }

  /** All up to this type of event, or to the end; what a broken connection left is kept. */
  async until(type?: Told["type"]): Promise<Told[]> {
    const told: Told[] = [];
    try {
      for (let one = await this.next(); one !== undefined; one = await this.next()) {
        told.push(one);
        if (one.type === type) return told;
      }
    } catch {
      // The connection broke.
    }
    return told;
  }

  async text(chars: number): Promise<TokenEvent[]> {
    const told: TokenEvent[] = [];
    for (let got = 0; got < chars; ) {
      const one = await this.next();
      if (one === undefined) throw new Error(`the stream ended after ${got} characters`);
      if (one.type !== "task.token") continue;
      told.push(one);
      got += one.text.length;
    }
    return told;
  }

  /** How far calls are, that often. */
  async progress(count: number): Promise<ProgressEvent[]> {
    const told: ProgressEvent[] = [];
    while (told.length < count) {
      const one = await this.next();
      if (one === undefined) throw new Error(`the stream ended after ${told.length} events of progress`);
      if (one.type === "task.progress") told.push(one);
    }
    return told;
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

const seqs = (told: Told[]) => told.flatMap((one) => ("seq" in one ? [one.seq] : []));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const texts = (told: TokenEvent[]) => told.map(({ offset, text }) => [offset, text]);
const calls = (told: TokenEvent[]) => told.map(({ call, offset, text }) => [call, offset, text]);

/** A run of one model call that has begun, and the one who carries it out. */
async function startTalking(session?: string): Promise<{ id: string; player: Player }> {
  const id = await start(workflowOf([chat("a"), echo("b", ["a"])]));
  const player = new Player(id, session);
  await player.sync();
  await player.begin("a");
  return { id, player };
}

describe("a follower", () => {
  test("gets every event once and in order while it happens, and the stream ends with the run", async () => {
    const id = await start(workflowOf(chain(30)));
    const told = await (await Follower.of(id)).until();
    expect(seqs(told)).toEqual(upTo(92));
    expect(told.at(-1)?.type).toBe("run.completed");
    expect(told).toEqual(await journalOf(id));
  });

  test("gets what it has not seen when it comes back", async () => {
    const id = await start(workflowOf(chain(5)));
    await (await Follower.of(id)).until();
    expect(seqs(await (await Follower.of(id, 3)).until())).toEqual(upTo(17).slice(3));
    expect(await (await Follower.of(id, 17)).until()).toEqual([]);
    expect(await (await Follower.of(id, 500)).until()).toEqual([]);
  });

  test("loses nothing and gets nothing twice though the object dies under it, and it comes back each time", async () => {
    muteExecutors();
    const id = await start(workflowOf(chain(4)));
    const player = new Player(id);
    await player.sync();
    const told: Told[] = [];
    for (const step of ["t0", "t1", "t2"]) {
      const follower = await Follower.of(id, told.length);
      await player.complete(step);
      told.push(...(await follower.until("task.completed")));
      await crash(id);
      // What had been sent when it died counts as well.
      told.push(...(await follower.until()));
    }
    await player.complete("t3");
    told.push(...(await (await Follower.of(id, told.length)).until()));
    expect(seqs(told)).toEqual(upTo(told.length));
    expect(told).toEqual(await journalOf(id));
  });

  test("that does not read costs the run neither time nor memory, and gets all when it does", async () => {
    muteExecutors();
    const id = await start(
      workflowOf(Array.from({ length: 3000 }, (_, i) => echo(`t${i}`, [], { retry: {} }))),
    );
    const slow = await Follower.of(id);
    const player = new Player(id);
    await player.sync();
    unwrap(await runStub(bindings, id).steer(id, { type: "cancel", actor: "test" }));
    const told = await slow.until();
    expect(told.length).toBeGreaterThan(6000);
    expect(told).toEqual(await journalOf(id));
  });

  test("is one of a limited number, and there is room again when one has left", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a")]));
    const followers = await Promise.all(upTo(LIMITS.followers).map(() => Follower.of(id)));
    expect(await runStub(bindings, id).follow(id, 0)).toMatchObject({ ok: false, code: "rate_limited" });
    await followers[0]?.leave();
    // That it has left shows when something is sent to it.
    await new Player(id).sync();
    await expect.poll(async () => (await runStub(bindings, id).follow(id, 0)).ok).toBe(true);
  });
});

describe("text of a running call", () => {
  test("is asked for when the first follower comes, and not again for the second", async () => {
    // Runs of other tests may still have something to say to their own sessions.
    const session = "executor-0.alone";
    const { pushes } = muteExecutors();
    const own = () => pushes.filter((push) => push.session === session);
    const { id } = await startTalking(session);
    await Follower.of(id);
    await expect.poll(own).toEqual([{ session, drop: [], follow: true }]);
    await Follower.of(id);
    await runStub(bindings, id).view(id);
    expect(own()).toHaveLength(1);
  });

  test("reaches the follower as it comes, and one that comes later gets the text so far first", async () => {
    muteExecutors();
    const { id, player } = await startTalking();
    const early = await Follower.of(id);
    await player.say("a", 0, "It is");
    await player.say("a", 5, " raining");
    expect(texts(await early.text(13))).toEqual([
      [0, "It is"],
      [5, " raining"],
    ]);
    const late = await Follower.of(id);
    await player.say("a", 13, " again");
    expect(texts(await late.text(19))).toEqual([
      [0, "It is raining"],
      [13, " again"],
    ]);
  });

  test("is asked for again by a follower that comes after all have left, and begins with its first word", async () => {
    const { pushes } = muteExecutors();
    const { id, player } = await startTalking();
    const first = await Follower.of(id);
    await player.say("a", 0, "It is");
    await first.text(5);
    await first.leave();
    // That it has left shows when something is sent to it.
    await player.say("a", 5, " ra");
    await expect.poll(() => isFollowed(player)).toBe(false);
    const asked = pushes.length;
    const second = await Follower.of(id);
    await expect.poll(() => pushes.length).toBe(asked + 1);
    // What was on its way to the first one is no beginning.
    await player.say("a", 8, "ining");
    await player.say("a", 0, "It is raining");
    expect(texts(await second.text(13))).toEqual([[0, "It is raining"]]);
  });

  test("that has a gap is not passed on: the executor is asked for what is missing", async () => {
    const { pushes } = muteExecutors();
    const { id, player } = await startTalking();
    const follower = await Follower.of(id);
    await player.say("a", 0, "It is");
    await player.say("a", 13, " again");
    await expect.poll(() => pushes.length).toBe(2);
    await player.say("a", 0, "It is raining again");
    expect(texts(await follower.text(19))).toEqual([
      [0, "It is"],
      [5, " raining again"],
    ]);
  });

  test("that is longer than is kept begins later, and says where", async () => {
    muteExecutors();
    const { id, player } = await startTalking();
    const follower = await Follower.of(id);
    const kept = "x".repeat(LIMITS.tokenTextBytes);
    await player.say("a", 1000, kept);
    const [event] = await follower.text(kept.length);
    expect(event?.offset).toBe(1000);
    await player.say("a", 1000 + kept.length, "end");
    await follower.text(3);
    const [sofar] = await (await Follower.of(id)).text(kept.length);
    expect([sofar?.offset, sofar?.text.endsWith("xend")]).toEqual([1003, true]);
  });

  test("of an attempt that is over, or of no task, reaches nobody", async () => {
    muteExecutors();
    const { id, player } = await startTalking();
    const follower = await Follower.of(id);
    const stale = player.ref("a");
    await player.complete("a");
    const tokens = { type: "task.token", call: 1, offset: 0, text: "late" } as const;
    await runStub(bindings, id).tokens([
      { ...tokens, ...stale },
      { ...tokens, taskId: "nobody", attempt: 1 },
    ]);
    await player.complete("b");
    const told = await follower.until();
    expect(told.filter(({ type }) => type === "task.token")).toEqual([]);
    expect(seqs(told)).toEqual(upTo(told.length));
  });

  test("is not kept for who comes when the call is over", async () => {
    muteExecutors();
    const { id, player } = await startTalking();
    const follower = await Follower.of(id);
    await player.say("a", 0, "It is raining");
    await follower.text(13);
    await player.complete("a");
    await player.complete("b");
    expect((await (await Follower.of(id)).until()).every((one) => "seq" in one)).toBe(true);
  });

  test(`cuts a follower off that is ${LIMITS.followerBytes / 1024} KiB behind; it comes back and misses no event`, async () => {
    muteExecutors();
    const { id, player } = await startTalking();
    const slow = await Follower.of(id);
    const text = "x".repeat(128 * 1024);
    let offset = 0;
    for (let times = 0; times < 40 && (await isFollowed(player)); times++) {
      await player.say("a", offset, text);
      offset += text.length;
    }
    expect(await isFollowed(player)).toBe(false);
    expect(offset).toBeGreaterThanOrEqual(LIMITS.followerBytes);
    const told = await slow.until();
    await player.complete("a");
    await player.complete("b");
    const rest = await (await Follower.of(id, seqs(told).at(-1))).until();
    const all = [...seqs(told), ...seqs(rest)];
    expect(all).toEqual(upTo((await journalOf(id)).length));
  });
});

describe("text of a call that is made again elsewhere", () => {
  test("takes the place of what the call before it said, for those who follow and those who come later", async () => {
    const { pushes } = muteExecutors();
    const { id, player } = await startTalking();
    const early = await Follower.of(id);
    await player.say("a", 0, "It is raining");
    const asked = pushes.length;
    await player.say("a", 0, "Good", 2);
    await player.say("a", 4, " day", 2);
    expect(calls(await early.text(21))).toEqual([
      [1, 0, "It is raining"],
      [2, 0, "Good"],
      [2, 4, " day"],
    ]);
    const late = await Follower.of(id);
    expect(calls(await late.text(8))).toEqual([[2, 0, "Good day"]]);
    // As long as the first was, it is no gap.
    expect(pushes.length).toBe(asked);
  });

  test("is asked for where its beginning is missing, though the call before had said as much", async () => {
    const { pushes } = muteExecutors();
    const { id, player } = await startTalking();
    const follower = await Follower.of(id);
    await player.say("a", 0, "It is raining");
    await expect.poll(() => pushes.length).toBe(1);
    await player.say("a", 4, " day", 2);
    await expect.poll(() => pushes.length).toBe(2);
    await player.say("a", 0, "Good day", 2);
    expect(calls(await follower.text(21))).toEqual([
      [1, 0, "It is raining"],
      [2, 0, "Good day"],
    ]);
  });
});

describe("how far a running call is", () => {
  test("reaches those who follow, as it is told", async () => {
    muteExecutors();
    const { id, player } = await startTalking();
    const follower = await Follower.of(id);
    await player.report("a", { progress: 1, total: 3, message: "reading" });
    await player.say("a", 0, "It is");
    await player.report("a", { progress: 2 });
    const event = { type: "task.progress", taskId: "a", attempt: 1 };
    expect(await follower.progress(2)).toEqual([
      { ...event, progress: 1, total: 3, message: "reading" },
      { ...event, progress: 2 },
    ]);
  });

  test("is live only: it has no number, and the journal does not know it", async () => {
    muteExecutors();
    const { id, player } = await startTalking();
    const follower = await Follower.of(id);
    await player.report("a", { progress: 1 });
    await player.complete("a");
    await player.complete("b");
    const told = await follower.until();
    expect(told.filter(({ type }) => type === "task.progress")).toHaveLength(1);
    expect(told.filter((one) => "seq" in one)).toEqual(await journalOf(id));
  });

  test("says nothing of an attempt that is over, or of no task", async () => {
    muteExecutors();
    const { id, player } = await startTalking();
    const follower = await Follower.of(id);
    const stale = player.ref("a");
    await player.fail("a", "connection_failed");
    const event = { type: "task.progress", progress: 1 } as const;
    await player.tell([
      { ...event, ...stale },
      { ...event, ...stale, attempt: 2 },
      { ...event, taskId: "nobody", attempt: 1 },
    ]);
    unwrap(await runStub(bindings, id).steer(id, { type: "cancel", actor: "test" }));
    expect((await follower.until()).filter(({ type }) => type === "task.progress")).toEqual([]);
  });
});

test("text of the attempt before does not come back when the task is tried again", async () => {
  muteExecutors();
  const id = await start(workflowOf([chat("a", [], { retry: { baseDelay: 0 } })]));
  const player = new Player(id);
  await player.sync();
  await player.begin("a");
  const follower = await Follower.of(id);
  await player.say("a", 0, "It is raining");
  const stale = player.ref("a");
  await player.fail("a", "stream_broken");
  await player.begin("a");
  await player.tell([{ type: "task.token", ...stale, call: 1, offset: 13, text: " still" }]);
  await player.say("a", 0, "Good day");
  expect(texts(await follower.text(21))).toEqual([
    [0, "It is raining"],
    [0, "Good day"],
  ]);
  expect(texts(await (await Follower.of(id)).text(8))).toEqual([[0, "Good day"]]);
});

/** What an executor is told: whether somebody wants tokens. A sync knows of what was before it. */
async function isFollowed(player: Player): Promise<boolean> {
  await player.sync();
  return (await player.sync()).follow;
}

/** As a deployment does: memory and connections are gone at once. */
async function crash(id: string): Promise<void> {
  const crashed = runInDurableObject(objectOf(id), (_, state) => state.abort("crashed"));
  await expect(crashed).rejects.toThrow("crashed");
}
