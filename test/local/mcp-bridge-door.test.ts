/** Who may use a bridge, and what it refuses. */
import { expect, it } from "vitest";
import {
  answerOf,
  bridgeTo,
  callOf,
  connect,
  post,
  SMALL,
  STATELESS,
  stdioServer,
  textOf,
} from "./mcp-bridge-fixture.ts";

it("has an address that cannot be guessed, on loopback", async () => {
  const { url } = await bridgeTo(SMALL);
  const { hostname, pathname } = new URL(url);
  expect(hostname).toBe("127.0.0.1");
  expect(pathname).toMatch(/^\/[\w-]{32}\/mcp$/);
});

it.each<[string, { path?: string; headers?: Record<string, string>; body?: unknown }, number]>([
  ["another path", { path: "/mcp" }, 404],
  ["a web page", { headers: { origin: "https://example.com" } }, 403],
  ["a form", { headers: { "content-type": "text/plain" } }, 415],
  ["what is no JSON", { body: "{" }, 400],
  ["what is no JSON-RPC", { body: { id: 1 } }, 400],
  ["a list of messages", { body: [callOf("pid")] }, 400],
  ["a message that is too long", { body: `"${"x".repeat(16 * 1024 * 1024)}"` }, 413],
])("refuses %s", async (_what, { path, headers, body = callOf("pid") }, status) => {
  const { url } = await bridgeTo(SMALL);
  const response = await post(path === undefined ? url : new URL(path, url).href, body, headers);
  expect(response.status).toBe(status);
});

it("has no stream of its own and no session to end", async () => {
  const { url } = await bridgeTo(SMALL);
  for (const method of ["GET", "DELETE"]) {
    const response = await fetch(url, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  }
});

it("refuses the 65th request at a time, and takes one when another has ended", async () => {
  const { url, lines, untilLogged } = await bridgeTo(SMALL);
  const leaving = new AbortController();
  const headers = { "content-type": "application/json" };
  const hang = (id: number) =>
    fetch(url, { method: "POST", headers, body: JSON.stringify(callOf("hang", id)), signal: leaving.signal });
  const hanging = Array.from({ length: 64 }, (_, id) => hang(id).catch(() => "left"));
  await untilLogged(/hangs at 64$/);
  const refused = await post(url, callOf("pid"));
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  leaving.abort();
  await Promise.all(hanging);
  await untilLogged(/cancelled 64$/);
  expect(lines.filter((line) => line.includes("hangs")).length).toBe(64);
  await expect.poll(async () => (await post(url, callOf("pid"))).status).toBe(200);
});

it("repeats the handshake made at the start, without what nobody would hear", async () => {
  const { url } = await bridgeTo(SMALL);
  const client = await connect(url, "legacy");
  expect(client.getServerCapabilities()).toEqual({ tools: {} });
  expect(client.getNegotiatedProtocolVersion()).toBe("2025-06-18");
});

it("says itself that it offers no subscriptions, nor the discovery of a server with a handshake", async () => {
  const [small, stateless] = await Promise.all([bridgeTo(SMALL), bridgeTo(STATELESS)]);
  const ask = async (url: string, method: string) =>
    await answerOf(await post(url, { jsonrpc: "2.0", id: 5, method }));
  const refused = (method: string) => ({ id: 5, code: -32601, text: `${method} is not offered` });
  for (const { url } of [small, stateless]) {
    expect(await ask(url, "subscriptions/listen")).toEqual(refused("subscriptions/listen"));
  }
  expect(await ask(small.url, "server/discover")).toEqual(refused("server/discover"));
});

it("passes everything on to a server without a handshake", async () => {
  const { url } = await bridgeTo(STATELESS);
  const client = await connect(url, "auto");
  expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
  const reports: number[] = [];
  const { content } = await client.callTool(
    { name: "greet", arguments: { name: "Ada" } },
    { onprogress: ({ progress }) => reports.push(progress) },
  );
  expect(content).toEqual([{ type: "text", text: "Hello Ada" }]);
  expect(reports).toEqual([1]);
});

it("starts a server that fails at once ever later, and says why in every refusal", async () => {
  let time = 0;
  const server = stdioServer("sh", "-c", "printf 'no licence' >&2; exit 7");
  const { url, lines, untilLogged } = await bridgeTo(server, () => time);
  await untilLogged(/did not start/);
  const waits: [number, number][] = [];
  for (const at of [0, 1000, 1000, 3000, 7000, 15_000, 60_000]) {
    time = at;
    const response = await post(url, callOf("pid"));
    expect(response.status).toBe(503);
    expect(await textOf(response)).toMatch(/it exited with code 7; it said last: no licence$/);
    waits.push([at, Number(response.headers.get("retry-after"))]);
  }
  expect(waits).toEqual([
    [0, 1],
    [1000, 2],
    [1000, 2],
    [3000, 4],
    [7000, 8],
    [15_000, 45],
    [60_000, 30],
  ]);
  expect(lines.filter((line) => line.includes("did not start")).length).toBe(6);
});
