/** Whom a run invites: one executor, at best one that is at work for it already; the queue finds others. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RunId } from "../../src/contract/id.ts";
import { encodeJson } from "../../src/contract/json.ts";
import type { Invitation } from "../../src/contract/sync.ts";
import { ExecutorObject } from "../../src/dispatch/executor-object.ts";
import { runStub } from "../../src/stubs.ts";
import { chat, Player } from "../workerd/player.ts";
import { bindings, start, workflowOf } from "../workerd/start.ts";

let asked: RunId[];
let queued: Invitation[];
let answer: () => "taken" | "full";

beforeEach(() => {
  asked = [];
  queued = [];
  answer = () => "taken";
  vi.spyOn(ExecutorObject.prototype, "go").mockImplementation((runId) => {
    asked.push(runId);
    return answer();
  });
  // The queue takes what it is sent and delivers nothing, so that `go` is only what runs asked for themselves.
  const queue = Object.getPrototypeOf(bindings.TASKS);
  const { send } = queue;
  vi.spyOn(queue, "send").mockImplementation(async function (this: Queue, body: unknown, options) {
    if (!isInvitation(body)) return await send.call(this, body, options);
    queued.push(body);
  });
  vi.spyOn(queue, "sendBatch").mockImplementation(async (messages) => {
    for (const { body } of messages as Iterable<MessageSendRequest>)
      if (isInvitation(body)) queued.push(body);
  });
});
afterEach(() => void vi.restoreAllMocks());

const isInvitation = (body: unknown): body is Invitation =>
  typeof body === "object" && body !== null && "slot" in body;

/** A run whose executor has one call in its hands, and whose other tasks wait for a slot of the hub. */
async function parkedBut(one: string, ...others: string[]) {
  const id = await start(workflowOf([one, ...others].map((task) => chat(task))));
  await expect.poll(() => asked).toEqual([id]);
  const player = new Player(id, "executor-7.ada");
  const { work } = await player.sync();
  const outcome = { kind: "returned", reason: "parked" } as const;
  await player.sync({
    begun: [{ ...player.ref(one), instance: "spark" }],
    ended: others.map((task) => ({ ...player.ref(task), outcome })),
  });
  asked.length = 0;
  const [offer] = work;
  return { id, player, lane: offer?.kind === "offer" ? offer.lane : "" };
}

describe("a run that wants one session more", () => {
  test("asks the executor that is at work for it, and sends nothing through the queue", async () => {
    const { id, lane } = await parkedBut("a", "b");
    expect(await runStub(bindings, id).slot(lane, true)).toEqual({ isWanted: true });
    await expect.poll(() => asked).toEqual([id]);
    expect(queued).toEqual([]);
  });

  test("leaves it to the queue where that executor is full", async () => {
    const { id, lane } = await parkedBut("a", "b");
    answer = () => "full";
    await runStub(bindings, id).slot(lane, true);
    await expect.poll(() => queued).toMatchObject([{ runId: id }]);
    expect(asked).toEqual([id]);
  });

  test("leaves it to the queue where that executor cannot be reached", async () => {
    const { id, lane } = await parkedBut("a", "b");
    answer = () => {
      throw new Error("it was deployed over");
    };
    await runStub(bindings, id).slot(lane, true);
    await expect.poll(() => queued).toMatchObject([{ runId: id }]);
  });

  test("asks another executor where nobody is at work for it", async () => {
    const { id, player, lane } = await parkedBut("a", "b");
    await player.complete("a");
    await runStub(bindings, id).slot(lane, true);
    await expect.poll(() => asked).toEqual([id]);
    expect(queued).toEqual([]);
  });

  test("asks nobody twice while the first invitation is not answered", async () => {
    const { id, lane } = await parkedBut("a", "b", "c");
    await runStub(bindings, id).slot(lane, true);
    await runStub(bindings, id).slot(lane, true);
    await expect.poll(() => asked).toEqual([id]);
    expect(queued).toEqual([]);
  });
});

test("a run that wants several sends them all through the queue, each to another executor", async () => {
  const after = Array.from({ length: 13 }, (_, index) => chat(`t${index}`, ["b"]));
  const id = await start(workflowOf([chat("a"), chat("b"), ...after]));
  await expect.poll(() => asked).toEqual([id]);
  const player = new Player(id, "executor-7.ada");
  await player.sync();
  await player.begin("a", "b");
  asked.length = 0;
  const outcome = { kind: "completed", result: encodeJson("done") } as const;
  await player.sync({ ended: [{ ...player.ref("b"), outcome }], room: { calls: 0, instant: 0 } });
  await expect.poll(() => queued.map(({ runId }) => runId)).toEqual([id, id, id]);
  expect(new Set(queued.map(({ slot }) => slot)).size).toBe(3);
  expect(asked).toEqual([]);
});
