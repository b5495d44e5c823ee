/** The guard relies on how `URL` normalises; this is workerd's own, where guard.test.ts has Node's. */
import { expect, it } from "vitest";
import { checkUrl } from "../../src/providers/guard.ts";
import { GOOD, NEVER, UNLESS_LOCAL } from "./evil-urls.ts";

const unsafe = expect.objectContaining({ code: "unsafe_url" });

it.each(Object.values(NEVER).flat())("workerd refuses %j everywhere", (url) => {
  expect(() => checkUrl(url, { isLocal: true })).toThrow(unsafe);
});

it.each(Object.values(UNLESS_LOCAL).flat())("workerd refuses %j where the service is deployed", (url) => {
  expect(() => checkUrl(url, { isLocal: false })).toThrow(unsafe);
});

it.each(GOOD)("workerd allows %s", (url) => {
  expect(checkUrl(url, { isLocal: false }).href).toBe(new URL(url).href);
});
