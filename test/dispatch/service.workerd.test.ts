/** One executor serving one run, with run, hub and provider played: what it does when they are slow, late or gone. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LiveEvent } from "../../src/contract/event.ts";
import { makeRunId } from "../../src/contract/id.ts";
import { encodeJson } from "../../src/contract/json.ts";
import { TIMING } from "../../src/contract/limits.ts";
import type { CallEnd, EndedSlot, Grant, SyncAnswer, SyncRequest, Work } from "../../src/contract/sync.ts";
import { Service } from "../../src/dispatch/service.ts";
import type { Env } from "../../src/env.ts";
import { bindings } from "../workerd/start.ts";

const RUN = makeRunId(0, new Uint8Array(10));
const NOTHING: SyncAnswer = { work: [], drop: [], follow: false, more: false };
const INSTANCE = { id: "spark", kind: "ollama", url: "http://ollama.test" };
const GRANTED: Grant = { kind: "granted", instance: INSTANCE };
const ATTIC = { id: "attic", kind: "ollama", url: "http://attic.test" };
const ref = { taskId: "a", attempt: 1 };

const offer: Work = {
  ...ref,
  kind: "offer",
  need: { protocol: "llm/v1" },
  lane: "llm",
  priority: "normal",
  avoid: [],
};
const call: Work = {
  ...ref,
  kind: "call",
  protocol: "llm/v1",
  method: "llm/chat",
  params: encodeJson({ model: "llama3.2", messages: [{ role: "user", content: "Hello" }] }),
  timeoutMs: 3_600_000,
  idempotencyKey: "key",
};
const called: Work = { ...call, instance: "spark" };
const instant = (attempt: number): Work => ({
  ...call,
  taskId: "chain",
  attempt,
  protocol: "echo/v1",
  method: "echo/echo",
  params: encodeJson({ message: "hi" }),
});

type Answer = (request: SyncRequest) => Promise<SyncAnswer>;
const silence = () => new Promise<never>(() => {});
const away = () => Promise.reject(new Error("the object is away"));

const SLOT = { token: `${RUN}/a#1/executor-0.x`, runId: RUN, instance: "spark" };
const SLOT_UNUSED = { ...SLOT, end: { kind: "unused" } };
const wordFor = (end: CallEnd) => (end.kind === "failed" ? end.code : end.kind);
const wordsOf = (event: LiveEvent) =>
  event.type === "task.token" ? `${event.call}: ${event.text}` : `${event.progress}`;

/** What the outside of a service does, to be changed by a test, and what has reached it, in order. */
function makeOutside() {
  const log: string[] = [];
  const outside = {
    log,
    syncs: [] as { at: number; request: SyncRequest }[],
    sync: (async () => NOTHING) as Answer,
    acquire: async (): Promise<Grant[]> => [GRANTED],
    renewals: [] as number[],
    exchange: async (): Promise<Grant> => ({ kind: "parked" }),
    released: [] as EndedSlot[],
    /** One for each provider call; it fires when the connection is closed. */
    signals: [] as AbortSignal[],
    urls: [] as string[],
    answers: [] as ((response: Response) => void)[],
  };
  const run = {
    sync: (request: SyncRequest) => {
      outside.syncs.push({ at: Date.now(), request: structuredClone(request) });
      log.push(`sync ${request.ended.map(({ outcome }) => outcome.kind).join()}`.trim());
      return outside.sync(request);
    },
    tokens: async (batch: LiveEvent[]) => void log.push(`tokens ${batch.map(wordsOf)}`),
  };
  const hub = {
    acquire: () => outside.acquire(),
    renew: async () => void outside.renewals.push(Date.now()),
    exchange: async ({ end }: EndedSlot) => {
      log.push(`exchange after ${wordFor(end)}`);
      return await outside.exchange();
    },
    release: async (slots: EndedSlot[]) => void outside.released.push(...slots),
  };
  const objects = (stub: object) => new Proxy(bindings.RUNS, { get: () => () => stub });
  const env: Env = { ...bindings, RUNS: objects(run), HUBS: objects(hub) };
  return { outside, env };
}

let outside: ReturnType<typeof makeOutside>["outside"];
let service: Service;

beforeEach(() => {
  vi.useFakeTimers();
  const made = makeOutside();
  outside = made.outside;
  const call = (input: unknown, init?: RequestInit) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const signal = init?.signal ?? new AbortController().signal;
    outside.urls.push(String(input));
    outside.signals.push(signal);
    outside.answers.push(resolve);
    signal.addEventListener("abort", () => reject(signal.reason));
    return promise;
  };
  service = new Service({
    env: made.env,
    runId: RUN,
    session: "executor-0.x",
    fetch: call,
    room: () => ({ calls: 6, instant: 48 }),
    roomGrew: () => {},
  });
});
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** The service has a call under way: offered, granted, begun. */
async function serveCall(): Promise<{ ended: () => boolean }> {
  const work = [[offer], [called]];
  outside.sync = async () => ({ ...NOTHING, work: work.shift() ?? [] });
  let hasEnded = false;
  void service.serve().then(() => {
    hasEnded = true;
  });
  await pass(0);
  expect(outside.signals).toHaveLength(1);
  return { ended: () => hasEnded };
}

const isAborted = () => outside.signals[0]?.aborted;
const lastAnswered = () => outside.syncs.filter(({ request }) => request.seq < 4).at(-1)?.at ?? 0;

describe("a run that does not answer", () => {
  test.each([
    ["is silent", silence],
    ["is away", away],
  ])("%s: calls are aborted before their lease ends, and slots given back", async (_, answer) => {
    const { ended } = await serveCall();
    await pass(TIMING.renewMs);
    outside.sync = answer;
    const heardAt = lastAnswered();
    await pass(heardAt + TIMING.leaseAbortMs - 1 - Date.now());
    expect([isAborted(), ended()]).toEqual([false, false]);
    await pass(10);
    expect([isAborted(), ended()]).toEqual([true, true]);
    expect(Date.now() - heardAt).toBeLessThan(TIMING.leaseMs);
    expect(outside.released).toEqual([SLOT_UNUSED]);
  });

  test("is told the same again, each time a little later, until it answers", async () => {
    await serveCall();
    outside.sync = away;
    await pass(TIMING.renewMs + 10_000);
    const repeated = outside.syncs.filter(({ request }) => request.seq === 3);
    expect(repeated.length).toBeGreaterThan(5);
    expect(repeated.length).toBeLessThan(15);
    for (const { request } of repeated) expect(request).toEqual(repeated[0]?.request);
    outside.sync = async () => NOTHING;
    await pass(20_000);
    expect(outside.syncs.at(-1)?.request.seq).toBeGreaterThan(3);
    expect(isAborted()).toBe(false);
  });

  test("counts from when it was spoken to, not from when it answered", async () => {
    const { ended } = await serveCall();
    const late = Promise.withResolvers<SyncAnswer>();
    outside.sync = () => late.promise;
    await pass(TIMING.renewMs);
    const sentAt = Date.now();
    await pass(10_000);
    outside.sync = silence;
    late.resolve(NOTHING);
    await pass(sentAt + TIMING.leaseAbortMs - 1 - Date.now());
    expect(ended()).toBe(false);
    await pass(10);
    expect([ended(), isAborted()]).toEqual([true, true]);
  });
});

describe("while a call takes long", () => {
  test("the run hears of it, and its slot is renewed, at least every 10 seconds", async () => {
    await serveCall();
    const since = Date.now();
    await pass(120_000);
    expect(
      longestGap(
        since,
        outside.syncs.map(({ at }) => at),
      ),
    ).toBeLessThanOrEqual(TIMING.renewMs);
    expect(longestGap(since, outside.renewals)).toBeLessThanOrEqual(TIMING.renewMs);
    expect(outside.syncs.at(-1)?.request.holding).toEqual([ref]);
  });

  test("its slot is renewed also where there is always news, and no more often", async () => {
    await serveCall();
    let attempt = 1;
    // A chain of instant tasks keeps the session busy: it never has to wait for news.
    outside.sync = async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { ...NOTHING, work: [instant(attempt++)] };
    };
    service.invite();
    const since = Date.now();
    await pass(60_000);
    expect(attempt).toBeGreaterThan(300);
    expect(longestGap(since, outside.renewals)).toBeLessThanOrEqual(TIMING.renewMs);
    expect(outside.renewals.length).toBeLessThanOrEqual((2 * 60_000) / TIMING.renewMs);
  });
});

describe("an answer of the hub", () => {
  test("that comes when the offer was dropped: the slot goes back, and no call is made", async () => {
    const slot = Promise.withResolvers<Grant[]>();
    outside.acquire = () => slot.promise;
    const work = [[offer]];
    outside.sync = async () => ({ ...NOTHING, work: work.shift() ?? [] });
    const served = service.serve();
    await pass(0);
    service.push({ session: "executor-0.x", drop: [ref], follow: false });
    await served;
    slot.resolve([GRANTED]);
    await pass(0);
    expect(outside.released).toEqual([SLOT_UNUSED]);
    expect(outside.signals).toEqual([]);
  });

  test.each([
    ["that it has none", async (): Promise<Grant[]> => [{ kind: "parked" }]],
    ["that does not come", away],
  ])("%s gives the offer back, so that nothing waits for it here", async (_, acquire) => {
    outside.acquire = acquire;
    const work = [[offer]];
    outside.sync = async () => ({ ...NOTHING, work: work.shift() ?? [] });
    await service.serve();
    expect(outside.syncs.at(-1)?.request.ended).toEqual([
      { ...ref, outcome: { kind: "returned", reason: "parked" } },
    ]);
  });

  test("that there never will be one fails the task with its reason", async () => {
    const error = { code: "no_provider" as const, message: "nobody serves it", retryable: false };
    outside.acquire = async () => [{ kind: "refused", error }];
    const work = [[offer]];
    outside.sync = async () => ({ ...NOTHING, work: work.shift() ?? [] });
    await service.serve();
    expect(outside.syncs.at(-1)?.request.ended).toEqual([{ ...ref, outcome: { kind: "failed", error } }]);
  });
});

describe("a call that is dropped", () => {
  test("by a push is aborted at once, its slot given back, and its end reported to nobody", async () => {
    const { ended } = await serveCall();
    service.push({ session: "executor-0.x", drop: [ref], follow: false });
    await pass(0);
    expect([isAborted(), ended()]).toEqual([true, true]);
    expect(outside.released).toEqual([SLOT_UNUSED]);
    expect(outside.syncs.flatMap(({ request }) => request.ended)).toEqual([]);
  });

  test("by an answer as well", async () => {
    const { ended } = await serveCall();
    outside.sync = async () => ({ ...NOTHING, drop: [ref] });
    await pass(TIMING.renewMs);
    expect([isAborted(), ended()]).toEqual([true, true]);
  });
});

test("the last tokens are sent before the result is reported", async () => {
  const { ended } = await serveCall();
  service.push({ session: "executor-0.x", drop: [], follow: true });
  outside.answers[0]?.(new Response(line("It is") + line(" raining") + line("", true)));
  await pass(0);
  expect(outside.log.slice(-2)).toEqual(["tokens 1: It is raining", "sync completed"]);
  expect(ended()).toBe(true);
});

test("a slot is given back with what its call says of the instance", async () => {
  await serveCall();
  await pass(700);
  outside.answers[0]?.(new Response(line("Yes", true)));
  await pass(0);
  expect(outside.released).toEqual([{ ...SLOT, end: { kind: "answered", latencyMs: 700 } }]);
});

describe("a call that fails at its instance", () => {
  const tried = [{ instance: "spark", code: "stream_broken", message: expect.stringContaining("spark") }];
  /** It has told some text, and breaks off. */
  const breakOff = async () => {
    outside.answers[0]?.(new Response(line("It is")));
    await pass(0);
  };
  const lastEnd = () => outside.syncs.at(-1)?.request.ended[0]?.outcome;

  test("goes on at the one that the hub gives for it, in the same attempt; its text begins anew", async () => {
    const { ended } = await serveCall();
    service.push({ session: "executor-0.x", drop: [], follow: true });
    outside.exchange = async () => ({ kind: "granted", instance: ATTIC });
    await breakOff();
    expect(outside.urls.map((url) => new URL(url).host)).toEqual(["ollama.test", "attic.test"]);
    outside.answers[1]?.(new Response(line("Good day", true)));
    await pass(0);
    expect(outside.log.slice(-3)).toEqual([
      "exchange after stream_broken",
      "tokens 2: Good day",
      "sync completed",
    ]);
    expect(lastEnd()).toMatchObject({ kind: "completed", instance: "attic", tried });
    expect(outside.released).toEqual([
      { ...SLOT, instance: "attic", end: { kind: "answered", latencyMs: expect.any(Number) } },
    ]);
    expect(ended()).toBe(true);
  });

  test.each([
    ["that all others are busy", async (): Promise<Grant> => ({ kind: "parked" })],
    ["nothing", away],
  ])("is given back where the hub says %s, and no slot is kept", async (_, exchange) => {
    const { ended } = await serveCall();
    outside.exchange = exchange;
    await breakOff();
    expect(lastEnd()).toMatchObject({ kind: "returned", reason: "no_slot", tried });
    expect([outside.released, ended()]).toEqual([[], true]);
  });

  test("and is dropped while the hub is asked is made nowhere, and the slot that comes late goes back", async () => {
    const { ended } = await serveCall();
    const late = Promise.withResolvers<Grant>();
    outside.exchange = () => late.promise;
    await breakOff();
    service.push({ session: "executor-0.x", drop: [ref], follow: false });
    await pass(0);
    expect(ended()).toBe(true);
    late.resolve({ kind: "granted", instance: ATTIC });
    await pass(0);
    expect(outside.signals).toHaveLength(1);
    expect(outside.released.at(-1)).toEqual({ ...SLOT_UNUSED, instance: "attic" });
    expect(outside.syncs.flatMap(({ request }) => request.ended)).toEqual([]);
  });
});

/** A line of an Ollama's answer. */
function line(content: string, done = false): string {
  return `${JSON.stringify({ message: { content }, done })}\n`;
}

/** The longest time without any of these, from then to now. */
function longestGap(since: number, times: number[]): number {
  const all = [since, ...times, Date.now()];
  return Math.max(...all.slice(1).map((at, index) => at - (all[index] ?? 0)));
}
