/** Registered protocols: in real D1, remembered as long as they may be, and used when D1 is away. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findShipped, protocolsOf, saveProtocol } from "../../src/catalog/protocols.ts";
import type { Protocol } from "../../src/contract/protocol.ts";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { emptyDatabase } from "../workerd/history-database.ts";
import { bindings } from "../workerd/start.ts";

/** D1 with its own memory in this isolate, as another isolate would have it; `asked` counts statements. */
function anotherIsolate() {
  const isolate = { DB: bindings.DB, asked: 0, isAway: false };
  isolate.DB = new Proxy(bindings.DB, {
    get: (target, key) => {
      if (isolate.isAway) throw new Error("D1 is away");
      if (key === "prepare") isolate.asked++;
      return Reflect.get(target, key).bind(target);
    },
  });
  return isolate;
}

const protocolOf = (name: string, description = ""): Protocol => ({
  name,
  version: "1",
  description,
  methods: { [`${name.split("/", 1)[0]}/ask`]: { description: "", params: {}, result: {} } },
});
const namesIn = async (isolate: { DB: D1Database }) =>
  (await protocolsOf(isolate)).slice(PROTOCOLS.length).map(({ name }) => name);

const START = Date.parse("2026-01-01T00:00:00Z");
const at = (seconds: number) => vi.spyOn(Date, "now").mockReturnValue(START + seconds * 1000);

beforeEach(async () => {
  await emptyDatabase();
  await bindings.DB.prepare("delete from protocols").run();
  at(0);
});
afterEach(() => vi.restoreAllMocks());

test("those that ship are there without a question", () => {
  expect(findShipped("llm/v1")?.name).toBe("llm/v1");
  expect(findShipped("sentiment/v1")).toBeUndefined();
});

test("those that are registered come after them, by name", async () => {
  const isolate = anotherIsolate();
  for (const name of ["b/v1", "a/v2", "a/v1"]) {
    expect(await saveProtocol(isolate, protocolOf(name))).toEqual({ isNew: true });
  }
  expect((await protocolsOf(isolate)).slice(0, PROTOCOLS.length)).toEqual(PROTOCOLS);
  expect(await namesIn(isolate)).toEqual(["a/v1", "a/v2", "b/v1"]);
  expect(await namesIn(anotherIsolate())).toEqual(["a/v1", "a/v2", "b/v1"]);
});

test("one that is saved again replaces itself", async () => {
  const isolate = anotherIsolate();
  await saveProtocol(isolate, protocolOf("a/v1"));
  expect(await saveProtocol(isolate, protocolOf("a/v1", "better"))).toEqual({ isNew: false });
  expect((await protocolsOf(isolate)).at(-1)).toEqual(protocolOf("a/v1", "better"));
});

test.each(["llm/v1", "llm/v2", "echo/v1"])("%s belongs to those that ship", async (name) => {
  await expect(saveProtocol(anotherIsolate(), protocolOf(name))).rejects.toMatchObject({ code: "conflict" });
});

test("there are no more than can be kept in memory", async () => {
  const isolate = anotherIsolate();
  const large = "x".repeat(1_500_000);
  await saveProtocol(isolate, protocolOf("a/v1", large));
  await saveProtocol(isolate, protocolOf("b/v1", large));
  await expect(saveProtocol(isolate, protocolOf("c/v1", large))).rejects.toMatchObject({ code: "too_large" });
  expect(await saveProtocol(isolate, protocolOf("b/v1"))).toEqual({ isNew: false });
});

describe("an isolate", () => {
  test("knows at once what was saved by itself", async () => {
    const isolate = anotherIsolate();
    expect(await namesIn(isolate)).toEqual([]);
    await saveProtocol(isolate, protocolOf("a/v1"));
    expect(await namesIn(isolate)).toEqual(["a/v1"]);
  });

  test("asks D1 once a minute, and then knows what others saved", async () => {
    const [here, there] = [anotherIsolate(), anotherIsolate()];
    await namesIn(here);
    await saveProtocol(there, protocolOf("a/v1"));
    at(59);
    expect(await namesIn(here)).toEqual([]);
    expect(here.asked).toBe(1);
    at(60);
    expect(await namesIn(here)).toEqual(["a/v1"]);
    expect(here.asked).toBe(2);
  });

  test("that saves while it reads keeps what it saved", async () => {
    const isolate = anotherIsolate();
    const reading = protocolsOf(isolate);
    await saveProtocol(isolate, protocolOf("a/v1"));
    await reading;
    expect(await namesIn(isolate)).toEqual(["a/v1"]);
  });

  test("uses what it knew for ten minutes while D1 is away, and asks each time", async () => {
    const isolate = anotherIsolate();
    await saveProtocol(isolate, protocolOf("a/v1"));
    isolate.isAway = true;
    at(599);
    expect(await namesIn(isolate)).toEqual(["a/v1"]);
    isolate.isAway = false;
    await saveProtocol(anotherIsolate(), protocolOf("b/v1"));
    expect(await namesIn(isolate)).toEqual(["a/v1", "b/v1"]);
  });

  test("says that it does not know any more after that, and where nothing was known", async () => {
    const [known, unknown] = [anotherIsolate(), anotherIsolate()];
    await saveProtocol(known, protocolOf("a/v1"));
    at(600);
    for (const isolate of [known, unknown]) {
      isolate.isAway = true;
      await expect(protocolsOf(isolate)).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("those that ship work without it"),
      });
    }
  });
});
