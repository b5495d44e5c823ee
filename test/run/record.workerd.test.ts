/** The record of a run that has ended: all that its object keeps, or nothing. */
import { describe, expect, test } from "vitest";
import { makeTaskError } from "../../src/contract/error.ts";
import { decodeJson, encodeJson, type Json } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { encodeRecord, parseRecord } from "../../src/run/record.ts";
import type { JournalRow } from "../../src/run/run-storage.ts";
import { type Drive, started } from "../engine/drive.ts";
import { Executor } from "../engine/executor.ts";

const MOST = LIMITS.historyBatchBytes;

/** What the run's object has in its storage; `read` counts what of it is read. */
function storageOf(drive: Drive) {
  const read = { journalRows: 0, results: 0 };
  return {
    read,
    rows: drive.journal.map(({ at, event }, index): JournalRow => ({ seq: index + 1, at, events: [event] })),
    readDefinition: () => encodeJson(definitionOf(drive)),
    *readJournal(): Generator<JournalRow> {
      for (const row of this.rows) {
        read.journalRows++;
        yield row;
      }
    },
    readResultBytes(taskId: string, attempt: number) {
      read.results++;
      return encodeJson(drive.read(taskId, attempt));
    },
  };
}

/** As it rests: JSON. */
function definitionOf({ definition }: Drive): Json {
  return JSON.parse(JSON.stringify(definition));
}

/** A run of these tasks that completed, each with this result. */
function completedWith(notation: string, result: Json): Drive {
  const drive = started(notation);
  const ada = new Executor(drive);
  for (let round = 0; drive.run.unfinished > 0 && round < 100; round++) {
    ada.sync({ invitations: 1 });
    for (const task of [...ada.held.keys()]) ada.complete(task, result);
  }
  expect(drive.log.at(-1)).toBe("run completed");
  return drive;
}

const recordOf = (drive: Drive) => parseRecord(encodeRecord(drive.run, storageOf(drive), MOST));

describe("a record has", () => {
  test("the definition as it rests, every row of the journal, and every result", () => {
    const drive = completedWith("a b:a c:a,b", { text: "é" });
    const storage = storageOf(drive);
    expect(decodeJson(encodeRecord(drive.run, storage, MOST))).toEqual({
      definition: definitionOf(drive),
      journal: storage.rows,
      results: ["a", "b", "c"].map((taskId) => ({ taskId, attempt: 1, result: { text: "é" } })),
    });
  });

  test.each<[string, Json]>([
    ["null", null],
    ["an empty text", ""],
    ["text of all kinds", '"\\\u2028\ud83d\ude00\ud800 é'],
    ["names that objects have", JSON.parse('{"__proto__": 1, "constructor": {"toString": []}}')],
    ["keys that are numbers", { "2": 1, "1": 2, "-1": 3 }],
  ])("a result as it was, which is %s", (_, result) => {
    const [kept] = recordOf(completedWith("a", result)).results;
    expect(JSON.stringify(kept?.result)).toBe(JSON.stringify(result));
  });

  test("no result of tasks that did not complete, between others that did", () => {
    const drive = started("a b c d e:b", { each: { retry: { maxAttempts: 1 } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    ada.complete("b", 1);
    ada.failWith("c", "timeout");
    ada.complete("d", 2);
    drive.tell({ type: "cancel", actor: "local" });
    expect(recordOf(drive).results).toEqual([
      { taskId: "b", attempt: 1, result: 1 },
      { taskId: "d", attempt: 1, result: 2 },
    ]);
  });

  test("no results where no task completed", () => {
    const drive = started("a");
    drive.tell({ type: "cancel", actor: "local" });
    const { results, journal } = recordOf(drive);
    expect([results, journal.length]).toEqual([[], drive.journal.length]);
  });

  test("of a task that was done again its last result alone", () => {
    const drive = completedWith("a", "first");
    drive.tell({ type: "retry", actor: "local", from: "a" });
    const ada = new Executor(drive, "bob");
    ada.sync();
    ada.complete("a", "second");
    expect(recordOf(drive).results).toEqual([{ taskId: "a", attempt: 2, result: "second" }]);
  });

  test("details of errors too", () => {
    const drive = started("a", { each: { retry: { maxAttempts: 1 } } });
    const ada = new Executor(drive);
    ada.sync();
    const error = makeTaskError("timeout", "late", { stdout: "x".repeat(LIMITS.errorDetailsBytes - 100) });
    ada.sync({ ended: [ada.ended("a", { kind: "failed", error })] });
    expect(JSON.stringify(recordOf(drive).journal)).toContain(JSON.stringify(error.details));
  });
});

describe("the size of a record", () => {
  const sizeOf = (drive: Drive) => encodeRecord(drive.run, storageOf(drive), MOST).byteLength;

  test("is what one batch of history takes, to the byte; beyond there is none", () => {
    const rest = sizeOf(completedWith("a", ""));
    // The journal says how large the result is, in 5 digits more.
    const most = MOST - rest - 6;
    const sizes = [-3, -2, -1, 0, 1, 2, 3].map((more) => sizeOf(completedWith("a", "x".repeat(most + more))));
    expect(sizes).toContain(MOST);
    expect(sizes).toContain(0);
    expect(Math.max(...sizes)).toBe(MOST);
    expect(sizes.indexOf(0)).toBe(sizes.indexOf(MOST) + 1);
  });

  test("counts bytes, not characters", () => {
    expect(sizeOf(completedWith("a", "€".repeat(MOST / 3)))).toBe(0);
    expect(sizeOf(completedWith("a", "x".repeat(MOST / 3)))).toBeGreaterThan(MOST / 3);
  });

  test("is nothing where the results are too many together, which are read no further than they fit", () => {
    const drive = completedWith("a b c d e f g h", "x".repeat(MOST / 4));
    const storage = storageOf(drive);
    expect(encodeRecord(drive.run, storage, MOST).byteLength).toBe(0);
    expect(storage.read.results).toBe(4);
  });

  test("is nothing where the journal is too large, which is read no further than it fits", () => {
    const drive = completedWith("a", "x");
    const storage = storageOf(drive);
    const row = storage.rows[0];
    if (row === undefined) throw new Error("the run has no journal");
    storage.rows = Array.from({ length: 1_000_000 }, () => row);
    expect(encodeRecord(drive.run, storage, MOST).byteLength).toBe(0);
    expect(storage.read).toMatchObject({ results: 0 });
    expect(storage.read.journalRows).toBeLessThan(MOST / JSON.stringify(row).length + 2);
  });

  test("is nothing where the inputs alone are too large", () => {
    const drive = started("a", { given: { text: "x".repeat(MOST) } });
    drive.tell({ type: "cancel", actor: "local" });
    const storage = storageOf(drive);
    expect(encodeRecord(drive.run, storage, MOST).byteLength).toBe(0);
    expect(storage.read.journalRows).toBe(0);
  });
});
