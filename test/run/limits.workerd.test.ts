/** Limits of the platform that local runs do not enforce: rows, queue messages, results, answers. */
import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { makeTaskError } from "../../src/contract/error.ts";
import type { RunId } from "../../src/contract/id.ts";
import { encodeJson, type JsonObject } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { Ended, SyncAnswer } from "../../src/contract/sync.ts";
import type { WorkflowTask } from "../../src/contract/workflow.ts";
import { unwrap } from "../../src/reply.ts";
import { runStub } from "../../src/stubs.ts";
import { chat, muteExecutors, Player } from "../workerd/player.ts";
import {
  bindings,
  definitionOf,
  echo,
  finished,
  newId,
  objectOf,
  start,
  workflowOf,
} from "../workerd/start.ts";

const PLATFORM_ROW_BYTES = 2_000_000;
const PLATFORM_MESSAGE_BYTES = 128_000;
const PLATFORM_BATCH_MESSAGES = 100;
const MIB = 2 ** 20;
const ROOM = { calls: 6, instant: 1000 };

afterEach(() => void vi.restoreAllMocks());

const ONCE = { retry: { maxAttempts: 1, baseDelay: 0, jitter: false } };

const named = (count: number, name: (index: number) => string, dependencies: string[] = []): WorkflowTask[] =>
  Array.from({ length: count }, (_, index) => echo(name(index), dependencies, ONCE));

async function startWith(tasks: WorkflowTask[], inputs: JsonObject): Promise<RunId> {
  const id = newId();
  const workflow = workflowOf(tasks, { maxParallelTasks: 1000 });
  unwrap(await runStub(bindings, id).start(definitionOf(workflow, { id, inputs })));
  return id;
}

describe(`no row of a run comes near ${PLATFORM_ROW_BYTES} bytes`, () => {
  const largestRow = (id: RunId) =>
    runInDurableObject(objectOf(id), (_, { storage }) => {
      const bytes = "octet_length(name) + ifnull(octet_length(body), 0) + ifnull(octet_length(results), 0)";
      return Number(storage.sql.exec(`SELECT max(${bytes}) AS bytes FROM run`).one()["bytes"]);
    });

  /** Rows are cut at their limit; a name and the ends of a list come on top. */
  const FITTING_BYTES = LIMITS.rowBytes + 1024;

  test("where 500 tasks fail at once with as much as an error holds, and 9,500 are skipped for it", async () => {
    muteExecutors();
    const roots = named(500, (index) => `root${index}`);
    const rest = named(9500, (index) => `t${index}`.padEnd(LIMITS.taskIdChars, "x"), ["root0"]);
    const id = await start(workflowOf([...roots, ...rest], { maxParallelTasks: 1000 }));
    const player = new Player(id);
    await player.sync({ room: ROOM });
    const error = makeTaskError("timeout", "€".repeat(3000), {
      stderr: "€".repeat(LIMITS.errorDetailsBytes / 3 - 20),
    });
    expect([player.held.size, Object.keys(error.details ?? {})]).toEqual([500, ["stderr"]]);
    const outcome = { kind: "failed", error } as const;
    await player.sync({ ended: roots.map((task) => ({ ...player.ref(task.id), outcome })) });
    const { progress, status } = await finished(id);
    expect([status, progress.failed, progress.skipped]).toEqual(["failed", 500, 9500]);
    expect(await largestRow(id)).toBeLessThanOrEqual(FITTING_BYTES);
  });

  test("where two results of 8 MiB and 998 small ones come at once", async () => {
    muteExecutors();
    const tasks = named(1000, (index) => `t${index}`);
    const id = await start(workflowOf(tasks, { maxParallelTasks: 1000 }));
    const player = new Player(id);
    await player.sync({ room: ROOM });
    const large = encodeJson("x".repeat(LIMITS.resultBytes - 2));
    const small = encodeJson("\u0001".repeat(170));
    const ended = tasks.map(
      (task, index): Ended => ({
        ...player.ref(task.id),
        outcome: { kind: "completed", result: index < 2 ? large : small },
      }),
    );
    await player.sync({ ended });
    expect((await finished(id)).progress.completed).toBe(1000);
    expect(await largestRow(id)).toBeLessThanOrEqual(FITTING_BYTES);
  });

  test("where a definition is as large as a request may be", async () => {
    muteExecutors();
    const id = await startWith([echo("a")], { text: "€".repeat(LIMITS.bodyBytes / 3 - 1000) });
    expect(await largestRow(id)).toBeLessThanOrEqual(FITTING_BYTES);
  });

  test("where 10,000 tasks are cancelled at once", async () => {
    muteExecutors();
    const tasks = named(10_000, (index) => `t${index}`.padEnd(LIMITS.taskIdChars, "x"));
    const id = await start(workflowOf(tasks, { maxParallelTasks: 1000 }));
    unwrap(await runStub(bindings, id).steer(id, { type: "cancel", actor: "test" }));
    expect((await finished(id)).progress.cancelled).toBe(10_000);
    expect(await largestRow(id)).toBeLessThanOrEqual(FITTING_BYTES);
  });
});

test(`all that a wide run with much to say of itself sends to queues are messages below ${PLATFORM_MESSAGE_BYTES} bytes, at most ${PLATFORM_BATCH_MESSAGES} at a time`, async () => {
  const batches: number[] = [];
  const messages: number[] = [];
  const queue: Queue = Object.getPrototypeOf(bindings.TASKS);
  const { send, sendBatch } = queue;
  vi.spyOn(queue, "send").mockImplementation(async function (this: Queue, body, options) {
    messages.push(encodeJson(JSON.parse(JSON.stringify(body))).byteLength);
    return await send.call(this, body, options);
  });
  vi.spyOn(queue, "sendBatch").mockImplementation(async function (this: Queue, batch, options) {
    const sent = [...batch];
    batches.push(sent.length);
    messages.push(...sent.map(({ body }) => JSON.stringify(body).length));
    return await sendBatch.call(this, sent, options);
  });
  const metadata = { text: "m".repeat(LIMITS.metadataBytes - 20) };
  const inputs = { text: "i".repeat(MIB) };
  const id = newId();
  const asked = workflowOf(
    named(2000, (index) => `t${index}`),
    { maxParallelTasks: 1000, metadata },
  );
  unwrap(await runStub(bindings, id).start(definitionOf(asked, { id, inputs, metadata })));
  expect((await finished(id)).progress.completed).toBe(2000);
  expect(batches.length).toBeGreaterThan(0);
  expect(messages.length).toBeGreaterThan(batches.length);
  expect(Math.max(...batches)).toBeLessThanOrEqual(PLATFORM_BATCH_MESSAGES);
  expect(Math.max(...messages)).toBeLessThan(PLATFORM_MESSAGE_BYTES);
});

describe(`a result of ${LIMITS.resultBytes} bytes`, () => {
  /** Echo says its message twice. */
  const AROUND = '{"message":"","response":""}'.length;
  const resultOf = async (bytes: number) => {
    const text = "x".repeat((bytes - AROUND) / 2);
    const id = await startWith([echo("wide", [], { params: { message: "${inputs.text}" } })], { text });
    return await finished(id);
  };

  test("less one that cannot be, is kept", async () => {
    const { status, progress } = await resultOf(LIMITS.resultBytes);
    expect([status, progress.completed]).toEqual(["completed", 1]);
  });

  test("and two more fails its task, which says its name, the size and the limit", async () => {
    const { status, tasks } = await resultOf(LIMITS.resultBytes + 2);
    const message = `task "wide": the result is ${LIMITS.resultBytes + 2} bytes, at most ${LIMITS.resultBytes} are kept`;
    expect([status, tasks[0]?.attemptCount, tasks[0]?.error]).toMatchObject([
      "failed",
      1,
      { code: "result_too_large", message },
    ]);
  });
});

describe(`one answer to an executor carries at most ${LIMITS.syncBytes} bytes of params`, () => {
  const COUNT = 7;
  const wide = { message: "${inputs.text}", prompt: "${inputs.text}" };
  const text = "x".repeat(2.5 * MIB);
  const bytesOf = ({ work }: SyncAnswer) =>
    work.reduce((sum, one) => sum + (one.kind === "call" ? one.params.byteLength : 0), 0);

  test("of tasks that need no provider: the rest comes with later ones, and all are done", async () => {
    muteExecutors();
    const tasks = Array.from({ length: COUNT }, (_, index) => echo(`t${index}`, [], { params: wide }));
    const id = await startWith(tasks, { text });
    const player = new Player(id);
    const given: number[] = [];
    for (let answer = await player.sync({ room: ROOM }); answer.work.length > 0 && given.length < COUNT; ) {
      expect(bytesOf(answer)).toBeLessThanOrEqual(LIMITS.syncBytes);
      given.push(answer.work.length);
      const outcome = { kind: "completed", result: encodeJson("done") } as const;
      const ended = [...player.held.keys()].map((taskId) => ({ ...player.ref(taskId), outcome }));
      answer = await player.sync({ ended, room: ROOM });
    }
    expect(given).toEqual([3, 3, 1]);
    expect((await finished(id)).progress.completed).toBe(COUNT);
  });

  test("of calls that begin at once: those that are left begin when that is said again", async () => {
    muteExecutors();
    const tasks = Array.from({ length: COUNT }, (_, index) => chat(`t${index}`, [], { params: wide }));
    const id = await startWith(tasks, { text });
    const player = new Player(id);
    await player.sync({ room: { calls: COUNT, instant: 0 } });
    const offered = () => [...player.held.values()].filter(({ kind }) => kind === "offer");
    const given: number[] = [];
    while (offered().length > 0 && given.length < COUNT) {
      const answer = await player.begin(...offered().map(({ taskId }) => taskId));
      expect(bytesOf(answer)).toBeLessThanOrEqual(LIMITS.syncBytes);
      given.push(answer.work.filter(({ kind }) => kind === "call").length);
    }
    expect(given).toEqual([3, 3, 1]);
    for (const taskId of [...player.held.keys()]) await player.complete(taskId);
    expect((await finished(id)).progress.completed).toBe(COUNT);
  });

  test("of attempts whose answer got lost: they are given again, a part at a time", async () => {
    muteExecutors();
    const tasks = Array.from({ length: COUNT }, (_, index) => echo(`t${index}`, [], { params: wide }));
    const id = await startWith(tasks, { text });
    const player = new Player(id);
    await player.sync({ room: ROOM });
    await player.sync({ room: ROOM });
    expect(player.held.size).toBe(6);
    const again = await player.sync({ holding: [], room: { calls: 0, instant: 0 } });
    expect(again.work.length).toBe(3);
    expect(bytesOf(again)).toBeLessThanOrEqual(LIMITS.syncBytes);
  });
});
