/** What history keeps of what runs send: revisions, sizes, transactions, and the rows they cost. */
import { beforeEach, describe, expect, test } from "vitest";
import { decodeJson, encodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { d1History } from "../../src/history/d1.ts";
import type { RunHistory } from "../../src/history/run-history.ts";
import { countRows, emptyDatabase } from "../workerd/history-database.ts";
import { sampleProjection, sampleRun } from "./sample.ts";

let database: D1Database;
let history: RunHistory;

beforeEach(async () => {
  database = await emptyDatabase();
  history = d1History(database);
});

async function readDocument(runId: string) {
  const found = await history.read(runId);
  return found === undefined ? undefined : decodeJson(found.document);
}

async function countOf(table: string) {
  return await database.prepare(`select count(*) as count from ${table}`).first("count");
}

/** JSON of more than `bytes` bytes, with characters of 1 to 4 bytes at every place where a cut may fall. */
const largeDocument = (bytes: number) => ({ text: 'aé€😀\ufeff\u0000"\\'.repeat(Math.ceil(bytes / 14)) });

describe("revisions", () => {
  test("what is read is what was written last, to the byte", async () => {
    const run = sampleRun(1, { inputs: { who: "Zoë" }, tags: { team: "a" }, metadata: { note: null } });
    const document = encodeJson({ tasks: [], results: { hello: { response: "hi" } }, journal: [] });
    await history.write([{ revision: 7, summary: run, document }]);
    expect(await history.read(run.id)).toEqual({ summary: run, document });
  });

  test("a run that is not in history is not found", async () => {
    expect(await history.read(sampleRun(1).id)).toBeUndefined();
  });

  test("a later revision replaces an earlier one", async () => {
    const run = sampleRun(1);
    await history.write([sampleProjection({ ...run, status: "running" }, 3, "early")]);
    await history.write([sampleProjection(run, 5, "late")]);
    expect((await history.read(run.id))?.summary.status).toBe("completed");
    expect(await readDocument(run.id)).toBe("late");
  });

  test("an earlier revision that arrives late is ignored, its parts included", async () => {
    const run = sampleRun(1);
    await history.write([sampleProjection(run, 5, "late")]);
    await history.write([
      sampleProjection({ ...run, status: "running" }, 3, largeDocument(2 * LIMITS.rowBytes)),
    ]);
    expect((await history.read(run.id))?.summary.status).toBe("completed");
    expect(await readDocument(run.id)).toBe("late");
    expect(await countOf("run_documents")).toBe(0);
  });

  test("the same revision twice is harmless and writes nothing the second time", async () => {
    const { database: counting, rowsWritten } = countRows(database);
    const projection = sampleProjection(
      sampleRun(1, { tags: { a: "1" } }),
      5,
      largeDocument(LIMITS.rowBytes),
    );
    await d1History(counting).write([projection]);
    rowsWritten();
    await d1History(counting).write([projection]);
    expect(rowsWritten()).toBe(0);
    expect((await history.read(projection.summary.id))?.document).toEqual(projection.document);
  });

  test("of two projections of a run in one batch the later one stays, in whichever order they come", async () => {
    const [one, other] = [sampleRun(1), sampleRun(2)];
    await history.write([
      sampleProjection(one, 3, "early"),
      sampleProjection(other, 5, "late"),
      sampleProjection(one, 5, "late"),
      sampleProjection(other, 3, "early"),
    ]);
    expect([await readDocument(one.id), await readDocument(other.id)]).toEqual(["late", "late"]);
  });

  test("two batches written at once leave the later revision", async () => {
    const run = sampleRun(1);
    await Promise.all(
      [4, 9, 2, 7].map((revision) => history.write([sampleProjection(run, revision, revision)])),
    );
    expect(await readDocument(run.id)).toBe(9);
  });
});

describe("sizes", () => {
  test("a document over 1 MiB is read back equal, whatever characters the cuts meet", async () => {
    const run = sampleRun(1);
    for (const shift of ["", "x", "xy", "xyz"]) {
      const document = encodeJson([shift, largeDocument(2 * LIMITS.rowBytes)]);
      await history.write([{ revision: 1 + shift.length, summary: run, document }]);
      expect((await history.read(run.id))?.document).toEqual(document);
    }
  });

  test("no row is larger than a row may be", async () => {
    const inputs = { text: "x".repeat(LIMITS.metadataBytes - 100) };
    const run = sampleRun(1, { inputs, metadata: inputs });
    await history.write([sampleProjection(run, 5, largeDocument(4 * LIMITS.rowBytes))]);
    const largest = await database
      .prepare(
        `select max(bytes) as bytes from (select octet_length(summary) + octet_length(document) as bytes from runs
         union all select octet_length(body) from run_documents)`,
      )
      .first("bytes");
    expect(largest).toBeLessThanOrEqual(LIMITS.rowBytes);
  });

  test("a shorter document leaves nothing of the longer one it replaces", async () => {
    const run = sampleRun(1);
    await history.write([sampleProjection(run, 3, largeDocument(4 * LIMITS.rowBytes))]);
    await history.write([sampleProjection(run, 5, "short")]);
    expect(await readDocument(run.id)).toBe("short");
    expect(await countOf("run_documents")).toBe(0);
  });

  test("inputs too large for a list are replaced there by a note, and read whole", async () => {
    const run = sampleRun(1, { inputs: { image: "é".repeat(LIMITS.rowBytes) } });
    await history.write([sampleProjection(run, 5, "document")]);
    const listed = (await history.list({}, { limit: 1 })).items[0];
    expect(listed).toEqual({
      ...run,
      inputs: { $omitted: expect.stringContaining(`GET /v1/runs/${run.id}`) },
    });
    expect(await history.read(run.id)).toEqual({ summary: run, document: encodeJson("document") });
  });

  test("an empty document and an empty batch are fine", async () => {
    const run = sampleRun(1);
    await history.write([]);
    await history.write([{ revision: 1, summary: run, document: new Uint8Array() }]);
    expect(await history.read(run.id)).toEqual({ summary: run, document: new Uint8Array() });
  });
});

describe("batches", () => {
  test("a batch of 50 runs with 50 tags each is written", async () => {
    const tags = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tag "${index}" ü`, "v'\\"]));
    const batch = Array.from({ length: 50 }, (_, number) => sampleProjection(sampleRun(number, { tags })));
    await history.write(batch);
    const tag = { key: 'tag "49" ü', value: "v'\\" };
    expect((await history.list({ tag }, { limit: 200 })).items).toHaveLength(50);
    expect(await countOf("run_tags")).toBe(2500);
  });

  test("a batch that fails on one run writes none", async () => {
    const [one, other] = [sampleRun(1), sampleRun(2)];
    await database
      .prepare(`create trigger refuse before insert on runs when new.id = '${other.id}'
        begin select raise(abort, 'refused'); end`)
      .run();
    const written = history.write([sampleProjection(one), sampleProjection(other)]);
    await expect(written).rejects.toMatchObject({ code: "unavailable" });
    await database.prepare("drop trigger refuse").run();
    expect(await history.read(one.id)).toBeUndefined();
  });

  test("a failure of the database is `unavailable` and says nothing of what was in the statement", async () => {
    await database.prepare("alter table runs rename to hidden").run();
    const secret = sampleProjection(sampleRun(1, { tags: { secret: "s3cret" } }));
    const tag = { key: "secret", value: "s3cret" };
    const works = [history.write([secret]), history.list({ tag }, { limit: 1 }), history.read("run_s3cret")];
    const failures = await Promise.allSettled(works);
    await database.prepare("alter table hidden rename to runs").run();
    for (const failure of failures) {
      expect(failure).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
      expect(String("reason" in failure && failure.reason)).not.toContain("s3cret");
    }
  });
});

describe("rows written, the price of history", () => {
  const rowsOf = async (...projections: Parameters<RunHistory["write"]>[0]) => {
    const { database: counting, rowsWritten } = countRows(database);
    await d1History(counting).write(projections);
    return rowsWritten();
  };

  test("a run that is written once, completed, costs 2 rows", async () => {
    expect(await rowsOf(sampleProjection(sampleRun(1)))).toBe(2);
  });

  test("one that did not complete costs a third", async () => {
    expect(await rowsOf(sampleProjection(sampleRun(1, { status: "failed" })))).toBe(3);
  });

  test("each tag costs one, once", async () => {
    const run = sampleRun(1, { tags: { a: "1", b: "2", c: "3" } });
    expect(await rowsOf(sampleProjection(run, 3))).toBe(5);
    expect(await rowsOf(sampleProjection(run, 5))).toBe(1);
  });

  test("a running run costs 3 rows, 2 for each time it is written again, and 1 when it completes", async () => {
    const run = sampleRun(1);
    const running = { ...run, status: "running" as const };
    expect(await rowsOf(sampleProjection(running, 2))).toBe(3);
    expect(await rowsOf(sampleProjection(running, 4))).toBeLessThanOrEqual(2);
    expect(await rowsOf(sampleProjection(run, 6))).toBe(1);
  });

  test("a document costs one more for each MiB beyond the first half", async () => {
    const ofBytes = (bytes: number) => "x".repeat(bytes - 2);
    const half = LIMITS.rowBytes / 2;
    expect(await rowsOf(sampleProjection(sampleRun(1), 5, ofBytes(half)))).toBe(2);
    expect(await rowsOf(sampleProjection(sampleRun(2), 5, ofBytes(half + 1)))).toBe(3);
    expect(await rowsOf(sampleProjection(sampleRun(3), 5, ofBytes(half + LIMITS.rowBytes)))).toBe(3);
    expect(await rowsOf(sampleProjection(sampleRun(4), 5, ofBytes(half + LIMITS.rowBytes + 1)))).toBe(4);
  });
});
