/** The bindings, counted: requests to objects, messages, rows of D1, keys of KV. */
import { countRequest, d1Tally, kvTally, queueTally } from "./tally.ts";

const counted = new WeakMap<object, object>();

/** The same for the same environment: some things are remembered by it. */
export function countBindings<Bindings extends object>(env: Bindings): Bindings {
  const known = counted.get(env);
  if (known !== undefined) return known as Bindings;
  const entries = Object.entries(env).map(([name, binding]) => [name, countBinding(name, binding)]);
  const made: Bindings = Object.fromEntries(entries);
  counted.set(env, made);
  return made;
}

/** What a binding is, its methods say. */
function countBinding(name: string, binding: unknown): unknown {
  if (typeof binding !== "object" || binding === null) return binding;
  if ("getByName" in binding) return countObjects(name, binding);
  if ("sendBatch" in binding) return countQueue(name, binding);
  if ("prepare" in binding) return countDatabase(binding);
  if ("getWithMetadata" in binding) return countKeys(binding);
  return binding;
}

type Method = (...args: unknown[]) => unknown;
type Around = Record<string, (method: Method) => Method>;

/** The same object, with some of its methods replaced. */
function around(target: object, methods: Around): object {
  return new Proxy(target, {
    get: (_, name) => {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found !== "function") return found;
      const method: Method = (...args) => Reflect.apply(found, target, args);
      return typeof name === "string" && Object.hasOwn(methods, name) ? methods[name]?.(method) : method;
    },
  });
}

/** Each call of a method is a request. https://developers.cloudflare.com/durable-objects/platform/pricing/ */
function countObjects(binding: string, objects: object): object {
  const stub = (made: unknown) =>
    new Proxy(Object(made), {
      get: (target, method) => {
        const found: unknown = Reflect.get(target, method, target);
        if (typeof found !== "function" || typeof method !== "string") return found;
        return (...args: unknown[]) => {
          countRequest(binding, method);
          return Reflect.apply(found, target, args);
        };
      },
    });
  const making =
    (method: Method) =>
    (...args: unknown[]) =>
      stub(method(...args));
  return around(objects, { get: making, getByName: making });
}

function countQueue(binding: string, queue: object): object {
  return around(queue, {
    send:
      (method) =>
      (...args) => {
        queueTally(binding).written++;
        return method(...args);
      },
    sendBatch:
      (method) =>
      (messages, ...args) => {
        const all = [...(messages as Iterable<unknown>)];
        queueTally(binding).written += all.length;
        return method(all, ...args);
      },
  });
}

/** Rows of what is asked by `raw` and `first` are not told: the question is asked once more, which reads only. */
function countDatabase(database: object): object {
  const originals = new WeakMap<object, object>();
  const statement = (made: unknown): object => {
    const original = Object(made);
    const once = async (method: Method, args: unknown[]) => {
      const all = Reflect.get(original, "all");
      countRows(await Reflect.apply(all, original, []));
      return await method(...args);
    };
    const counting = around(original, {
      bind:
        (method) =>
        (...args) =>
          statement(method(...args)),
      all: countedRows,
      run: countedRows,
      raw:
        (method) =>
        (...args) =>
          once(method, args),
      first:
        (method) =>
        (...args) =>
          once(method, args),
    });
    originals.set(counting, original);
    return counting;
  };
  return around(database, {
    prepare:
      (method) =>
      (...args) =>
        statement(method(...args)),
    batch: (method) => async (statements) => {
      const some = [...(statements as Iterable<object>)].map((one) => originals.get(one) ?? one);
      const results = await method(some);
      for (const result of results as Iterable<unknown>) countRows(result);
      return results;
    },
  });
}

const countedRows =
  (method: Method): Method =>
  async (...args) => {
    const result = await method(...args);
    countRows(result);
    return result;
  };

function countRows(result: unknown): void {
  const { meta } = result as D1Result;
  d1Tally().rowsWritten += meta.rows_written;
  d1Tally().rowsRead += meta.rows_read;
  d1Tally().sizeBytes = meta.size_after;
}

function countKeys(keys: object): object {
  const counting =
    (what: "reads" | "writes") =>
    (method: Method) =>
    (...args: unknown[]) => {
      kvTally()[what]++;
      return method(...args);
    };
  const [reads, writes] = [counting("reads"), counting("writes")];
  return around(keys, { get: reads, getWithMetadata: reads, list: reads, put: writes, delete: writes });
}
