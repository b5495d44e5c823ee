/** What a run keeps comes back byte for byte, whatever it is, in rows that fit, and goes without a trace. */
import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeTaskError } from "../../src/contract/error.ts";
import type { RunEvent } from "../../src/contract/event.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { type JournalRow, RunStorage } from "../../src/run/run-storage.ts";
import { newId, objectOf } from "../workerd/start.ts";

const encoder = new TextEncoder();
const BOM = "\ufeff";
/** In the journal's row up to this, in rows of their own beyond. */
const SMALL_BYTES = 1024;
/** The platform's; rows are kept far below. */
const PLATFORM_ROW_BYTES = 2_000_000;

/** So many bytes, mostly of one character; the cut between two rows goes through the middle of some. */
function textOf(bytes: number, character: string): string {
  const width = encoder.encode(character).length;
  return "x".repeat(bytes % width) + character.repeat(Math.floor(bytes / width));
}

const character = fc.constantFrom("x", "é", "€", "😀", BOM, "\u0001", '"', "\\", "\u2028");
const around = (bytes: number) => fc.integer({ min: bytes - 2, max: bytes + 2 });
const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat(2 * SMALL_BYTES) },
  { weight: 6, arbitrary: around(SMALL_BYTES) },
  { weight: 1, arbitrary: fc.oneof(around(LIMITS.rowBytes), around(3 * LIMITS.rowBytes)) },
);
const result = fc.oneof(
  fc.tuple(size, character).map(([bytes, one]) => textOf(bytes, one)),
  fc.string({ unit: "binary", maxLength: 50 }),
  fc.constantFrom("", BOM, `${BOM}${BOM}{}`, "\0", "__proto__", "null"),
);
const taskId = fc.oneof(
  fc.constantFrom("a", "b", "constructor", "__proto__", "a#1", "ß", "%", "_"),
  fc.string({ minLength: 1, maxLength: 5 }),
  fc.constant("€".repeat(LIMITS.taskIdChars)),
);
const piece = fc.oneof(
  fc.record({
    kind: fc.constant("completed" as const),
    taskId,
    result,
    count: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    kind: fc.constant("completed" as const),
    taskId,
    result: fc.tuple(fc.nat(SMALL_BYTES), character).map(([bytes, one]) => textOf(bytes, one)),
    count: fc.integer({ min: 1, max: 400 }),
  }),
  fc.record({
    kind: fc.constant("failed" as const),
    taskId,
    detail: fc
      .tuple(fc.nat(LIMITS.errorDetailsBytes / 4), character)
      .map(([bytes, one]) => textOf(bytes, one)),
    count: fc.integer({ min: 1, max: 200 }),
  }),
  fc.record({ kind: fc.constant("queued" as const), taskId, count: fc.integer({ min: 1, max: 50 }) }),
);
type Piece = typeof piece extends fc.Arbitrary<infer Kind> ? Kind : never;
/** Each is what one command did. */
const commands = fc.array(fc.array(piece, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 });

type Completed = { taskId: string; attempt: number; bytes: Uint8Array };
type Saved = { row: JournalRow; results: Completed[] };

/** No task completes twice in one command: it would have to be retried in between. */
function savesOf(asked: Piece[][]): Saved[] {
  let seq = 1;
  return asked.map((pieces, number) => {
    const results: Completed[] = [];
    const events = pieces.flatMap((one, place) =>
      Array.from({ length: one.count }, (_, index) =>
        eventOf(one, `${one.taskId}.${place}.${index}`, number + 1, results),
      ),
    );
    const row = { seq, at: 1000 + number, events };
    seq += events.length;
    return { row, results };
  });
}

function eventOf(one: Piece, taskId: string, attempt: number, results: Completed[]): RunEvent {
  if (one.kind === "queued") return { type: "task.queued", taskId };
  if (one.kind === "failed") {
    const error = makeTaskError("timeout", one.detail, { stderr: one.detail });
    return { type: "task.failed", taskId, attempt, error };
  }
  const bytes = encoder.encode(one.result);
  results.push({ taskId, attempt, bytes });
  return { type: "task.completed", taskId, attempt, bytes: bytes.byteLength };
}

function save(storage: RunStorage, saves: readonly Saved[]): void {
  for (const { row, results } of saves) {
    storage.append(row, new Map(results.map(({ taskId, bytes }) => [taskId, bytes])));
  }
}

const inside = <Value>(look: (storage: DurableObjectStorage) => Value | Promise<Value>): Promise<Value> =>
  runInDurableObject(objectOf(newId()), (_, { storage }) => look(storage));

const isSame = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, place) => byte === other[place]);

const lastSeqOf = ({ seq, events }: JournalRow) => seq + events.length - 1;

/** The tasks whose results are not what was given. */
const differing = (storage: RunStorage, saves: readonly Saved[]) =>
  saves
    .flatMap(({ results }) => results)
    .filter(({ taskId, attempt, bytes }) => !isSame(storage.readResultBytes(taskId, attempt), bytes));

function largestRow({ sql }: DurableObjectStorage): number {
  const bytes = "octet_length(name) + ifnull(octet_length(body), 0) + ifnull(octet_length(results), 0)";
  return Number(sql.exec(`SELECT max(${bytes}) AS bytes FROM run`).one()["bytes"]);
}

describe("whatever happens in a run", () => {
  const check = (look: (storage: DurableObjectStorage, saves: Saved[], written: RunStorage) => void) =>
    fc.assert(
      fc.asyncProperty(commands, (asked) =>
        inside((storage) => {
          const written = new RunStorage(storage);
          written.create(encoder.encode("{}"));
          const saves = savesOf(asked);
          save(written, saves);
          look(storage, saves, written);
        }),
      ),
      { seed: 4, numRuns: 40 },
    );

  test("every result is read as it was given, by who wrote it and by who opens it later", async () => {
    await check((storage, saves, written) => {
      expect(differing(written, saves)).toEqual([]);
      const opened = new RunStorage(storage);
      expect([...opened.readJournal(0)].length).toBeGreaterThan(0);
      expect(differing(opened, saves)).toEqual([]);
    });
  });

  test("the journal has every event in order, with its command's time", async () => {
    await check((storage, saves) => {
      const flat = (rows: Iterable<JournalRow>) =>
        [...rows].flatMap(({ seq, at, events }) =>
          events.map((event, place) => JSON.stringify([seq + place, at, event])),
        );
      expect(flat(new RunStorage(storage).readJournal(0))).toEqual(flat(saves.map(({ row }) => row)));
    });
  });

  test("a journal that is read from an event on begins with the row that has the next", async () => {
    await check((storage) => {
      const opened = new RunStorage(storage);
      const rows = [...opened.readJournal(0)];
      const some = rows.filter((_, place) => place < 2 || place % 50 === 0 || place > rows.length - 3);
      const edges = some.flatMap((row) => [row.seq - 1, row.seq, lastSeqOf(row)]);
      for (const after of edges) {
        const wanted = rows.filter((row) => lastSeqOf(row) > after).map(({ seq }) => seq);
        expect([...opened.readJournal(after)].map(({ seq }) => seq)).toEqual(wanted);
      }
    });
  });

  test("no row comes near the platform's limit", async () => {
    await check((storage) => expect(largestRow(storage)).toBeLessThan(PLATFORM_ROW_BYTES / 1.5));
  });
});

describe("what one command does", () => {
  const appended = (events: RunEvent[], results: [string, Uint8Array][] = []) =>
    inside((storage) => {
      const written = new RunStorage(storage);
      written.create(encoder.encode("{}"));
      written.append({ seq: 1, at: 1, events }, new Map(results));
      const rows = [...new RunStorage(storage).readJournal(0)];
      return {
        rows: rows.length,
        events: rows.flatMap((row) => row.events).length,
        largest: largestRow(storage),
      };
    });

  test("may be 2,000 tasks that fail with as much as an error holds", async () => {
    const error = makeTaskError("timeout", "€".repeat(3000), {
      stderr: "€".repeat(LIMITS.errorDetailsBytes / 3 - 20),
    });
    expect(error.details).toBeDefined();
    const events = Array.from(
      { length: 2000 },
      (_, index): RunEvent => ({
        type: "task.failed",
        taskId: `t${index}`,
        error,
      }),
    );
    const { rows, events: kept, largest } = await appended(events);
    expect(kept).toBe(2000);
    expect(rows).toBeGreaterThan(40);
    expect(largest).toBeLessThanOrEqual(LIMITS.rowBytes);
  });

  test("may be 10,000 results that are just small, of characters that JSON writes sixfold", async () => {
    const bytes = encoder.encode("\u0001".repeat(SMALL_BYTES));
    const ids = Array.from({ length: 10_000 }, (_, index) => `t${index}`);
    const events = ids.map(
      (taskId): RunEvent => ({ type: "task.completed", taskId, attempt: 1, bytes: SMALL_BYTES }),
    );
    const { events: kept, largest } = await appended(
      events,
      ids.map((id) => [id, bytes]),
    );
    expect(kept).toBe(10_000);
    expect(largest).toBeLessThanOrEqual(LIMITS.rowBytes);
  });
});

test("a run that is removed leaves no table, no key and no alarm, and the object is no run", async () => {
  await inside(async (storage) => {
    const written = new RunStorage(storage);
    written.create(encoder.encode("x".repeat(2 * LIMITS.rowBytes)));
    save(
      written,
      savesOf([[{ kind: "completed", taskId: "a", result: textOf(LIMITS.rowBytes, "€"), count: 2 }]]),
    );
    written.writeLeases({ ada: 1 });
    written.markProjected("d1", { revision: 2, isKept: true });
    await storage.setAlarm(Date.now() + 3_600_000);
    await written.remove();
    const tables = storage.sql.exec(
      "SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'",
    );
    expect([tables.toArray(), [...storage.kv.list()], await storage.getAlarm()]).toEqual([[], [], null]);
    expect(written.readDefinition()).toBeUndefined();
    expect(new RunStorage(storage).readLeases()).toEqual({});
  });
});
