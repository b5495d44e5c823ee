/** What history keeps of a run whose tasks, errors and results are more than one batch, and what it says of the rest. */
import { expect, test } from "vitest";
import { makeTaskError, type TaskError } from "../../src/contract/error.ts";
import type { JournalEntry } from "../../src/contract/event.ts";
import { decodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { documentOf } from "../../src/run/document.ts";
import { type Drive, START, started } from "../engine/drive.ts";
import { Executor } from "../engine/executor.ts";

const MIB = 2 ** 20;

type Written = { drive: Drive; entries?: number; error?: TaskError };

/** The document of a run with so many journal entries that carry this error; and how many of them were read. */
function written({ drive, entries = 1, error = makeTaskError("timeout", "late") }: Written) {
  let read = 0;
  function* journal(): Generator<JournalEntry> {
    for (let seq = 1; seq <= entries; seq++) {
      read++;
      const at = new Date(START).toISOString();
      yield { seq, at, runId: drive.run.definition.id, type: "task.failed", taskId: "a", error };
    }
  }
  const bytes = documentOf(drive.run, journal, drive.read);
  expect(bytes.byteLength).toBeLessThanOrEqual(LIMITS.historyBatchBytes);
  return { document: decodeJson(bytes), read };
}

function completedWith(bytes: number): Drive {
  const drive = started("a");
  const ada = new Executor(drive);
  ada.sync();
  ada.complete("a", "x".repeat(bytes));
  return drive;
}

const first = (text: string) => expect.stringMatching(new RegExp(`^${text}`));
const NOTES = ["details", "results", "the journal", "attempts", "tasks"].map(first);
const large = makeTaskError("timeout", "late", { stdout: "x".repeat(16_000) });

test("a small run is kept whole", () => {
  const { document } = written({ drive: completedWith(10), error: large });
  expect(document).toMatchObject({
    omitted: [],
    tasks: [{ id: "a", result: "x".repeat(10), attempts: [{ number: 1 }] }],
    journal: [{ seq: 1, error: large }],
  });
});

test("details of errors are left out first", () => {
  const { document } = written({ drive: completedWith(MIB), entries: 300, error: large });
  expect(document).toMatchObject({ omitted: NOTES.slice(0, 1), tasks: [{ result: expect.any(String) }] });
  expect(document).toMatchObject({ journal: { 299: { error: { code: "timeout", message: "late" } } } });
  expect(JSON.stringify(document)).not.toContain("stdout");
});

test("then results", () => {
  const { document } = written({ drive: completedWith(5 * MIB) });
  expect(document).toMatchObject({ omitted: NOTES.slice(0, 2), tasks: [{ id: "a" }], journal: [{ seq: 1 }] });
});

test("then the journal, which is read no further than it fits", () => {
  const { document, read } = written({ drive: completedWith(10), entries: 1_000_000_000 });
  expect(document).toEqual({ omitted: NOTES.slice(0, 3), tasks: [expect.objectContaining({ id: "a" })] });
  expect(read).toBeLessThan(100_000);
});

test("then attempts, and messages are cut", () => {
  const drive = started("a");
  const error = makeTaskError("timeout", "m".repeat(1000));
  const end = { status: "failed" as const, at: START, error };
  for (let number = 1; number <= 5000; number++) {
    drive.run.tasks
      .get("a")
      ?.attempts.push({ number, session: "s", startedAt: START, instance: undefined, tried: [], end });
  }
  const { document } = written({ drive });
  expect(document).toMatchObject({
    omitted: NOTES.slice(0, 4),
    tasks: [{ attemptCount: 5000, attempts: [] }],
  });
});

test("and at last the tasks, where there are as many as there may be with names as long", () => {
  const names = Array.from({ length: LIMITS.tasks }, (_, index) => `t${index}`);
  const tasks = Object.fromEntries(names.map((id) => [id, { name: `${id} ${"€".repeat(190)}` }]));
  expect(written({ drive: started(names.join(" "), { tasks }) }).document).toEqual({ omitted: NOTES });
});
