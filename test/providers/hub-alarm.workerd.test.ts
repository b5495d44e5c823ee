/** When a hub has its instances looked at by itself: often while it is used, then less and less. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { ExecutorObject } from "../../src/dispatch/executor-object.ts";
import { deployedWith, emptyHub, hubOf, playAround, reportOf, type TestHub } from "../workerd/hub.ts";
import { ANSWERED } from "./hub/scene.ts";

let around: ReturnType<typeof playAround>;
let hub: TestHub;

beforeEach(() => {
  around = playAround();
  hub = hubOf();
});
afterEach(() => void vi.restoreAllMocks());

/** Seconds until it rings; undefined where it is not set. */
const ringsIn = async (): Promise<number | undefined> => {
  const at = await hub.alarmAt();
  return at === null ? undefined : (at - around.now) / 1000;
};
/** It rings when it is due. */
const ring = async () => {
  around.now = (await hub.alarmAt()) ?? Number.NaN;
  await hub.ring();
};

describe("the alarm", () => {
  test("rings every 30 s while somebody asks, and each time has an executor look", async () => {
    await hub.put({ id: "spark" });
    for (let count = 1; count <= 3; count++) {
      expect(await ringsIn()).toBe(30);
      await hub.ask("a");
      await ring();
      await expect.poll(() => around.looks).toHaveLength(count);
      await hub.rpc.looked(reportOf(around.looks.at(-1)));
    }
  });

  test("rings half as often each time that nobody has asked, up to 10 minutes, and a deploy is no question", async () => {
    await hub.put({ id: "spark" });
    await ring();
    const pauses: (number | undefined)[] = [];
    for (let count = 0; count < 7; count++) {
      pauses.push(await ringsIn());
      await evictDurableObject(hub.object);
      await ring();
    }
    expect(pauses).toEqual([30, 60, 120, 240, 480, 600, 600]);
  });

  const uses: [string, () => Promise<unknown>][] = [
    ["a question", () => hub.ask("a")],
    ["a renewal", () => hub.rpc.renew([])],
    ["somebody who wants to see", () => hub.rpc.list()],
    ["a change", () => hub.put({ id: "attic" })],
  ];
  test.each(uses)("rings within 30 s again after %s", async (_, use) => {
    await hub.put({ id: "spark" });
    for (let count = 0; count < 4; count++) await ring();
    expect(await ringsIn()).toBe(240);
    await use();
    expect(await ringsIn()).toBe(30);
    await ring();
    expect(await ringsIn()).toBe(30);
  });

  test("is not moved by what only ends, or looks", async () => {
    await hub.put({ id: "spark" });
    const slot = await hub.take();
    for (let count = 0; count < 3; count++) await ring();
    await hub.end(slot, ANSWERED);
    await hub.rpc.looked(reportOf(around.looks.at(-1)));
    await hub.rpc.find("spark");
    expect(await ringsIn()).toBe(120);
  });
});

describe("where there is nothing to look at", () => {
  test("no alarm is set, whatever is asked", async () => {
    await hub.ask("a");
    await hub.rpc.list();
    await hub.rpc.renew([]);
    expect(await hub.alarmAt()).toBeNull();
  });

  test("it is not set again once the last instance is gone, and nobody is asked to look", async () => {
    await hub.put({ id: "spark" });
    await hub.rpc.remove("spark");
    await ring();
    expect([await hub.alarmAt(), around.looks]).toEqual([null, []]);
  });

  test("it is set again with the next instance", async () => {
    await hub.put({ id: "spark" });
    await hub.rpc.remove("spark");
    await ring();
    around.now += TIMING.checkMaxMs;
    await hub.put({ id: "attic" });
    expect(await ringsIn()).toBe(30);
  });

  test("but on this machine there are the usual addresses", async () => {
    hub = await emptyHub("llm/v1");
    await deployedWith(hub, { GLEITZEIT_LOCAL: "1" }, (local) => local.list());
    expect(await ringsIn()).toBe(30);
  });
});

describe("what goes wrong", () => {
  test("with the executor fails no alarm, and the next one tries again", async () => {
    await hub.put({ id: "spark" });
    const look = vi.spyOn(ExecutorObject.prototype, "look").mockImplementation(() => {
      throw new Error("it was deployed over");
    });
    await ring();
    await expect.poll(() => look.mock.calls.length).toBe(1);
    expect(await ringsIn()).toBe(30);
    await ring();
    await expect.poll(() => look.mock.calls.length).toBe(2);
  });

  test("with a look that gets lost costs the time of one", async () => {
    await hub.put({ id: "spark" });
    await ring();
    await expect.poll(() => around.looks).toHaveLength(1);
    await ring();
    await expect.poll(() => around.looks).toHaveLength(2);
  });

  test("with the alarm itself ends with the next use: it is set again", async () => {
    await hub.put({ id: "spark" });
    await runInDurableObject(hub.object, (_, { storage }) => storage.deleteAlarm());
    around.now += TIMING.checkMaxMs;
    await hub.ask("a");
    expect(await ringsIn()).toBe(30);
  });
});

test("a discovered instance that has not answered for an hour is dropped, one that is registered never", async () => {
  const found = [{ kind: "ollama" as const, url: "http://127.0.0.1:11434", offering: {} }];
  await hub.put({ id: "spark" });
  await hub.rpc.looked({ protocol: hub.protocol, instances: [], found, notFound: [] });
  expect(await hub.ids()).toEqual(["ollama-127-0-0-1-11434", "spark"]);
  around.now += TIMING.goneMs;
  await hub.ring();
  await expect.poll(() => around.looks).toHaveLength(1);
  await hub.rpc.looked({ ...reportOf(around.looks[0]), instances: [] });
  await evictDurableObject(hub.object);
  expect(await hub.ids()).toEqual(["spark"]);
});
