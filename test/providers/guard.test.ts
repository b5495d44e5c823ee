import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkUrl, guardFetch } from "../../src/providers/guard.ts";
import { GOOD, NEVER, UNLESS_LOCAL } from "./evil-urls.ts";
import { serveWith } from "./http-server.ts";

const DEPLOYED = { isLocal: false };
const LOCAL = { isLocal: true };
const unsafe = expect.objectContaining({ code: "unsafe_url" });

describe.each(Object.entries(NEVER))("%s", (_, urls) => {
  it.each(urls)("is refused everywhere: %j", (url) => {
    expect(() => checkUrl(url, DEPLOYED)).toThrow(unsafe);
    expect(() => checkUrl(url, LOCAL)).toThrow(unsafe);
  });
});

describe.each(Object.entries(UNLESS_LOCAL))("%s", (_, urls) => {
  it.each(urls)("is refused where the service is deployed: %j", (url) => {
    expect(() => checkUrl(url, DEPLOYED)).toThrow(unsafe);
  });

  it.each(urls)("is allowed in local mode: %j", (url) => {
    expect(checkUrl(url, LOCAL).href).toBe(URL.parse(url)?.href);
  });
});

it.each(GOOD)("a public address is allowed: %s", (url) => {
  expect(checkUrl(url, DEPLOYED).href).toBe(new URL(url).href);
  expect(checkUrl(url, LOCAL).href).toBe(new URL(url).href);
});

it("the tables are long enough to mean something", () => {
  const evil = [NEVER, UNLESS_LOCAL].flatMap((table) => Object.values(table).flat());
  expect(new Set(evil).size).toBe(evil.length);
  expect(evil.length).toBeGreaterThanOrEqual(60);
});

it.each([
  ["ftp://example.com/", 'a URL of "ftp:"; use http or https'],
  ["https://me:s3cr3t@example.com/", "with credentials; send them as a header"],
  ["http://10.0.0.1/?key=s3cr3t", '"10.0.0.1", an address of this machine or of a private network'],
  ["http://2130706433/s3cr3t", '"127.0.0.1", an address of this machine'],
  [
    "http://10.0.0.1/",
    "give the host a public name by a tunnel (docs/connecting-hosts.md), or use local mode",
  ],
  ["http://169.254.169.254/", "a cloud's metadata service"],
  ["http://[::ffff:10.0.0.1]/", "stands for another address; write that address itself"],
  ["http://0.0.0.0/", "no server's address; name the one that the server is reached at"],
  ["s3cr3t", "write it as https://host.example.com/path"],
])("%s is refused in words that say what to do, and quote no secret", (url, message) => {
  expect(() => checkUrl(url, DEPLOYED)).toThrow(message);
  expect(() => checkUrl(url, DEPLOYED)).not.toThrow(/s3cr3t/);
});

describe("whatever its spelling", () => {
  const octet = fc.nat(255);
  const inRange = (first: number[], second: fc.Arbitrary<number> = octet) =>
    fc.tuple(fc.constantFrom(...first), second, octet, octet);
  const spelling = fc.record({
    // Four parts, or the last ones written as one number.
    parts: fc.integer({ min: 1, max: 4 }),
    bases: fc.array(fc.constantFrom(8, 10, 16), { minLength: 4, maxLength: 4 }),
    zeros: fc.nat(3),
    wide: fc.boolean(),
    dot: fc.constantFrom(".", "。", "%2E"),
    end: fc.constantFrom("", ".", ":8080", ".:8080"),
  });
  const isRefused = (octets: fc.Arbitrary<readonly number[]>, options: { isLocal: boolean }) =>
    fc.assert(
      fc.property(octets, spelling, (address, how) => {
        const url = `http://${spell(address, how)}/`;
        expect(URL.parse(url)?.hostname).toBe(address.join("."));
        expect(() => checkUrl(url, options)).toThrow(unsafe);
      }),
      { seed: 3, numRuns: 300 },
    );

  it.each([
    ["loopback", inRange([127])],
    ["10/8", inRange([10])],
    ["172.16/12", inRange([172], fc.integer({ min: 16, max: 31 }))],
    ["192.168/16", inRange([192], fc.constant(168))],
    ["shared (100.64/10)", inRange([100], fc.integer({ min: 64, max: 127 }))],
  ])("an address of %s is refused where the service is deployed", (_, octets) => {
    isRefused(octets, DEPLOYED);
  });

  it.each([
    ["link-local (169.254/16)", inRange([169], fc.constant(254))],
    ["multicast and reserved (224/3)", inRange(Array.from({ length: 32 }, (_, index) => 224 + index))],
    ["this network (0/8)", inRange([0])],
    ["metadata", fc.constantFrom([169, 254, 169, 254], [100, 100, 100, 200], [168, 63, 129, 16])],
  ])("an address of %s is refused everywhere", (_, octets) => {
    isRefused(octets, LOCAL);
  });
});

it("whatever it is given, it answers with a URL of http or https, or refuses", () => {
  const url = fc.oneof(
    fc.webUrl(),
    fc.string(),
    fc.ipV6().map((address) => `http://[${address}]/`),
  );
  fc.assert(
    fc.property(url, fc.boolean(), (text, isLocal) => {
      try {
        expect(checkUrl(text, { isLocal }).protocol).toMatch(/^https?:$/);
      } catch (thrown) {
        expect(thrown).toEqual(unsafe);
      }
    }),
    { seed: 3, numRuns: 1000 },
  );
});

describe("a guarded fetch", () => {
  it("asks nobody at an address that is refused, however it is given", async () => {
    const server = await serveWith((_, response) => response.end("here"));
    const guarded = guardFetch(fetch, DEPLOYED);
    for (const input of [server.url, new URL(server.url), new Request(server.url)]) {
      await expect(guarded(input)).rejects.toEqual(unsafe);
    }
    expect(server.requests).toEqual([]);
    expect(await (await guardFetch(fetch, LOCAL)(server.url)).text()).toBe("here");
  });

  it("follows no redirect, not even where the caller would", async () => {
    const elsewhere = await serveWith((_, response) => response.end("there"));
    const server = await serveWith((_, response) =>
      response.writeHead(302, { location: elsewhere.url }).end(),
    );
    const answer = await guardFetch(fetch, LOCAL)(server.url, { redirect: "follow" });
    expect(answer.status).toBe(302);
    expect(elsewhere.requests).toEqual([]);
  });
});

type Spelling = { parts: number; bases: number[]; zeros: number; wide: boolean; dot: string; end: string };

/** As the WHATWG's URL standard reads IPv4: 1 to 4 numbers, each decimal, octal or hex, the last one for what is left. */
function spell(octets: readonly number[], { parts, bases, zeros, wide, dot, end }: Spelling): string {
  const first = octets.slice(0, parts - 1);
  const last = octets.slice(parts - 1).reduce((sum, octet) => sum * 256 + octet, 0);
  const numbers = [...first, last].map((number, index) => {
    const base = bases[index] ?? 10;
    const prefix = { 8: "0", 10: "", 16: "0x" }[base] ?? "";
    const text = prefix + (base === 10 ? "" : "0".repeat(zeros)) + number.toString(base);
    return wide ? text.replace(/[0-9]/g, widened) : text;
  });
  return numbers.join(dot) + end;
}

/** The same digit at full width. */
const widened = (digit: string): string => String.fromCharCode(digit.charCodeAt(0) + 0xfee0);
