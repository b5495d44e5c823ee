/** What runs say of themselves stays below what RPC carries, 32 MiB, however much their tasks and callers wrote. */
import { describe, expect, test } from "vitest";
import { makeTaskError } from "../../src/contract/error.ts";
import { decodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { unwrap } from "../../src/reply.ts";
import { parseRecord } from "../../src/run/record.ts";
import { runStub } from "../../src/stubs.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import { bindings, definitionOf, echo, finished, newId, start, workflowOf } from "../workerd/start.ts";

const MIB = 2 ** 20;
const RPC_BYTES = 32 * MIB;
const SUMMARY_BYTES = 320 * 1024;
const ROOM = { calls: 6, instant: 500 };

/** `count` tasks that all fail, each of `attempts` times, with so many bytes of details. */
async function startFailing(count: number, detailsBytes: number, attempts = 1): Promise<string> {
  muteExecutors();
  const retry = { maxAttempts: attempts, baseDelay: 0, jitter: false };
  const tasks = Array.from({ length: count }, (_, index) => echo(`t${index}`, [], { retry }));
  const id = await start(workflowOf(tasks, { maxParallelTasks: 1000 }));
  const player = new Player(id);
  const details = { stdout: "x".repeat(detailsBytes - 20) };
  const error = makeTaskError("timeout", "it failed", details);
  await player.sync({ room: ROOM });
  for (let round = 0; player.held.size > 0 && round < 100; round++) {
    const ended = [...player.held.keys()].map((taskId) => player.ref(taskId));
    await player.sync({
      ended: ended.map((ref) => ({ ...ref, outcome: { kind: "failed", error } })),
      room: ROOM,
    });
  }
  return id;
}

/** What the run sends to history. */
async function sentOf(id: string) {
  const projected = await runStub(bindings, id).project();
  if (projected === undefined) throw new Error(`there is no run ${id}`);
  const { summary, record } = projected;
  return {
    summaryBytes: summary.byteLength,
    recordBytes: record.byteLength,
    summary: decodeJson(summary),
    record: record.byteLength === 0 ? undefined : parseRecord(record),
  };
}

describe("a run of 4,200 tasks that failed with 8 KiB of details each", () => {
  test("is shown, with as many details as fit; a task alone has its own; history gets its summary", async () => {
    expect(4200 * 8 * 1024).toBeGreaterThan(RPC_BYTES);
    const id = await startFailing(4200, 8 * 1024);
    const view = await finished(id);
    expect([view.status, view.tasks.length, view.progress.failed]).toEqual(["failed", 4200, 4200]);
    const detailed = view.tasks.filter(({ error }) => error?.details !== undefined);
    expect(detailed.length).toBeGreaterThan(100);
    expect(detailed.length).toBeLessThan(LIMITS.viewedErrorBytes / 8000);
    expect(view.tasks.at(-1)?.error).toMatchObject({ code: "timeout", message: 'task "t4199": it failed' });
    const alone = decodeJson(unwrap(await runStub(bindings, id).task(id, "t4199")));
    expect(alone).toMatchObject({ error: { details: { stdout: expect.any(String) } } });
    const { summaryBytes, summary, recordBytes } = await sentOf(id);
    expect([summaryBytes < SUMMARY_BYTES, recordBytes]).toEqual([true, 0]);
    expect(summary).toMatchObject({ status: "failed", progress: { failed: 4200 } });
  });
});

test("of 120 tasks that failed twice with 16 KiB of details history has all", async () => {
  const id = await startFailing(120, LIMITS.errorDetailsBytes, 2);
  const { record, recordBytes } = await sentOf(id);
  expect(recordBytes).toBeLessThanOrEqual(LIMITS.historyBatchBytes);
  // Each attempt's end says it.
  expect(JSON.stringify(record?.journal).match(/"stdout"/g)).toHaveLength(120 * 2);
});

test("of 160 of them, which are more than a batch, history has the summary alone", async () => {
  const id = await startFailing(160, LIMITS.errorDetailsBytes, 2);
  const { summary, recordBytes } = await sentOf(id);
  expect([summary, recordBytes]).toMatchObject([{ progress: { failed: 160 } }, 0]);
});

test("of a run that goes on there is no record", async () => {
  muteExecutors();
  const id = await start(workflowOf([echo("a")]));
  expect(await sentOf(id)).toMatchObject({ summary: { status: "running" }, recordBytes: 0 });
});

describe("inputs", () => {
  const startWith = async (inputs: { text: string }) => {
    muteExecutors();
    const id = newId();
    unwrap(await runStub(bindings, id).start(definitionOf(workflowOf([echo("a")]), { id, inputs })));
    const player = new Player(id);
    await player.sync();
    return { id, player };
  };

  test("of 24 MiB are shown whole; outputs of 8 MiB beside them are left out, and results have them", async () => {
    const text = "x".repeat(LIMITS.bodyBytes - 1000);
    const { id, player } = await startWith({ text });
    await player.complete("a", "y".repeat(LIMITS.resultBytes - 2));
    const view = await finished(id);
    expect(view.status).toBe("completed");
    expect("outputs" in view).toBe(false);
    expect(view.inputs["text"] === text).toBe(true);
    const alone = unwrap(await runStub(bindings, id).task(id, "a"));
    expect(alone.byteLength).toBeGreaterThan(LIMITS.resultBytes);
    const results = unwrap(await runStub(bindings, id).results(id));
    expect((await new Response(results).text()).length).toBe(LIMITS.resultBytes + '{"a":}'.length);
    const { summary, recordBytes } = await sentOf(id);
    expect(summary).toMatchObject({ status: "completed", inputs: { $omitted: expect.any(String) } });
    expect(recordBytes).toBe(0);
  });

  test("are listed up to their limit, to the byte, and in the record whatever their size", async () => {
    const most = LIMITS.metadataBytes - '{"text":""}'.length;
    for (const [length, listed] of [
      [most, { text: "x".repeat(most) }],
      [most + 1, { $omitted: expect.stringContaining(`${LIMITS.metadataBytes + 1} bytes`) }],
    ] as const) {
      const text = "x".repeat(length);
      const { id, player } = await startWith({ text });
      expect((await sentOf(id)).summary).toMatchObject({ status: "running", inputs: listed });
      await player.complete("a");
      const { summary, record } = await sentOf(id);
      expect(summary).toMatchObject({ status: "completed", inputs: listed });
      expect(record?.definition.inputs).toEqual({ text });
    }
  });

  test("of 17 million characters, one of which is not Latin, are named in a note, and not sent", async () => {
    const text = `€${"x".repeat(17_000_000)}`;
    const { id, player } = await startWith({ text });
    const inputs = { $omitted: expect.stringMatching(`17000014 bytes.*GET /v1/runs/${id}`) };
    expect(await sentOf(id)).toMatchObject({ summary: { status: "running", inputs }, recordBytes: 0 });
    await player.complete("a");
    expect(await sentOf(id)).toMatchObject({ summary: { status: "completed", inputs }, recordBytes: 0 });
  });

  test("tags and metadata as large as they may be leave a summary of some hundred KiB at most", async () => {
    muteExecutors();
    const tags = Object.fromEntries(
      Array.from({ length: LIMITS.tags }, (_, index) => [`${index}`.padEnd(64, "k"), "v".repeat(200)]),
    );
    const metadata = { text: "m".repeat(LIMITS.metadataBytes - 20) };
    const inputs = { text: "i".repeat(LIMITS.metadataBytes - 20) };
    const id = newId();
    const workflow = workflowOf([echo("a")], { tags, metadata });
    unwrap(await runStub(bindings, id).start(definitionOf(workflow, { id, inputs, tags, metadata })));
    expect((await sentOf(id)).summaryBytes).toBeLessThan(SUMMARY_BYTES);
  });
});
