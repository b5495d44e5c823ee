/** What one object uses: its rows, its alarm, and the time that it is in memory. */
import { Activity } from "./activity.ts";
import { countRequest, noteAlarm, objectTally } from "./tally.ts";

type Cursor = { rowsRead: number; rowsWritten: number };
type Method = (...args: unknown[]) => unknown;

export class Meter {
  readonly #binding: string;
  readonly #id: string;
  readonly #storage: DurableObjectStorage;
  readonly #activity: Activity;
  /** Not told yet: a cursor knows its rows when it was read to its end. */
  readonly #cursors: Cursor[] = [];
  #storedBytes: number;

  /** From now on the object's context counts. A stand-in for it would not be taken by the platform's constructor. */
  constructor(binding: string, ctx: DurableObjectState) {
    this.#binding = binding;
    this.#id = ctx.id.toString();
    this.#storage = ctx.storage;
    this.#activity = new Activity(binding);
    this.#storedBytes = ctx.storage.sql.databaseSize;
    const { sql, kv } = ctx.storage;
    replace(ctx, "waitUntil", (method) => (work) => {
      this.#activity.serve(Promise.resolve(work));
      return method(work);
    });
    replace(
      sql,
      "exec",
      (method) =>
        (...args) =>
          this.#execute(method, args),
    );
    for (const name of ["get", "put", "delete", "list"]) {
      replace(
        kv,
        name,
        (method) =>
          (...args) =>
            this.#access(name, method(...args)),
      );
    }
    replace(ctx.storage, "setAlarm", (method) => (...args) => {
      this.#setAlarm(Number(args[0]));
      return method(...args);
    });
    replace(ctx.storage, "deleteAlarm", (method) => () => {
      noteAlarm(binding, this.#id, undefined);
      return method();
    });
  }

  ring(): void {
    countRequest(this.#binding, "alarm");
    noteAlarm(this.#binding, this.#id, undefined);
  }

  /** What a handler does, until its answer is there. */
  during(act: () => unknown): unknown {
    const release = this.#activity.begin();
    const end = () => {
      release();
      this.#tell();
    };
    let answer: unknown;
    try {
      answer = this.#activity.during(act);
    } finally {
      if (!(answer instanceof Promise)) end();
    }
    return answer instanceof Promise ? answer.finally(end) : answer;
  }

  #tell(): void {
    for (const { rowsRead, rowsWritten } of this.#cursors.splice(0)) {
      this.#tally.rowsRead += rowsRead;
      this.#tally.rowsWritten += rowsWritten;
    }
    const { databaseSize } = this.#storage.sql;
    this.#tally.storedBytes += databaseSize - this.#storedBytes;
    this.#storedBytes = databaseSize;
  }

  #execute(method: Method, args: unknown[]): unknown {
    const made = statementsIn(args).map((some) => method(...some));
    this.#cursors.push(...(made as Cursor[]));
    return made.at(-1);
  }

  #access(name: string, answer: unknown): unknown {
    if (name === "get") this.#tally.rowsRead++;
    if (name === "put" || name === "delete") this.#tally.rowsWritten++;
    if (name !== "list") return answer;
    const entries = [...(answer as Iterable<unknown>)];
    this.#tally.rowsRead += entries.length;
    return entries;
  }

  #setAlarm(at: number): void {
    this.#tally.rowsWritten++;
    this.#tally.alarmsSet++;
    noteAlarm(this.#binding, this.#id, at);
  }

  get #tally() {
    return objectTally(this.#binding);
  }
}

/** Of several statements in one text a cursor tells only the rows of the last: they are made one by one. */
function statementsIn([sql, ...values]: unknown[]): unknown[][] {
  if (values.length > 0) return [[sql, ...values]];
  const texts = String(sql).split(";");
  return texts.filter((text) => text.trim() !== "").map((text) => [text]);
}

function replace(target: object, name: string, make: (method: Method) => Method): void {
  const found: unknown = Reflect.get(target, name);
  if (typeof found !== "function") throw new Error(`there is no ${name} to count`);
  const method: Method = (...args) => Reflect.apply(found, target, args);
  Object.defineProperty(target, name, { value: make(method), configurable: true });
}
