/** What runs say of themselves stays below what RPC carries, 32 MiB, however much their tasks and callers wrote. */
import { describe, expect, test } from "vitest";
import { makeTaskError } from "../../src/contract/error.ts";
import { decodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { unwrap } from "../../src/reply.ts";
import { runStub } from "../../src/stubs.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import { bindings, definitionOf, echo, finished, newId, start, workflowOf } from "../workerd/start.ts";

const MIB = 2 ** 20;
const RPC_BYTES = 32 * MIB;
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

async function documentOf(id: string) {
  const projected = await runStub(bindings, id).project();
  const document = projected && decodeJson(projected.document);
  return {
    bytes: projected?.document.byteLength,
    summary: projected && decodeJson(projected.summary),
    document,
  };
}

const first = (text: string) => expect.stringMatching(new RegExp(`^${text}`));

describe("a run of 4,200 tasks that failed with 8 KiB of details each", () => {
  test("is shown, with as many details as fit; a task alone has its own; history gets what fits", async () => {
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
    const { bytes, summary, document } = await documentOf(id);
    expect(bytes).toBeLessThanOrEqual(LIMITS.historyBatchBytes);
    expect(summary).toMatchObject({ status: "failed" });
    expect(document).toMatchObject({ omitted: [first("details")], tasks: { 4199: { id: "t4199" } } });
  });
});

test("of 560 tasks that failed twice with 16 KiB of details history has all but these", async () => {
  const id = await startFailing(560, LIMITS.errorDetailsBytes, 2);
  const { document } = await documentOf(id);
  expect(document).toMatchObject({ omitted: [first("details")], journal: expect.any(Array) });
  expect(document).toMatchObject({ tasks: { 559: { attempts: [{ number: 1 }, { number: 2 }] } } });
  expect(JSON.stringify(document)).not.toContain("stdout");
});

test("of a small run history has everything, and nothing is omitted", async () => {
  const id = await startFailing(2, 1000);
  const { document } = await documentOf(id);
  expect(document).toMatchObject({ omitted: [] });
  expect(JSON.stringify(document).match(/stdout/g)).toHaveLength(2 * 3);
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
    const { summary } = await documentOf(id);
    expect(summary).toMatchObject({ status: "completed", inputs: { text: expect.any(String) } });
  });

  test("of 17 million characters, one of which is not Latin, go to history once: when the run has ended", async () => {
    const text = `€${"x".repeat(17_000_000)}`;
    const { id, player } = await startWith({ text });
    expect((await documentOf(id)).summary).toMatchObject({
      status: "running",
      inputs: { $omitted: expect.stringContaining("17000014 bytes") },
    });
    await player.complete("a");
    const { summary } = await documentOf(id);
    expect(JSON.stringify(summary).includes(text)).toBe(true);
  });
});
