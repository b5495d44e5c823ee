/** A real hub over real RPC. Executors and runs around it are played: what they are told is kept, time stands still. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, vi } from "vitest";
import type { Strategy } from "../../src/contract/provider.ts";
import type { Acquire, CallEnd, Grant, HeldSlot, SlotAnswer } from "../../src/contract/sync.ts";
import { ExecutorObject } from "../../src/dispatch/executor-object.ts";
import type { Env } from "../../src/env.ts";
import type { Look, LookReport, Offering } from "../../src/providers/hub/spec.ts";
import { HubObject } from "../../src/providers/hub-object.ts";
import { unwrap } from "../../src/reply.ts";
import { RunObject } from "../../src/run/run-object.ts";
import { hubStub } from "../../src/stubs.ts";
import { type Given, question, specOf } from "../providers/hub/scene.ts";
import { bindings, newId } from "./start.ts";

/** Who waits is told apart by its lane: `a: kept` is a slot kept for it, `a: over` the end of its waiting. */
export function playAround() {
  const looks: Look[] = [];
  const told: string[] = [];
  const around = {
    now: Date.now(),
    looks,
    told,
    answer: (_lane: string): SlotAnswer => ({ isWanted: true }),
  };
  vi.spyOn(Date, "now").mockImplementation(() => around.now);
  vi.spyOn(ExecutorObject.prototype, "look").mockImplementation((look) => void looks.push(look));
  vi.spyOn(RunObject.prototype, "slot").mockImplementation((lane, isKept) => {
    told.push(`${lane}: ${isKept ? "kept" : "over"}`);
    return around.answer(lane);
  });
  return around;
}

export type TestHub = ReturnType<typeof hubOf>;

/** The hub of a protocol that no other test knows, and that no setting names, unless one is said. */
export function hubOf(protocol = `test-${crypto.randomUUID()}/v1`) {
  const rpc = hubStub(bindings, protocol);
  const object = bindings.HUBS.getByName(protocol);
  return {
    protocol,
    rpc,
    object,
    /** Nobody has looked at it yet. */
    register: async (given: Given, strategy?: Strategy) => unwrap(await rpc.put(specOf(given), strategy)),
    /** Somebody has, and it offers what is said, or does not list what it has. */
    put: async (given: Given) => {
      const { offering = {}, ...spec } = given;
      const { id, url } = unwrap(await rpc.put(specOf(spec)));
      await rpc.looked(seen(protocol, [{ id, url }], offering));
    },
    ids: async () => (await rpc.list()).map(({ id }) => id),
    ask: (lane: string, more: Partial<Acquire> = {}) => askOne(rpc, lane, more),
    /** Takes a slot that is there. */
    take: async (more: Partial<Acquire> = {}): Promise<HeldSlot> => {
      const asked = question(newId(), more);
      const [grant] = await rpc.acquire([asked]);
      expect(grant?.kind).toBe("granted");
      const instance = grant?.kind === "granted" ? grant.instance.id : "";
      return { token: asked.token, runId: asked.runId, instance };
    },
    end: (slot: HeldSlot, end: CallEnd) => rpc.release([{ ...slot, end }]),
    ring: () => runDurableObjectAlarm(object),
    alarmAt: () => runInDurableObject(object, (_, { storage }) => storage.getAlarm()),
    /** Nobody waits any more: a timer of this test would ring in the next. */
    leave: async () => {
      for (const { id } of await rpc.list()) await rpc.remove(id);
      await rpc.remove("nobody");
    },
    /** Rows that this writes; an alarm that is set is one. */
    rowsOf: async (act: () => Promise<unknown>): Promise<number> => {
      const before = await rowsWritten(object);
      await act();
      return (await rowsWritten(object)) - before;
    },
  };
}

/** The hub of a protocol that settings know, which has nothing left of the tests before. */
export async function emptyHub(protocol: string): Promise<TestHub> {
  const hub = hubOf(protocol);
  await runInDurableObject(hub.object, (_, { storage }) => storage.deleteAll());
  await evictDurableObject(hub.object);
  return hub;
}

/** One question; a run asks again under the same lane. */
export async function askOne(
  hub: { acquire(asked: Acquire[]): Grant[] | Promise<Grant[]> },
  lane: string,
  more: Partial<Acquire> = {},
): Promise<Grant | undefined> {
  const [grant] = await hub.acquire([question(runOf(lane), { lane, ...more })]);
  return grant;
}

/** The hub as the same object loads it that was deployed with other settings. */
export function deployedWith<Result>(
  { object }: TestHub,
  settings: Partial<Env>,
  act: (hub: HubObject) => Result | Promise<Result>,
): Promise<Result> {
  return runInDurableObject(object, (_, state) => act(new HubObject(state, { ...bindings, ...settings })));
}

/** What an executor reports that found all of them well, and nobody else. */
export function reportOf(look: Look | undefined, offering: Offering = {}): LookReport {
  if (look === undefined) throw new Error("nobody was asked to look");
  return { ...seen(look.protocol, look.instances, offering), look: look.id };
}

/** What somebody reports who has looked of his own accord. */
export function seen(
  protocol: string,
  instances: { id: string; url: string }[],
  offering: Offering = {},
): LookReport {
  const health = { healthy: true as const };
  const all = instances.map(({ id, url }) => ({ id, url, health, latencyMs: 5, offering }));
  return { protocol, instances: all, found: [], notFound: [] };
}

const rowsWritten = (object: DurableObjectStub): Promise<number> =>
  runInDurableObject(object, (_, { storage }) =>
    Number(storage.sql.exec("SELECT total_changes() AS count").one()["count"]),
  );

const runs = new Map<string, string>();

function runOf(lane: string): string {
  const id = runs.get(lane) ?? newId();
  runs.set(lane, id);
  return id;
}
