/**
 * What a run keeps, in its object's SQLite. Rows are the price, so there are few tables and no index:
 *
 * `definition`: what the run is, written by start, in parts below the row limit.
 * `journal`: one row for each command that changed something: its events, folded on load. Never updated.
 * `result`: the JSON of each completed attempt, in parts; read by dependents and clients, never on load.
 * `leases` (a key): only while an executor is silent and the object was loaded meanwhile.
 * `projected`: the last event that history has of a run that ended. Written once.
 *
 * The tables are made by start: asking for an unknown id writes nothing.
 */
import type { RunEvent } from "../contract/event.ts";
import type { Json } from "../contract/json.ts";
import { decodeJson } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { KeptLeases } from "../engine/lease.ts";

/** Events of one command; `seq` is that of the first. */
export type JournalRow = { seq: number; at: number; events: RunEvent[] };
export type StoredResult = { taskId: string; attempt: number; bytes: Uint8Array };

const LEASES = "leases";
/** Parsed results are kept while they are small: a fan-out reads the same one many times. */
const CACHE_BYTES = 4 * 1024 * 1024;

export class RunStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #cache = new Map<string, { value: Json; bytes: number }>();
  #cachedBytes = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Several writes, all or none. */
  transact(write: () => void): void {
    this.#storage.transactionSync(write);
  }

  create(definition: Uint8Array): void {
    this.#sql.exec(`CREATE TABLE definition (part INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE journal (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, events TEXT NOT NULL);
    CREATE TABLE result (task TEXT, attempt INTEGER, part INTEGER, body BLOB NOT NULL, PRIMARY KEY (task, attempt, part)) WITHOUT ROWID;
    CREATE TABLE projected (revision INTEGER PRIMARY KEY)`);
    cut(definition).forEach((body, part) => {
      this.#sql.exec("INSERT INTO definition VALUES (?, ?)", part, body);
    });
  }

  /** What `create` was given, or undefined: this object is no run. */
  readDefinition(): Uint8Array | undefined {
    const tables = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'definition'").toArray();
    if (tables.length === 0) return undefined;
    const rows = this.#sql.exec<{ body: ArrayBuffer }>("SELECT body FROM definition ORDER BY part").toArray();
    return join(rows.map(({ body }) => new Uint8Array(body)));
  }

  /** Leases that outlast the object's memory; see engine/lease.ts. */
  readLeases(): KeptLeases {
    return this.#storage.kv.get<KeptLeases>(LEASES) ?? {};
  }

  writeLeases(leases: KeptLeases): void {
    if (Object.keys(leases).length === 0) this.#storage.kv.delete(LEASES);
    else this.#storage.kv.put(LEASES, leases);
  }

  /** Rows are split so that none comes near the limit of 2 MB, whatever a command did. */
  appendEvents({ seq, at, events }: JournalRow): void {
    let first = 0;
    let bytes = 0;
    let texts: string[] = [];
    const flush = () => {
      if (texts.length === 0) return;
      this.#sql.exec("INSERT INTO journal VALUES (?, ?, ?)", seq + first, at, `[${texts.join(",")}]`);
      first += texts.length;
      texts = [];
      bytes = 0;
    };
    for (const event of events) {
      const text = JSON.stringify(event);
      // A character is at most three bytes.
      if (bytes + 3 * text.length > LIMITS.rowBytes) flush();
      texts.push(text);
      bytes += 3 * text.length + 1;
    }
    flush();
  }

  /** Journal rows that end after `seq`, in order, read as they are asked for. */
  *readJournal(afterSeq: number): Generator<JournalRow> {
    const from = this.#sql
      .exec<{ seq: number | null }>("SELECT MAX(seq) AS seq FROM journal WHERE seq <= ?", afterSeq + 1)
      .one().seq;
    const rows = this.#sql.exec<{ seq: number; at: number; events: string }>(
      "SELECT seq, at, events FROM journal WHERE seq >= ? ORDER BY seq",
      from ?? 0,
    );
    for (const { seq, at, events } of rows) yield { seq, at, events: JSON.parse(events) };
  }

  markProjected(revision: number): void {
    this.#sql.exec("INSERT OR IGNORE INTO projected VALUES (?)", revision);
  }

  readProjected(): number {
    const { revision } = this.#sql
      .exec<{ revision: number | null }>("SELECT MAX(revision) AS revision FROM projected")
      .one();
    return revision ?? 0;
  }

  writeResult({ taskId, attempt, bytes }: StoredResult): void {
    cut(bytes).forEach((body, part) => {
      this.#sql.exec("INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?)", taskId, attempt, part, body);
    });
  }

  /** The JSON of a completed attempt, as it was given. */
  readResultBytes(taskId: string, attempt: number): Uint8Array {
    const rows = this.#sql
      .exec<{ body: ArrayBuffer }>(
        "SELECT body FROM result WHERE task = ? AND attempt = ? ORDER BY part",
        taskId,
        attempt,
      )
      .toArray();
    if (rows.length === 0) throw new Error(`task "${taskId}": no result of attempt ${attempt} is stored`);
    return join(rows.map(({ body }) => new Uint8Array(body)));
  }

  readResult(taskId: string, attempt: number): Json {
    const key = `${taskId}#${attempt}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached.value;
    const bytes = this.readResultBytes(taskId, attempt);
    const value = decodeJson(bytes);
    this.#remember(key, value, bytes.byteLength);
    return value;
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
