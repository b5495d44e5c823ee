import { describe, expect, it } from "vitest";
import { settingsOf } from "../src/settings.ts";

const DAY_MS = 86_400_000;

it("reads settings once for each environment; an empty one is not set", () => {
  const env = {
    GLEITZEIT_LOCATION: "weur",
    GLEITZEIT_SECRET_KEY: "k".repeat(32),
    GLEITZEIT_ROOT_KEY: "",
    GLEITZEIT_MCP_URLS: "files=https://a.example.com/mcp",
  };
  const settings = settingsOf(env);
  expect(settings).toMatchObject({
    isLocal: false,
    location: "weur",
    secretKey: env.GLEITZEIT_SECRET_KEY,
    rootKey: undefined,
    addresses: { mcp: { urls: [{ id: "files", url: "https://a.example.com/mcp" }], isAuto: false } },
  });
  expect(settingsOf(env)).toBe(settings);
  expect(settingsOf({ GLEITZEIT_LOCATION: "" }).location).toBeUndefined();
});

describe("where nothing is said", () => {
  it("keeps history in D1, runs in their objects for 7 days and in history for 90, and has 64 executors", () => {
    const defaults = {
      history: "d1",
      retention: { objectMs: 7 * DAY_MS, historyMs: 90 * DAY_MS },
      executors: 64,
    };
    expect(settingsOf({})).toMatchObject(defaults);
    const empty = {
      GLEITZEIT_HISTORY: "",
      GLEITZEIT_OBJECT_DAYS: "",
      GLEITZEIT_HISTORY_DAYS: "",
      GLEITZEIT_EXECUTORS: "",
    };
    expect(settingsOf(empty)).toMatchObject(defaults);
  });
});

it.each(["d1", "durable", "memory"])("keeps history in %s where that is said", (history) => {
  expect(settingsOf({ GLEITZEIT_HISTORY: history }).history).toBe(history);
});

it.each([
  ["0.0001", 8640],
  ["0.5", DAY_MS / 2],
  ["3650", 3650 * DAY_MS],
])("keeps runs for %s days", (days, ms) => {
  const { retention } = settingsOf({ GLEITZEIT_OBJECT_DAYS: days, GLEITZEIT_HISTORY_DAYS: days });
  expect([retention.objectMs, retention.historyMs]).toEqual([ms, ms]);
});

it.each([
  ["1", 1],
  ["1000", 1000],
])("has %s executors", (text, executors) => {
  expect(settingsOf({ GLEITZEIT_EXECUTORS: text }).executors).toBe(executors);
});

it.each([
  [{ GLEITZEIT_LOCATION: "mars" }, 'GLEITZEIT_LOCATION is "mars": use one of wnam, enam, sam, weur, '],
  [{ GLEITZEIT_PYTHON_URLS: "runner" }, "GLEITZEIT_PYTHON_URLS, address 1: "],
  [{ GLEITZEIT_HISTORY: "D1" }, 'GLEITZEIT_HISTORY is "D1": use one of d1, durable, memory'],
  [{ GLEITZEIT_HISTORY: "postgres" }, 'GLEITZEIT_HISTORY is "postgres": use one of d1, durable, memory'],
  [{ GLEITZEIT_EXECUTORS: "1.5" }, 'GLEITZEIT_EXECUTORS is "1.5": give a whole number from 1 to 1000'],
])("says of %j which variable is wrong", (env, message) => {
  expect(() => settingsOf(env)).toThrow(message);
});

describe.each(["GLEITZEIT_OBJECT_DAYS", "GLEITZEIT_HISTORY_DAYS"])("%s", (variable) => {
  it.each(["0", "0.00009", "-1", "3650.1", "a week", "7d", "NaN", "Infinity", "1e9", " "])(
    "cannot be %j, and the error names it",
    (days) => {
      const message = `${variable} is "${days}": give a number from 0.0001 to 3650`;
      expect(() => settingsOf({ [variable]: days })).toThrow(message);
    },
  );
});

it.each(["0", "-1", "1001", "two", "1e99", "NaN", " "])("cannot have %j executors", (text) => {
  const message = `GLEITZEIT_EXECUTORS is "${text}": give a whole number from 1 to 1000`;
  expect(() => settingsOf({ GLEITZEIT_EXECUTORS: text })).toThrow(message);
});
