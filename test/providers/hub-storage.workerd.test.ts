/** What a hub keeps over an eviction and a deploy, and what that costs: rows are paid for, questions write none. */
import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import type { InstanceView } from "../../src/contract/provider.ts";
import { deployedWith, emptyHub, hubOf, playAround, reportOf, seen, type TestHub } from "../workerd/hub.ts";
import { ANSWERED, FAILED, question, UNUSED } from "./hub/scene.ts";

const MODEL = { need: { protocol: "llm/v1", model: "llama3.2" } };
const OFFERING = { models: ["llama3.2:latest"], loaded: ["llama3.2:latest"], version: "0.9.0" };
const URL = "http://gpu.example:11434";

let around: ReturnType<typeof playAround>;
let hub: TestHub;

beforeEach(() => {
  around = playAround();
  hub = hubOf();
});
afterEach(() => void vi.restoreAllMocks());

/** Somebody looked at all of them. */
const look = async (offering = OFFERING) =>
  await hub.rpc.looked(seen(hub.protocol, await hub.rpc.list(), offering));

describe("an eviction", () => {
  test("leaves the registered instances, what they offer, and the strategy", async () => {
    const spark = { id: "spark", weight: 2, maxConcurrent: 3, tags: ["gpu"], allowPull: true };
    await hub.register(spark, "sticky");
    await hub.register({ id: "attic", sealedHeaders: "sealed" });
    await look();
    await evictDurableObject(hub.object);
    const models = [{ name: "llama3.2:latest", loaded: true }];
    expect(await hub.rpc.list()).toMatchObject([
      { id: "attic", hasHeaders: true, models, strategy: "sticky" },
      { id: "spark", weight: 2, maxConcurrent: 3, tags: ["gpu"], allowPull: true, models, version: "0.9.0" },
    ]);
    expect(await hub.rpc.find("attic")).toMatchObject({ sealedHeaders: "sealed" });
  });

  test("leaves a question for a model that was known answerable at once", async () => {
    await hub.put({ id: "spark" });
    await look();
    await evictDurableObject(hub.object);
    expect(await hub.ask("a", MODEL)).toMatchObject({ kind: "granted" });
    expect(around.looks).toEqual([]);
  });

  test("takes slots, counts, health and breakers along", async () => {
    await hub.put({ id: "spark", maxConcurrent: 1 });
    await look();
    const slot = await hub.take();
    for (let call = 0; call < 5; call++) await hub.end({ ...slot, token: `${call}` }, FAILED);
    expect(await hub.rpc.list()).toMatchObject([
      { load: 1, calls: { failed: 5 }, breaker: { state: "open" }, health: { status: "healthy" } },
    ]);
    await evictDurableObject(hub.object);
    expect(await hub.rpc.list()).toMatchObject([
      { load: 0, calls: { failed: 0 }, breaker: { state: "closed" }, health: { status: "unknown" } },
    ]);
  });

  test("is made good by the renewal of a slot: it counts again", async () => {
    await hub.put({ id: "spark", maxConcurrent: 1 });
    const slot = await hub.take();
    await evictDurableObject(hub.object);
    await hub.rpc.renew([slot]);
    expect(await hub.ask("a")).toEqual({ kind: "parked" });
    await hub.end(slot, ANSWERED);
    await expect.poll(() => around.told).toEqual(["a: kept"]);
  });

  test("leaves nothing of an instance that was removed, or that has moved", async () => {
    await hub.put({ id: "spark" });
    await hub.put({ id: "attic" });
    await look();
    await hub.rpc.remove("attic");
    await hub.register({ id: "spark", url: "http://elsewhere.example" });
    await evictDurableObject(hub.object);
    const [spark, ...others] = await hub.rpc.list();
    expect([spark?.url, spark?.models, others]).toEqual(["http://elsewhere.example", undefined, []]);
  });
});

describe("a deploy with other settings", () => {
  const named = (urls: string) => ({ GLEITZEIT_OLLAMA_URLS: urls });
  const deployed = (urls: string): Promise<InstanceView[]> =>
    deployedWith(hub, named(urls), (other) => other.list());
  const sourcesOf = (views: InstanceView[]) => views.map(({ id, source }) => `${id}: ${source}`);

  beforeEach(async () => {
    hub = await emptyHub("llm/v1");
  });

  test("brings the instances that these name, for as long as they name them", async () => {
    expect(sourcesOf(await deployed(`gpu=${URL}`))).toEqual(["gpu: configured"]);
    expect(await deployed("")).toEqual([]);
  });

  test("knows what a configured instance offers, as long as it is at the same address", async () => {
    const models = [{ name: "llama3.2:latest", loaded: true }];
    await deployedWith(hub, named(`gpu=${URL}`), (other) => {
      other.looked(seen("llm/v1", other.list(), OFFERING));
    });
    expect(await deployed(`gpu=${URL}`)).toMatchObject([{ models }]);
    expect((await deployed("gpu=http://elsewhere.example"))[0]?.models).toBeUndefined();
    expect(await deployed("")).toEqual([]);
  });

  test("does not touch what is registered, under that name or at that address", async () => {
    await hub.put({ id: "gpu", url: "http://mine.example", weight: 5 });
    await hub.put({ id: "mine", url: URL });
    expect(sourcesOf(await deployed(`gpu=${URL},other=http://other.example`))).toEqual([
      "gpu: registered",
      "mine: registered",
      "other: configured",
    ]);
  });

  test("takes over what was discovered at an address that it names", async () => {
    const found = [{ kind: "ollama" as const, url: URL, offering: OFFERING }];
    await hub.rpc.looked({ protocol: "llm/v1", instances: [], found, notFound: [] });
    expect(sourcesOf(await deployed(""))).toEqual(["ollama-gpu-example-11434: discovered"]);
    expect(sourcesOf(await deployed(`gpu=${URL}`))).toEqual(["gpu: configured"]);
  });
});

test("one address is one instance: who registers it takes the place of the one that was found there", async () => {
  const found = [{ kind: "ollama" as const, url: URL, offering: OFFERING }];
  await hub.rpc.looked({ protocol: hub.protocol, instances: [], found, notFound: [] });
  const views = await hub.rpc.list();
  expect(views).toMatchObject([{ source: "discovered", health: { status: "healthy" } }]);
  await hub.put({ id: "mine", url: URL });
  expect(await hub.ids()).toEqual(["mine"]);
  await hub.rpc.looked({ protocol: hub.protocol, instances: [], found, notFound: [] });
  await evictDurableObject(hub.object);
  expect(await hub.ids()).toEqual(["mine"]);
});

describe("rows are written", () => {
  test("by registering: the instance, when to look again, and the alarm; changing it, the instance", async () => {
    expect(await hub.rowsOf(() => hub.register({ id: "spark" }))).toBe(3);
    expect(await hub.rowsOf(() => hub.register({ id: "attic" }))).toBe(1);
    expect(await hub.rowsOf(() => hub.register({ id: "spark", weight: 2 }, "weighted"))).toBe(2);
    expect(await hub.rowsOf(() => hub.rpc.remove("spark"))).toBe(1);
  });

  test("by no call, however it ends and however often it is renewed, moved, or has to wait", async () => {
    await hub.put({ id: "spark", maxConcurrent: 1 });
    await hub.put({ id: "attic", maxConcurrent: 1 });
    const rows = await hub.rowsOf(async () => {
      for (let call = 0; call < 4; call++) {
        const slot = await hub.take();
        await hub.rpc.renew([slot]);
        const elsewhere = question(slot.runId, { token: slot.token, avoid: [slot.instance] });
        const grant = await hub.rpc.exchange({ ...slot, end: FAILED }, elsewhere);
        expect(grant.kind).toBe("granted");
        const instance = grant.kind === "granted" ? grant.instance.id : "";
        await hub.end({ ...slot, instance }, call % 2 === 0 ? ANSWERED : UNUSED);
      }
      const slots = [await hub.take(), await hub.take()];
      await hub.ask("a");
      for (const slot of slots) await hub.end(slot, ANSWERED);
      await expect.poll(() => around.told).toEqual(["a: kept"]);
      await hub.rpc.list();
      await hub.rpc.find("spark");
    });
    expect(rows).toBe(0);
  });

  test("by no question to a hub that has nothing to look at", async () => {
    expect(await hub.rowsOf(() => hub.ask("a"))).toBe(0);
  });

  test("by a look only for what offers something else than before", async () => {
    await hub.register({ id: "spark" });
    await hub.register({ id: "attic" });
    expect(await hub.rowsOf(() => look())).toBe(2);
    expect(await hub.rowsOf(() => look())).toBe(0);
    expect(await hub.rowsOf(() => look({ ...OFFERING, loaded: [] }))).toBe(2);
  });

  test("by a ring: when it rings next, and the alarm", async () => {
    await hub.register({ id: "spark" });
    await look();
    const rows = await hub.rowsOf(async () => {
      await hub.ring();
      await expect.poll(() => around.looks).toHaveLength(1);
      await hub.rpc.looked(reportOf(around.looks[0], OFFERING));
    });
    // The alarm is taken away and set again.
    expect(rows).toBe(3);
  });

  test("by use, when it makes looks frequent again, and not before the alarm is due", async () => {
    await hub.put({ id: "spark" });
    for (let ring = 0; ring < 3; ring++) await hub.ring();
    expect(await hub.rowsOf(() => hub.ask("a"))).toBe(2);
    around.now += TIMING.checkMs - 1;
    expect(await hub.rowsOf(() => hub.ask("a"))).toBe(0);
  });
});
