/** The hub's object: it looks through executors, keeps slots for runs that wait, and waits for nobody itself. */
import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LIMITS, TIMING } from "../../src/contract/limits.ts";
import { unwrap } from "../../src/reply.ts";
import { askOne, deployedWith, emptyHub, hubOf, playAround, reportOf, type TestHub } from "../workerd/hub.ts";
import { newId } from "../workerd/start.ts";
import { ANSWERED, FAILED, question, specOf, UNUSED } from "./hub/scene.ts";

const MODEL = { need: { protocol: "llm/v1", model: "llama3.2" } };
const LOCAL = { GLEITZEIT_LOCAL: "1" };
const USUAL = { kind: "ollama" as const, url: "http://127.0.0.1:11434" };

let around: ReturnType<typeof playAround>;
let hub: TestHub;

beforeEach(() => {
  around = playAround();
  hub = hubOf();
});
afterEach(async () => {
  around.now += TIMING.lookMs + TIMING.freshMs;
  await hub.leave();
  vi.restoreAllMocks();
});

describe("the first question to a hub", () => {
  beforeEach(async () => {
    hub = await emptyHub("llm/v1");
  });

  test("has an executor look; the run is invited when the look has ended, and told that there is nobody", async () => {
    await deployedWith(hub, LOCAL, async (local) => {
      expect(await askOne(local, "a")).toEqual({ kind: "parked" });
      await expect.poll(() => around.looks).toHaveLength(1);
      const [look] = around.looks;
      expect(look).toMatchObject({ protocol: "llm/v1", instances: [] });
      expect(look?.candidates).toContainEqual(USUAL);
      expect(around.told).toEqual([]);
      const notFound = [{ ...USUAL, reason: "nobody answers there" }];
      local.looked({ ...reportOf(look), notFound });
      await expect.poll(() => around.told).toEqual(["a: over"]);
      expect(await askOne(local, "a")).toMatchObject({
        kind: "refused",
        error: { code: "no_provider", message: expect.stringContaining(USUAL.url) },
      });
    });
  });

  test("has an executor look; what it finds is kept for the run", async () => {
    await deployedWith(hub, LOCAL, async (local) => {
      await askOne(local, "a", MODEL);
      await expect.poll(() => around.looks).toHaveLength(1);
      const offering = { models: ["llama3.2:latest"] };
      local.looked({ ...reportOf(around.looks[0]), found: [{ ...USUAL, offering }] });
      await expect.poll(() => around.told).toEqual(["a: kept"]);
      expect(await askOne(local, "a", MODEL)).toMatchObject({ kind: "granted", instance: USUAL });
    });
  });

  test("is refused at once where there is nothing to look at, and no executor is asked", async () => {
    // Deployed, nobody is looked for at the usual addresses.
    expect(await hub.ask("a")).toMatchObject({ kind: "refused", error: { code: "no_provider" } });
    expect([around.looks, around.told]).toEqual([[], []]);
  });
});

describe("a look", () => {
  test("is asked for where nobody is known to serve the need, once for all that ask", async () => {
    await hub.register({ id: "spark" });
    expect(await hub.ask("a", MODEL)).toEqual({ kind: "parked" });
    expect(await hub.ask("b", MODEL)).toEqual({ kind: "parked" });
    await expect.poll(() => around.looks).toHaveLength(1);
    expect(around.looks[0]?.instances).toMatchObject([{ id: "spark" }]);
    await hub.rpc.looked(reportOf(around.looks[0], { models: ["llama3.2:latest"] }));
    await expect.poll(() => around.told).toEqual(["a: kept", "b: kept"]);
  });

  test("of somebody else, as by a check, does not end the hub's own", async () => {
    await hub.register({ id: "spark" });
    await hub.ask("a", MODEL);
    await expect.poll(() => around.looks).toHaveLength(1);
    const { look: _, ...check } = reportOf(around.looks[0]);
    await hub.rpc.looked({ ...check, instances: [] });
    expect(await hub.ask("b", MODEL)).toEqual({ kind: "parked" });
    expect([around.looks.length, around.told]).toEqual([1, []]);
    await hub.rpc.looked(reportOf(around.looks[0], { models: [] }));
    await expect.poll(() => around.told).toEqual(["a: over", "b: over"]);
    expect(await hub.ask("a", MODEL)).toMatchObject({ error: { code: "model_not_found" } });
  });

  test("that is not reported is given up after its time, and who asks then causes another", async () => {
    await hub.register({ id: "spark" });
    await hub.ask("a", MODEL);
    await expect.poll(() => around.looks).toHaveLength(1);
    around.now += TIMING.lookMs;
    await hub.ask("b", MODEL);
    await expect.poll(() => around.looks).toHaveLength(2);
    expect(around.looks[1]?.id).not.toBe(around.looks[0]?.id);
  });

  test("again, where there is still nothing to look at, ends at once: the run is told a moment later", async () => {
    await hub.ask("a");
    around.now += TIMING.freshMs;
    expect(await hub.ask("a")).toEqual({ kind: "parked" });
    await expect.poll(() => around.told).toEqual(["a: over"]);
    expect(await hub.ask("a")).toMatchObject({ error: { code: "no_provider" } });
    expect(around.looks).toEqual([]);
  });
});

describe("a slot that becomes free", () => {
  const waiting = async (...lanes: string[]) => {
    await hub.put({ id: "spark", maxConcurrent: 1 });
    const slot = await hub.take();
    for (const lane of lanes) expect(await hub.ask(lane)).toEqual({ kind: "parked" });
    return slot;
  };

  test("is kept for the run that waits, and given to nobody else", async () => {
    await hub.end(await waiting("a"), ANSWERED);
    await expect.poll(() => around.told).toEqual(["a: kept"]);
    expect(await hub.ask("b")).toEqual({ kind: "parked" });
    expect(await hub.ask("a")).toMatchObject({ kind: "granted", instance: { id: "spark" } });
  });

  test("goes to the next where the first has no use for it any more", async () => {
    around.answer = (lane) => ({ isWanted: lane !== "a" });
    await hub.end(await waiting("a", "b"), ANSWERED);
    await expect.poll(() => around.told).toEqual(["a: kept", "b: kept"]);
    expect(await hub.ask("b")).toMatchObject({ kind: "granted" });
    expect(await hub.rpc.list()).toMatchObject([{ load: 1 }]);
  });

  test("is followed by another for a run that says that it has more to do", async () => {
    around.answer = () => ({ isWanted: true, next: "normal" });
    const slot = await waiting("a");
    await hub.end(slot, ANSWERED);
    await expect.poll(() => around.told).toEqual(["a: kept"]);
    const token = "a/second";
    expect(await hub.ask("a", { token })).toMatchObject({ kind: "granted" });
    await hub.end({ ...slot, token }, ANSWERED);
    await expect.poll(() => around.told).toEqual(["a: kept", "a: kept"]);
  });

  test("is lost for no longer than it is kept, where the run cannot be reached", async () => {
    around.answer = (lane) => {
      if (lane === "a") throw new Error("the run is away");
      return { isWanted: true };
    };
    await hub.end(await waiting("a", "b"), ANSWERED);
    await expect.poll(() => around.told).toEqual(["a: kept"]);
    around.now += TIMING.reservationMs - 1;
    await hub.ask("b");
    expect(around.told).toEqual(["a: kept"]);
    around.now += 1;
    await hub.ask("b");
    await expect.poll(() => around.told).toEqual(["a: kept", "b: kept"]);
    expect(await hub.ask("b")).toMatchObject({ kind: "granted" });
  });

  test("by time alone, since its executor is silent, is noticed without anybody asking", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await waiting("a");
    await runInDurableObject(hub.object, () => {
      around.now += TIMING.leaseMs;
      vi.advanceTimersByTime(TIMING.leaseMs);
    });
    vi.useRealTimers();
    await expect.poll(() => around.told).toEqual(["a: kept"]);
  });

  test("is not free while its executor renews it", async () => {
    const slot = await waiting("a");
    around.now += TIMING.leaseMs - 1;
    await hub.rpc.renew([slot]);
    around.now += 1;
    expect(await hub.ask("b")).toEqual({ kind: "parked" });
    expect(around.told).toEqual([]);
  });
});

describe("a call that failed", () => {
  test("gets a slot elsewhere, before those who wait, and leaves its own to them", async () => {
    await hub.put({ id: "spark", maxConcurrent: 1 });
    const slot = await hub.take();
    await hub.ask("a");
    await hub.put({ id: "attic", maxConcurrent: 1 });
    await expect.poll(() => around.told).toEqual(["a: kept"]);
    await hub.ask("a");
    await hub.ask("b");
    const { token, runId } = slot;
    const moved = question(runId, { token, avoid: ["spark"] });
    expect(await hub.rpc.exchange({ ...slot, end: FAILED }, moved)).toEqual({ kind: "parked" });
    await expect.poll(() => around.told).toEqual(["a: kept", "b: kept"]);
    await hub.put({ id: "loft" });
    const grant = await hub.rpc.exchange({ ...slot, end: UNUSED }, moved);
    expect(grant).toMatchObject({ kind: "granted", instance: { id: "loft" } });
  });
});

describe("registering an instance", () => {
  test("sends those to it who waited for room", async () => {
    await hub.put({ id: "spark", maxConcurrent: 1 });
    await hub.take();
    await hub.ask("a");
    await hub.put({ id: "attic" });
    await expect.poll(() => around.told).toEqual(["a: kept"]);
    expect(await hub.ask("a")).toMatchObject({ instance: { id: "attic" } });
  });

  test("is a conflict beyond as many as a hub has, but changing one is not", async () => {
    for (let count = 0; count < LIMITS.instances; count++) await hub.register({ id: `i${count}` });
    const one = await hub.rpc.put(specOf({ id: "one-more" }));
    expect(one).toMatchObject({ ok: false, code: "conflict", message: expect.stringContaining("200") });
    expect(await hub.register({ id: "i7", weight: 3 })).toMatchObject({ weight: 3 });
    await hub.rpc.remove("i8");
    expect(unwrap(await hub.rpc.put(specOf({ id: "one-more" })))).toMatchObject({ id: "one-more" });
    expect(await hub.ids()).toHaveLength(LIMITS.instances);
  });

  test("keeps its secret headers sealed: they go to who calls or looks, and are never shown", async () => {
    const sealedHeaders = "sealed-hunter2";
    const view = await hub.register({ id: "spark", sealedHeaders });
    await hub.ask("a");
    await expect.poll(() => around.looks).toHaveLength(1);
    expect(around.looks[0]?.instances).toMatchObject([{ sealedHeaders }]);
    await hub.rpc.looked(reportOf(around.looks[0]));
    await expect.poll(() => around.told).toEqual(["a: kept"]);
    expect(await hub.ask("a")).toMatchObject({ kind: "granted", instance: { sealedHeaders } });
    expect(await hub.rpc.find("spark")).toMatchObject({ sealedHeaders });
    const shown = [view, ...(await hub.rpc.list())];
    expect(shown.map(({ hasHeaders }) => hasHeaders)).toEqual([true, true]);
    expect(JSON.stringify(shown)).not.toContain("hunter2");
  });
});

describe("removing an instance", () => {
  test("wakes those that wait for it, who hear that there is nobody", async () => {
    await hub.put({ id: "spark", maxConcurrent: 1 });
    await hub.take();
    await hub.ask("a");
    expect(unwrap(await hub.rpc.remove("spark"))).toBe(true);
    await expect.poll(() => around.told).toEqual(["a: over"]);
    expect(await hub.ask("a")).toMatchObject({ kind: "refused", error: { code: "no_provider" } });
  });

  test("says whether there was one", async () => {
    expect(unwrap(await hub.rpc.remove("spark"))).toBe(false);
    expect(await hub.rpc.find("spark")).toBeUndefined();
  });

  test("lets its calls end where they are", async () => {
    await hub.put({ id: "spark" });
    const slot = await hub.take({ runId: newId() });
    await hub.rpc.remove("spark");
    await hub.rpc.renew([slot]);
    await hub.end(slot, ANSWERED);
    expect(await hub.rpc.list()).toEqual([]);
  });
});
