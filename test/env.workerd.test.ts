import { expect, it } from "vitest";
import { settingsOf } from "../src/env.ts";

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

it.each([
  [{ GLEITZEIT_LOCATION: "mars" }, 'GLEITZEIT_LOCATION is "mars": use one of wnam, enam, sam, weur, '],
  [{ GLEITZEIT_PYTHON_URLS: "runner" }, "GLEITZEIT_PYTHON_URLS, address 1: "],
])("says of %j which variable is wrong", (env, message) => {
  expect(() => settingsOf(env)).toThrow(message);
});
