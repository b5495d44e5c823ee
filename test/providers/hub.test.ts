/** Who gets the next call of a protocol: one slot at a time, in an order that starves nobody. */
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { CAPACITY, TIMING } from "../../src/contract/limits.ts";
import type { Acquire, Grant } from "../../src/contract/sync.ts";
import type { Priority } from "../../src/contract/workflow.ts";
import {
  acquire,
  decline,
  type Hub,
  hubDue,
  inviteNext,
  makeHub,
  release,
  renew,
} from "../../src/providers/hub.ts";

const SPARK = { id: "spark", kind: "ollama", url: "http://127.0.0.1:11434" };
const NOW = Date.UTC(2026, 10, 1);
const MINUTE = TIMING.ageingMs;

let hub: Hub;
let now: number;
let count = 0;

beforeEach(() => {
  hub = makeHub("llm/v1", { ...SPARK, maxConcurrent: 2 });
  now = NOW;
});

const question = (runId: string, more: Partial<Acquire> = {}): Acquire => ({
  token: `${runId}/task-${count++}#1/session`,
  runId,
  need: { protocol: "llm/v1" },
  lane: "any",
  priority: "normal",
  ...more,
});

const ask = (runId: string, more: Partial<Acquire> = {}): Grant["kind"] =>
  acquire(hub, question(runId, more), now).kind;

/** Takes a slot and gives its token. */
function take(runId: string): string {
  const asked = question(runId);
  expect(acquire(hub, asked, now).kind).toBe("granted");
  return asked.token;
}

/** A hub without a free slot: the tokens of those that are taken. */
const takeAll = (): string[] => [take("busy-1"), take("busy-2")];

/** Frees a slot and tells whom it is kept for. */
function free(token: string): string[] {
  release(hub, [token]);
  return inviteNext(hub, now).map(({ runId }) => runId);
}

/** In which order runs that wait are served, one slot at a time, each used at once. */
function servedInOrder(token: string): string[] {
  const order: string[] = [];
  for (let held = token; ; ) {
    const [next] = free(held);
    if (next === undefined) return order;
    order.push(next);
    held = take(next);
  }
}

describe("a slot", () => {
  test("is given at once while there is one, with the instance it is of", () => {
    expect(acquire(hub, question("a"), now)).toEqual({ kind: "granted", instance: SPARK });
    expect(ask("b")).toBe("granted");
    expect(ask("c")).toBe("parked");
  });

  test("is given once for a token, however often that asks", () => {
    const asked = question("a");
    for (let times = 0; times < 5; times++) expect(acquire(hub, asked, now).kind).toBe("granted");
    expect(hub.slots.size).toBe(1);
  });

  test("is free again when it is released, or released twice", () => {
    const [token = ""] = takeAll();
    release(hub, [token]);
    release(hub, [token, "unknown"]);
    expect(ask("a")).toBe("granted");
    expect(ask("b")).toBe("parked");
  });

  test("is leased: without a sign of life it is free again", () => {
    takeAll();
    now += TIMING.leaseMs - 1;
    expect(ask("a")).toBe("parked");
    now += 1;
    expect(inviteNext(hub, now)).toEqual([{ runId: "a", lane: "any" }]);
  });

  test("is kept as long as its lease is renewed", () => {
    const tokens = takeAll();
    for (let times = 0; times < 10; times++) {
      now += TIMING.renewMs;
      renew(hub, tokens, now);
      expect(ask("a")).toBe("parked");
    }
  });

  test("that is renewed after the hub lost its memory is known again, and whose it is", () => {
    const [token = ""] = takeAll();
    hub = makeHub("llm/v1", { ...SPARK, maxConcurrent: 1 });
    renew(hub, [token], now);
    expect(hub.slots.get(token)?.runId).toBe("busy-1");
    expect(ask("a")).toBe("parked");
    release(hub, [token]);
    expect(inviteNext(hub, now)).toHaveLength(1);
  });

  test.each([
    ["llm/v1", "GLEITZEIT_OLLAMA_URLS"],
    ["python/v1", "GLEITZEIT_PYTHON_URLS"],
    ["custom/v1", "register an instance"],
  ])("of %s is refused where there is no instance, and it says what to do: %s", (protocol, advice) => {
    hub = makeHub(protocol, undefined);
    const grant = acquire(hub, question("a"), now);
    expect(grant).toMatchObject({
      kind: "refused",
      error: { code: "no_provider", message: expect.stringContaining(advice) },
    });
    expect(hub.waiting.size).toBe(0);
  });
});

describe("who waits", () => {
  test("is served first come, first served", () => {
    const [token = ""] = takeAll();
    for (const run of ["a", "b", "c"]) {
      now += 1;
      ask(run);
    }
    expect(servedInOrder(token)).toEqual(["a", "b", "c"]);
  });

  test("is served by priority", () => {
    const [token = ""] = takeAll();
    const priorities: Priority[] = ["low", "normal", "urgent", "high"];
    for (const priority of priorities) ask(priority, { priority });
    expect(servedInOrder(token)).toEqual(["urgent", "high", "normal", "low"]);
  });

  test("rises one class with every minute of waiting", () => {
    const [token = "", other = ""] = takeAll();
    ask("patient", { priority: "low" });
    now += MINUTE - 1;
    renew(hub, [token, other], now);
    ask("normal");
    expect(free(token)).toEqual(["normal"]);
    now += 1;
    renew(hub, [other], now);
    ask("late");
    // Both are of the class "normal" by now: the one that came first.
    expect(free(other)).toEqual(["patient"]);
  });

  test("comes before an urgent task that is new, in the end: nobody starves", () => {
    const [token = ""] = takeAll();
    ask("patient", { priority: "low" });
    now += 4 * MINUTE;
    ask("urgent", { priority: "urgent" });
    expect(free(token)[0]).toBe("patient");
  });

  test("comes before a run that has more slots", () => {
    const [token = ""] = [take("greedy"), take("greedy")];
    ask("greedy");
    now += 1;
    ask("modest");
    expect(free(token)).toEqual(["modest"]);
  });

  test("comes before a run for which a slot is kept already", () => {
    const tokens = takeAll();
    ask("greedy", { lane: "one" });
    now += 1;
    ask("greedy", { lane: "two" });
    now += 1;
    ask("modest");
    release(hub, tokens);
    expect(inviteNext(hub, now).map(({ runId }) => runId)).toEqual(["greedy", "modest"]);
  });

  test("waits once for each need, since when it asked first and with its most urgent task", () => {
    const [token = ""] = takeAll();
    ask("a", { priority: "low" });
    ask("b");
    now += 1;
    ask("a", { priority: "high" });
    ask("a", { priority: "low" });
    expect([...hub.waiting.values()]).toMatchObject([
      { runId: "a", priority: "high", since: NOW },
      { runId: "b" },
    ]);
    expect(servedInOrder(token)).toEqual(["a", "b"]);
  });

  test("waits for each of its needs by itself", () => {
    const tokens = takeAll();
    ask("a", { lane: "small model" });
    ask("a", { lane: "large model" });
    release(hub, tokens);
    expect(inviteNext(hub, now).map(({ lane }) => lane)).toEqual(["small model", "large model"]);
  });

  test(`is forgotten beyond ${CAPACITY.hubWaiting} and has to ask again by itself`, () => {
    takeAll();
    for (let index = 0; index <= CAPACITY.hubWaiting; index++) ask(`run-${index}`);
    expect(hub.waiting.size).toBe(CAPACITY.hubWaiting);
  });
});

describe("a slot that comes free", () => {
  test("is kept for the run that is invited to it", () => {
    const [token = ""] = takeAll();
    ask("a");
    expect(free(token)).toEqual(["a"]);
    expect(ask("b")).toBe("parked");
    expect(ask("a")).toBe("granted");
  });

  test("is kept once: the run's second question waits", () => {
    const [token = ""] = takeAll();
    ask("a");
    free(token);
    expect([ask("a"), ask("a")]).toEqual(["granted", "parked"]);
  });

  test("is kept for 5 seconds, then somebody else's", () => {
    const [token = ""] = takeAll();
    ask("a");
    free(token);
    ask("b");
    now += TIMING.reservationMs - 1;
    expect(inviteNext(hub, now)).toEqual([]);
    now += 1;
    expect(inviteNext(hub, now)).toEqual([{ runId: "b", lane: "any" }]);
    expect(ask("a")).toBe("parked");
  });

  test("is not for who comes by in the moment when a reservation ends: others wait longer", () => {
    const [token = ""] = takeAll();
    ask("a");
    free(token);
    ask("b");
    now += TIMING.reservationMs;
    expect(ask("newcomer")).toBe("parked");
    expect(inviteNext(hub, now).map(({ runId }) => runId)).toEqual(["b"]);
  });

  test("goes to the next at once where the invited run has nothing left for it", () => {
    const [token = ""] = takeAll();
    ask("a");
    ask("b");
    expect(free(token)).toEqual(["a"]);
    decline(hub, { runId: "a", lane: "any" });
    expect(inviteNext(hub, now).map(({ runId }) => runId)).toEqual(["b"]);
  });

  test("invites nobody where nobody waits", () => {
    const [token = ""] = takeAll();
    expect(free(token)).toEqual([]);
    expect(ask("a")).toBe("granted");
  });

  test("invites as many as there are slots", () => {
    const tokens = takeAll();
    for (const run of ["a", "b", "c"]) ask(run);
    release(hub, tokens);
    expect(inviteNext(hub, now).map(({ runId }) => runId)).toEqual(["a", "b"]);
    expect(inviteNext(hub, now)).toEqual([]);
  });
});

describe("the hub looks again", () => {
  test("when the first lease or reservation ends, if anybody waits", () => {
    const [token = ""] = takeAll();
    ask("a");
    expect(hubDue(hub)).toBe(now + TIMING.leaseMs);
    free(token);
    ask("b");
    expect(hubDue(hub)).toBe(now + TIMING.reservationMs);
  });

  test("never, if nobody waits", () => {
    takeAll();
    expect(hubDue(hub)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("whatever happens", () => {
  const run = fc.integer({ min: 0, max: 5 }).map((number) => `run-${number}`);
  const step = fc.oneof(
    fc.record({ does: fc.constant("ask" as const), run }),
    fc.record({ does: fc.constant("release" as const), nth: fc.nat(9) }),
    fc.record({ does: fc.constant("decline" as const), run }),
    fc.record({ does: fc.constant("wait" as const), ms: fc.nat(TIMING.reservationMs) }),
  );

  test("no more slots are given or kept than there are, and nobody waits beside a free one", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        hub = makeHub("llm/v1", { ...SPARK, maxConcurrent: 3 });
        now = NOW;
        for (const one of steps) {
          if (one.does === "ask") ask(one.run);
          if (one.does === "release") release(hub, [...hub.slots.keys()].slice(one.nth, one.nth + 1));
          if (one.does === "decline") decline(hub, { runId: one.run, lane: "any" });
          if (one.does === "wait") now += one.ms;
          inviteNext(hub, now);
          const used = hub.slots.size + hub.reserved.size;
          expect(used).toBeLessThanOrEqual(3);
          expect(used === 3 || hub.waiting.size === 0).toBe(true);
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});
