/** A D1 database whose calls fail as D1's do: before anything is done, or with the answer lost on its way. */

/** What asks the database. */
const CALLS = new Set<PropertyKey>(["run", "all", "first", "raw", "batch", "exec"]);
/** What gives something that asks the database. */
const MAKERS = new Set<PropertyKey>(["prepare", "bind", "withSession"]);

/** `url` answers `answered`, `refused` or `lost` for each call. */
export function faultyDatabase<Part extends object>(part: Part, url: string): Part {
  return new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      const method = (...given: unknown[]): unknown => Reflect.apply(value, target, given);
      if (MAKERS.has(key)) return (...given: unknown[]) => faultyPart(method(...given), url);
      if (CALLS.has(key)) return (...given: unknown[]) => suffer(url, () => method(...given));
      return method;
    },
  });
}

function faultyPart(made: unknown, url: string): unknown {
  return typeof made === "object" && made !== null ? faultyDatabase(made, url) : made;
}

async function suffer(url: string, call: () => unknown): Promise<unknown> {
  const fate = await (await fetch(url)).text();
  if (fate === "refused") throw new Error("D1_ERROR: D1 DB is overloaded. Too many requests queued.");
  const answer = await call();
  if (fate === "lost") throw new Error("D1_ERROR: Network connection lost.");
  return answer;
}
