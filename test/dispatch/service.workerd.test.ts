/** One executor serving one run, with run, hub and provider played: what it does when they are slow, late or gone. */
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { makeRunId } from "../../src/contract/id.ts";
import { encodeJson } from "../../src/contract/json.ts";
import { TIMING } from "../../src/contract/limits.ts";
import type { Grant, SyncAnswer, SyncRequest, Work } from "../../src/contract/sync.ts";
import { makePermits } from "../../src/dispatch/permits.ts";
import { Service } from "../../src/dispatch/service.ts";
import type { Env } from "../../src/env.ts";
import { bindings } from "../workerd/start.ts";

const RUN = makeRunId(0, new Uint8Array(10));
const NOTHING: SyncAnswer = { work: [], drop: [], follow: false, more: false };
const INSTANCE = { id: "spark", kind: "ollama", url: "http://ollama.test" };
const GRANTED: Grant = { kind: "granted", instance: INSTANCE };
const ref = { taskId: "a", attempt: 1 };

const offer: Work = { ...ref, kind: "offer", need: { protocol: "llm/v1" }, lane: "llm", priority: "normal" };
const call: Work = {
  ...ref,
  kind: "call",
  protocol: "llm/v1",
  method: "llm/chat",
  params: encodeJson({ model: "llama3.2", messages: [{ role: "user", content: "Hello" }] }),
  timeoutMs: 3_600_000,
  idempotencyKey: "key",
};
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

/** What the outside of a service does, to be changed by a test, and what has reached it, in order. */
function makeOutside() {
  const log: string[] = [];
  const outside = {
    log,
    syncs: [] as { at: number; request: SyncRequest }[],
    sync: (async () => NOTHING) as Answer,
    acquire: async (): Promise<Grant[]> => [GRANTED],
    renewals: [] as number[],
    released: [] as string[],
    /** One for each provider call; it fires when the connection is closed. */
    signals: [] as AbortSignal[],
    answers: [] as ((response: Response) => void)[],
  };
  const run = {
    sync: (request: SyncRequest) => {
      outside.syncs.push({ at: Date.now(), request: structuredClone(request) });
      log.push(`sync ${request.ended.map(({ outcome }) => outcome.kind).join()}`.trim());
      return outside.sync(request);
    },
    tokens: async (batch: { text: string }[]) => void log.push(`tokens ${batch.map(({ text }) => text)}`),
  };
  const hub = {
    acquire: () => outside.acquire(),
    renew: async () => void outside.renewals.push(Date.now()),
    release: async (tokens: string[]) => void outside.released.push(...tokens),
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
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation((_, init) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const signal = init?.signal ?? new AbortController().signal;
    outside.signals.push(signal);
    outside.answers.push(resolve);
    signal.addEventListener("abort", () => reject(signal.reason));
    return promise;
  });
  onTestFinished(() => spy.mockRestore());
  service = new Service({
    env: made.env,
    runId: RUN,
    session: "executor-0.x",
    permits: makePermits(6),
    room: () => ({ calls: 6, instant: 48 }),
    roomGrew: () => {},
  });
});
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** The service has a call under way: offered, granted, begun. */
async function serveCall(): Promise<{ ended: () => boolean }> {
  const work = [[offer], [call]];
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
    expect(outside.released).toEqual([`${RUN}/a#1/executor-0.x`]);
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
    expect(outside.released).toEqual([`${RUN}/a#1/executor-0.x`]);
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
    expect(outside.released).toHaveLength(1);
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
  const line = (content: string, done: boolean) => `${JSON.stringify({ message: { content }, done })}\n`;
  outside.answers[0]?.(new Response(line("It is", false) + line(" raining", false) + line("", true)));
  await pass(0);
  expect(outside.log.slice(-2)).toEqual(["tokens It is raining", "sync completed"]);
  expect(ended()).toBe(true);
});

/** The longest time without any of these, from then to now. */
function longestGap(since: number, times: number[]): number {
  const all = [since, ...times, Date.now()];
  return Math.max(...all.slice(1).map((at, index) => at - (all[index] ?? 0)));
}
