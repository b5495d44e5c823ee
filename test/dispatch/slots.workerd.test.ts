/** The slots of one session, with the hub played: what is asked of it, what it is told, what becomes of late answers. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { makeRunId } from "../../src/contract/id.ts";
import { TIMING } from "../../src/contract/limits.ts";
import type { Acquire, AttemptRef, CallEnd, EndedSlot, Grant, HeldSlot } from "../../src/contract/sync.ts";
import type { Offer } from "../../src/dispatch/session.ts";
import { Slots } from "../../src/dispatch/slots.ts";
import { bindings } from "../workerd/start.ts";

const RUN = makeRunId(0, new Uint8Array(10));
const SESSION = "executor-0.x";
const FAILED: CallEnd = { kind: "failed", code: "provider_unavailable" };
const UNUSED: CallEnd = { kind: "unused" };
const A: AttemptRef = { taskId: "a", attempt: 1 };
const TOKEN = `${RUN}/a#1/${SESSION}`;

const offerOf = (ref: AttemptRef, more: Partial<Offer> = {}): Offer => ({
  ...ref,
  kind: "offer",
  need: { protocol: "llm/v1" },
  lane: "llm",
  priority: "high",
  avoid: [],
  ...more,
});
const instanceOf = (id: string) => ({ id, kind: "ollama", url: `http://${id}.test` });
const grantOf = (id: string): Grant => ({ kind: "granted", instance: instanceOf(id) });
const heldAt = (instance: string): HeldSlot => ({ token: TOKEN, runId: RUN, instance });
const away = () => Promise.reject(new Error("the object is away"));

/** A hub that answers as a test says, and what it has heard; `asked` names the hubs that were spoken to. */
function makeHub() {
  const hub = {
    asked: [] as string[],
    questions: [] as Acquire[][],
    exchanges: [] as { ended: EndedSlot; asked: Acquire }[],
    renewals: [] as HeldSlot[][],
    released: [] as EndedSlot[],
    grants: async (questions: Acquire[]): Promise<Grant[]> => questions.map(() => grantOf("spark")),
    next: async (): Promise<Grant> => grantOf("attic"),
    acceptance: async (): Promise<void> => {},
  };
  const stub = {
    acquire: (questions: Acquire[]) => {
      hub.questions.push(questions);
      return hub.grants(questions);
    },
    exchange: (ended: EndedSlot, asked: Acquire) => {
      hub.exchanges.push({ ended, asked });
      return hub.next();
    },
    renew: (slots: HeldSlot[]) => {
      hub.renewals.push(slots);
      return hub.acceptance();
    },
    release: (ended: EndedSlot[]) => {
      hub.released.push(...ended);
      return hub.acceptance();
    },
    list: async () => [
      { id: "spark", models: [{ name: "llama3.2:latest", loaded: true }] },
      { id: "attic", tools: ["sing"] },
    ],
  };
  const get = () => (name: string) => {
    hub.asked.push(name);
    return stub;
  };
  return { hub, env: { ...bindings, HUBS: new Proxy(bindings.HUBS, { get }) } };
}

let hub: ReturnType<typeof makeHub>["hub"];
let slots: Slots;

beforeEach(() => {
  vi.useFakeTimers();
  const made = makeHub();
  hub = made.hub;
  slots = new Slots(made.env, RUN, SESSION);
});
afterEach(() => void vi.useRealTimers());

/** The session has a slot of "spark" for this offer. */
async function hold(offer: Offer = offerOf(A)): Promise<void> {
  for (const [one, answer] of await slots.acquire(offer.need.protocol, [offer])) {
    if (answer.kind === "granted") slots.put(one, answer.slot);
  }
}

describe("a question to the hub", () => {
  test("is one for all offers, and says what each of them needs and avoids", async () => {
    const b = offerOf({ taskId: "b", attempt: 3 }, { priority: "low", avoid: ["spark"] });
    const answers = await slots.acquire("llm/v1", [offerOf(A), b]);
    expect(hub.asked).toEqual(["llm/v1"]);
    const need = { protocol: "llm/v1" };
    expect(hub.questions).toEqual([
      [
        { token: TOKEN, runId: RUN, need, lane: "llm", priority: "high", avoid: [] },
        { token: `${RUN}/b#3/${SESSION}`, runId: RUN, need, lane: "llm", priority: "low", avoid: ["spark"] },
      ],
    ]);
    expect(answers.map(([{ taskId }, { kind }]) => [taskId, kind])).toEqual([
      ["a", "granted"],
      ["b", "granted"],
    ]);
  });

  test("is answered for each offer by itself", async () => {
    const error = { code: "no_provider" as const, message: "nobody serves it", retryable: false };
    hub.grants = async () => [
      { kind: "parked" },
      { kind: "refused", error, retryAfterMs: 7 },
      grantOf("attic"),
    ];
    const offers = ["a", "b", "c"].map((taskId) => offerOf({ taskId, attempt: 1 }));
    const answers = await slots.acquire("llm/v1", offers);
    expect(answers).toMatchObject([
      [{ taskId: "a" }, { kind: "parked" }],
      [{ taskId: "b" }, { kind: "refused", error, retryAfterMs: 7 }],
      [{ taskId: "c" }, { kind: "granted", slot: { instance: instanceOf("attic") } }],
    ]);
  });

  test.each([
    ["that gets lost", away],
    ["that is answered in part", async () => []],
  ])("%s means that nothing is free", async (_, grants) => {
    hub.grants = grants;
    expect(await slots.acquire("llm/v1", [offerOf(A)])).toMatchObject([[A, { kind: "parked" }]]);
  });

  test("makes nobody a holder: an answer may be unwanted by now", async () => {
    await slots.acquire("llm/v1", [offerOf(A)]);
    expect(slots.instanceFor(A)).toBeUndefined();
    await hold();
    expect(slots.instanceFor(A)).toEqual(instanceOf("spark"));
  });
});

describe("after a failure a slot", () => {
  test("is exchanged for one elsewhere, under the same token, and the hub is told of the failure", async () => {
    await hold(offerOf(A, { avoid: ["cellar"] }));
    expect(await slots.exchange(A, FAILED)).toEqual(grantOf("attic"));
    const [exchange] = hub.exchanges;
    expect(exchange?.ended).toEqual({ ...heldAt("spark"), end: FAILED });
    expect(exchange?.asked).toEqual({ ...hub.questions[0]?.[0], avoid: ["cellar", "spark"] });
    expect(slots.instanceFor(A)).toEqual(instanceOf("attic"));
    expect(hub.released).toEqual([]);
  });

  test("is exchanged again, and comes back to none of those that failed", async () => {
    await hold();
    await slots.exchange(A, FAILED);
    hub.next = async () => grantOf("loft");
    await slots.exchange(A, FAILED);
    expect(hub.exchanges[1]).toMatchObject({
      ended: heldAt("attic"),
      asked: { token: TOKEN, avoid: ["spark", "attic"] },
    });
    slots.release(A, UNUSED);
    expect(hub.released).toEqual([{ ...heldAt("loft"), end: UNUSED }]);
  });

  test.each<[string, () => Promise<Grant>, string]>([
    ["is gone where all others are busy", async () => ({ kind: "parked" }), "parked"],
    [
      "is gone where there is no other",
      async () => ({ kind: "refused", error: { code: "no_provider", message: "none", retryable: false } }),
      "refused",
    ],
    ["is gone where the answer gets lost: its lease gives it back", away, "parked"],
  ])("%s, and is not given back once more", async (_, next, kind) => {
    await hold();
    hub.next = next;
    expect(await slots.exchange(A, FAILED)).toEqual({ kind });
    slots.release(A, FAILED);
    slots.releaseAll();
    expect([slots.instanceFor(A), hub.released]).toEqual([undefined, []]);
  });

  test("that was given back before is not exchanged, and the hub not asked", async () => {
    await hold();
    slots.release(A, UNUSED);
    expect(await slots.exchange(A, FAILED)).toEqual({ kind: "refused" });
    expect(hub.exchanges).toEqual([]);
  });
});

describe("a slot that is dropped while it is exchanged", () => {
  const drops: [string, () => void][] = [
    ["with its call", () => slots.release(A, UNUSED)],
    ["with the session", () => slots.releaseAll()],
  ];

  test.each(drops)("%s: the new one goes back unused, and the call goes nowhere", async (_, drop) => {
    const next = Promise.withResolvers<Grant>();
    hub.next = () => next.promise;
    await hold();
    const exchanged = slots.exchange(A, FAILED);
    drop();
    next.resolve(grantOf("attic"));
    expect(await exchanged).toEqual({ kind: "refused" });
    expect(hub.released.at(-1)).toEqual({ ...heldAt("attic"), end: UNUSED });
    expect(slots.instanceFor(A)).toBeUndefined();
  });
});

describe("a slot", () => {
  test("is given back with what its call says of the instance, once", async () => {
    await hold();
    const end: CallEnd = { kind: "answered", latencyMs: 7 };
    slots.release(A, end);
    slots.release(A, end);
    slots.releaseAll();
    expect(hub.released).toEqual([{ ...heldAt("spark"), end }]);
  });

  test("that is not wanted any more goes back unused, and says nothing of its instance", async () => {
    await hold();
    await hold(offerOf({ taskId: "b", attempt: 1 }));
    slots.releaseAll();
    expect(hub.released.map(({ token, end }) => [token, end])).toEqual([
      [TOKEN, UNUSED],
      [`${RUN}/b#1/${SESSION}`, UNUSED],
    ]);
  });

  test("is renewed as often as the lease of its run, with all others of its hub, and no more often", async () => {
    await hold();
    await hold(offerOf({ taskId: "b", attempt: 1 }));
    await hold(offerOf({ taskId: "c", attempt: 1 }, { need: { protocol: "python/v1" } }));
    vi.advanceTimersByTime(TIMING.renewMs - 1);
    expect(hub.renewals).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(hub.renewals.map((held) => held.length)).toEqual([2, 1]);
    expect(hub.renewals[0]?.[0]).toEqual(heldAt("spark"));
    vi.advanceTimersByTime(TIMING.renewMs);
    expect(hub.renewals.length).toBe(4);
  });

  test("is not renewed any more when it was given back", async () => {
    await hold();
    slots.release(A, UNUSED);
    vi.advanceTimersByTime(3 * TIMING.renewMs);
    expect(hub.renewals).toEqual([]);
  });

  test("is renewed where it has moved to", async () => {
    await hold();
    await slots.exchange(A, FAILED);
    vi.advanceTimersByTime(TIMING.renewMs);
    expect(hub.renewals).toEqual([[heldAt("attic")]]);
  });

  test("is not renewed while it is exchanged: it is at neither instance", async () => {
    const next = Promise.withResolvers<Grant>();
    hub.next = () => next.promise;
    await hold();
    const exchanged = slots.exchange(A, FAILED);
    vi.advanceTimersByTime(TIMING.renewMs);
    next.resolve(grantOf("attic"));
    await exchanged;
    expect(hub.renewals.flat()).toEqual([]);
  });

  test("whose renewal or return gets lost disturbs nobody", async () => {
    hub.acceptance = away;
    await hold();
    vi.advanceTimersByTime(TIMING.renewMs);
    slots.release(A, UNUSED);
    await vi.advanceTimersByTimeAsync(0);
    expect([hub.renewals.length, hub.released.length]).toEqual([1, 1]);
  });
});

test("what the instances of a protocol offer is what their hub says", async () => {
  expect(await slots.siblings("llm/v1")).toEqual([
    { id: "spark", models: ["llama3.2:latest"], tools: [] },
    { id: "attic", models: [], tools: ["sing"] },
  ]);
});
