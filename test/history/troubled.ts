/** Histories that fail: a backend in a mood, and what two of them have together. */
import { vi } from "vitest";
import { GleitzeitError } from "../../src/contract/error.ts";
import { TIMING } from "../../src/contract/limits.ts";
import { memoryHistory } from "../../src/history/memory.ts";
import type { Projection, RunHistory } from "../../src/history/run-history.ts";
import { type Model, walkPages, writeModel } from "./model.ts";

/** `late` carries out each write when nobody waits for it any more; `silent` never answers. */
export type Mood = "well" | "refusing" | "silent" | "late";

export type Troubled = {
  history: RunHistory;
  /** The same without troubles. */
  inside: RunHistory;
  mood: Mood;
  /** Calls by their names, in order. */
  calls: string[];
};

const LATE_MS = TIMING.historySlowMs + 1000;

export function troubled(inside: RunHistory = memoryHistory()): Troubled {
  const suffer = async <Value>(name: keyof RunHistory, call: () => Promise<Value>): Promise<Value> => {
    backend.calls.push(name);
    if (backend.mood === "refusing") throw new GleitzeitError("unavailable", "refused");
    if (backend.mood === "silent") return await new Promise<never>(() => {});
    if (backend.mood === "late" && name === "write") await new Promise((go) => setTimeout(go, LATE_MS));
    return await call();
  };
  const history: RunHistory = {
    write: (batch) => suffer("write", () => inside.write(batch)),
    // Like the backends: what is wrong with a question is found before the database is asked.
    list: async (filter, page) => {
      await inside.list(filter, page);
      return await suffer("list", () => inside.list(filter, page));
    },
    read: (id) => suffer("read", () => inside.read(id)),
    count: () => suffer("count", () => inside.count()),
    takeSilent: (before, now, limit) => suffer("takeSilent", () => inside.takeSilent(before, now, limit)),
    prune: (before, limit) => suffer("prune", () => inside.prune(before, limit)),
    page: (after) => suffer("page", () => inside.page(after)),
    remove: (versions) => suffer("remove", () => inside.remove(versions)),
  };
  const backend: Troubled = { history, inside, mood: "well", calls: [] };
  return backend;
}

/** Looks at `rows` runs for each page of a list, and gives so many whole ones: short and empty pages with a next one. */
export function narrow(rows: number, inside: RunHistory = memoryHistory()): RunHistory {
  return {
    ...inside,
    list: async (filter, page) => {
      const looked = await inside.list({}, { ...page, limit: rows });
      const { items } = await inside.list(filter, { ...page, limit: 200 });
      const found = items.filter(({ id }) => looked.items.some((run) => run.id === id));
      const kept = found.slice(0, page.limit);
      const isCut = kept.length < found.length;
      return { items: kept, nextCursor: isCut ? btoa(kept.at(-1)?.id ?? "") : looked.nextCursor };
    },
    page: async (after) => (await inside.page(after)).slice(0, rows),
  };
}

/** The latest version of each run that any of them has. */
export async function latestOf(...histories: RunHistory[]): Promise<Model> {
  const model: Model = new Map();
  for (const history of histories) writeModel(model, await allOf(history));
  return model;
}

export const allOf = async (history: RunHistory): Promise<Projection[]> => (await walkPages(history)).flat();

// Longer than any question here takes.
const PATIENCE_ROUNDS = 400;

/** What the work comes to, with the clock going on as long as it takes. Needs fake timers. */
export async function inFakeTime<Value>(work: Promise<Value>): Promise<Value> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  for (let round = 0; round < PATIENCE_ROUNDS; round++) {
    await vi.advanceTimersByTimeAsync(0);
    if (isOver) return await work;
    await vi.advanceTimersByTimeAsync(100);
  }
  throw new Error("the work does not end");
}
