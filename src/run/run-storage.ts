/**
 * What a run keeps, in its object's SQLite. Rows are the price, and making a table is two, so there is one table and no
 * index; `name` and `part` are its key:
 *
 * `definition`, part: what the run is, written by start, in parts below the row limit.
 * `journal`, seq: one row for each command that changed something: its events, folded on load, and beside them, read
 *   only when they are wanted, the small results that came with them. Never updated.
 * `result/TASK#ATTEMPT`, part: the JSON of a completed attempt that is not small.
 * `projected/BACKEND`, revision: the last event that this history has of a run that ended; `at` is 1 where it has all.
 *
 * And a key, `leases`: only while an executor is silent and the object was loaded meanwhile. The table is made by start:
 * asking for an unknown id writes nothing.
 */
import type { HistoryBackend } from "../contract/api.ts";
import type { RunEvent } from "../contract/event.ts";
import type { Json } from "../contract/json.ts";
import { decodeJson } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { attemptKey } from "../contract/sync.ts";
import type { KeptLeases } from "../engine/lease.ts";
import type { Projected } from "./projection.ts";

/** Events of one command; `seq` is that of the first. */
export type JournalRow = { seq: number; at: number; events: RunEvent[] };

const TABLE = `CREATE TABLE run (
  name TEXT NOT NULL, part INTEGER NOT NULL, at INTEGER, body BLOB, results TEXT, PRIMARY KEY (name, part)
) WITHOUT ROWID`;
const LEASES = "leases";
/** Parsed results are kept while they are small: a fan-out reads the same one many times. */
const CACHE_BYTES = 4 * 1024 * 1024;
/** Results up to this go into the row of the journal that they came with. */
const SMALL_BYTES = 1024;

export class RunStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #cache = new Map<string, { value: Json; bytes: number }>();
  #cachedBytes = 0;
  /** The row of the journal in which an attempt completed. */
  readonly #rowOf = new Map<string, number>();
  /** The small results of the row that was read last: neighbours are read one after the other. */
  #small: { seq: number; texts: Record<string, string> } = { seq: 0, texts: {} };

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Several writes, all or none. */
  transact(write: () => void): void {
    this.#storage.transactionSync(write);
  }

  create(definition: Uint8Array): void {
    this.#sql.exec(TABLE);
    this.#writeParts("definition", definition);
  }

  /** What `create` was given, or undefined: this object is no run. */
  readDefinition(): Uint8Array | undefined {
    const tables = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'run'").toArray();
    return tables.length === 0 ? undefined : this.#readParts("definition");
  }

  /** Leases that outlast the object's memory; see engine/lease.ts. */
  readLeases(): KeptLeases {
    return this.#storage.kv.get<KeptLeases>(LEASES) ?? {};
  }

  writeLeases(leases: KeptLeases): void {
    if (Object.keys(leases).length === 0) this.#storage.kv.delete(LEASES);
    else this.#storage.kv.put(LEASES, leases);
  }

  /** Rows are split so that none comes near the limit of 2 MB, whatever a command did. `results` by task. */
  append({ seq, at, events }: JournalRow, results: ReadonlyMap<string, Uint8Array>): void {
    let row = emptyRow(seq);
    const flush = () => {
      if (row.events.length > 0) this.#writeRow(row, at);
      row = emptyRow(row.seq + row.events.length);
    };
    for (const event of events) {
      const text = JSON.stringify(event);
      const result = event.type === "task.completed" ? results.get(event.taskId) : undefined;
      const small = result !== undefined && result.byteLength <= SMALL_BYTES ? result : undefined;
      // A character is at most three bytes, and six where it is escaped.
      const bytes = 3 * text.length + 6 * (small?.byteLength ?? 0);
      if (row.bytes + bytes > LIMITS.rowBytes) flush();
      row.bytes += bytes;
      row.events.push(text);
      if (event.type !== "task.completed") continue;
      this.#rowOf.set(attemptKey(event), row.seq);
      if (small !== undefined) row.results[attemptKey(event)] = decoder.decode(small);
      else if (result !== undefined) this.#writeParts(`result/${attemptKey(event)}`, result);
    }
    flush();
  }

  /** Journal rows that end after `seq`, in order, read as they are asked for. */
  *readJournal(afterSeq: number): Generator<JournalRow> {
    const from = this.#sql
      .exec<{ part: number | null }>(
        "SELECT MAX(part) AS part FROM run WHERE name = 'journal' AND part <= ?",
        afterSeq + 1,
      )
      .one().part;
    const rows = this.#sql.exec<{ part: number; at: number; body: string }>(
      "SELECT part, at, body FROM run WHERE name = 'journal' AND part >= ? ORDER BY part",
      from ?? 0,
    );
    for (const { part: seq, at, body } of rows) {
      const events: RunEvent[] = JSON.parse(body);
      // The first row may end where the caller stands.
      if (seq + events.length - 1 <= afterSeq) continue;
      for (const event of events) {
        if (event.type === "task.completed") this.#rowOf.set(attemptKey(event), seq);
      }
      yield { seq, at, events };
    }
  }

  markProjected(history: HistoryBackend, { revision, isKept }: Projected): void {
    const [name, kept] = [`projected/${history}`, isKept ? 1 : 0];
    this.#sql.exec("INSERT OR REPLACE INTO run (name, part, at) VALUES (?, ?, ?)", name, revision, kept);
  }

  /** What another history has does not count: the run is asked for again where the setting has changed. */
  readProjected(history: HistoryBackend): Projected {
    const [last] = this.#sql
      .exec<{ part: number; at: number }>(
        "SELECT part, at FROM run WHERE name = ? ORDER BY part DESC LIMIT 1",
        `projected/${history}`,
      )
      .toArray();
    return last === undefined
      ? { revision: 0, isKept: false }
      : { revision: last.part, isKept: last.at === 1 };
  }

  /** All of it, and the alarm. */
  async remove(): Promise<void> {
    this.#cache.clear();
    this.#cachedBytes = 0;
    this.#rowOf.clear();
    this.#small = { seq: 0, texts: {} };
    await this.#storage.deleteAll();
  }

  /** The JSON of a completed attempt, as it was given; its row of the journal has been read, or written, before. */
  readResultBytes(taskId: string, attempt: number): Uint8Array {
    const key = attemptKey({ taskId, attempt });
    const small = this.#readSmall(key);
    if (small !== undefined) return encoder.encode(small);
    const bytes = this.#readParts(`result/${key}`);
    if (bytes === undefined) throw new Error(`task "${taskId}": no result of attempt ${attempt} is stored`);
    return bytes;
  }

  readResult(taskId: string, attempt: number): Json {
    const key = attemptKey({ taskId, attempt });
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached.value;
    const bytes = this.readResultBytes(taskId, attempt);
    const value = decodeJson(bytes);
    this.#remember(key, value, bytes.byteLength);
    return value;
  }

  #writeRow({ seq, events, results }: Row, at: number): void {
    const small = Object.keys(results).length === 0 ? null : JSON.stringify(results);
    const body = `[${events.join(",")}]`;
    this.#sql.exec("INSERT INTO run VALUES ('journal', ?, ?, ?, ?)", seq, at, body, small);
  }

  #readSmall(key: string): string | undefined {
    const seq = this.#rowOf.get(key);
    if (seq === undefined) return undefined;
    if (this.#small.seq !== seq) this.#small = { seq, texts: this.#readSmallOf(seq) };
    return this.#small.texts[key];
  }

  #readSmallOf(seq: number): Record<string, string> {
    const { results } = this.#sql
      .exec<{ results: string | null }>("SELECT results FROM run WHERE name = 'journal' AND part = ?", seq)
      .one();
    return results === null ? {} : JSON.parse(results);
  }

  #writeParts(name: string, bytes: Uint8Array): void {
    cut(bytes).forEach((body, part) => {
      this.#sql.exec("INSERT OR REPLACE INTO run (name, part, body) VALUES (?, ?, ?)", name, part, body);
    });
  }

  #readParts(name: string): Uint8Array | undefined {
    const rows = this.#sql
      .exec<{ body: ArrayBuffer }>("SELECT body FROM run WHERE name = ? ORDER BY part", name)
      .toArray();
    return rows.length === 0 ? undefined : join(rows.map(({ body }) => new Uint8Array(body)));
  }

  #remember(key: string, value: Json, bytes: number): void {
    if (bytes > CACHE_BYTES / 4) return;
    this.#cache.set(key, { value, bytes });
    this.#cachedBytes += bytes;
    for (const [oldest, entry] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES) return;
      this.#cache.delete(oldest);
      this.#cachedBytes -= entry.bytes;
    }
  }
}

/** A row of the journal that is being put together: events as JSON, small results by attempt. */
type Row = { seq: number; bytes: number; events: string[]; results: Record<string, string> };

const emptyRow = (seq: number): Row => ({ seq, bytes: 0, events: [], results: Object.create(null) });

const encoder = new TextEncoder();
// A result may begin with what looks like a byte order mark.
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

function cut(bytes: Uint8Array): Uint8Array[] {
  if (bytes.byteLength <= LIMITS.rowBytes) return [bytes];
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.byteLength; at += LIMITS.rowBytes) {
    parts.push(bytes.slice(at, at + LIMITS.rowBytes));
  }
  return parts;
}

function join(parts: Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}
