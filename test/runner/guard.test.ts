import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refuseOpenHost } from "../../src/runner/guard.ts";
import { LIMITS } from "../../src/runner/limits.ts";
import { type Runner, startRunner } from "../../src/runner/runner.ts";
import { post, request } from "./calling.ts";

const discover = request("rpc.discover");
const secret = "a long secret";
let open: Runner;
let closed: Runner;
beforeAll(async () => {
  open = await startRunner({ port: 0, sandbox: "process" });
  closed = await startRunner({ port: 0, sandbox: "process", secret });
});
afterAll(() => Promise.all([open.close(), closed.close()]));

describe("a runner with a secret", () => {
  it.each([
    {},
    { authorization: "Bearer wrong" },
    { authorization: `Basic ${secret}` },
    { authorization: secret },
  ])("answers 401 to %j", async (headers) => {
    const response = await post(closed, discover, { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await response.json()).toMatchObject({ jsonrpc: "2.0", id: null, error: { code: -32001 } });
  });

  it("serves who sends it", async () => {
    const response = await post(closed, discover, { headers: { authorization: `Bearer ${secret}` } });
    expect(response.status).toBe(200);
  });

  it("tells its health to anybody", async () => {
    expect(await (await fetch(`${closed.url}/health`)).json()).toEqual({
      status: "ok",
      python: expect.stringMatching(/^3\.\d+\.\d+$/),
      sandbox: "process",
      methods: ["python/execute"],
      maxConcurrent: expect.any(Number),
      running: 0,
    });
  });
});

describe("what comes from a browser", () => {
  it("is refused by its Origin, even with the secret", async () => {
    const headers = { origin: "http://localhost:3000", authorization: `Bearer ${secret}` };
    for (const runner of [open, closed]) expect((await post(runner, discover, { headers })).status).toBe(403);
  });

  it("is refused by its content type, which a page could send without asking", async () => {
    const send = (type: string) => post(open, discover, { headers: { "content-type": type } });
    expect((await send("text/plain")).status).toBe(415);
    expect((await send("application/json-seq")).status).toBe(415);
    expect((await send("application/json; charset=utf-8")).status).toBe(200);
  });
});

describe("requests", () => {
  it("to another path or by another method are told what there is", async () => {
    const nowhere = await fetch(`${open.url}/nothing`, { method: "POST" });
    expect(nowhere.status).toBe(404);
    // A refusal to whoever calls: one of the runner's own would be a failure of the script.
    expect(await nowhere.json()).toMatchObject({ error: { code: -32600 } });
    const got = await fetch(open.url);
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
    const posted = await fetch(`${open.url}/health`, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
  });

  it("larger than the limit are answered 413, those just below are read", async () => {
    const filler = (bytes: number) => JSON.stringify(discover).padEnd(bytes, " ");
    expect((await post(open, filler(LIMITS.bodyBytes))).status).toBe(200);
    const response = await post(open, filler(LIMITS.bodyBytes + 1));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ id: null, error: { code: -32013 } });
  });
});

describe("listening beyond this machine", () => {
  it.each(["0.0.0.0", "::", "192.168.1.5", "example.com", "127.evil.example"])(
    "on %s without a secret is refused",
    async (host) => {
      await expect(startRunner({ host, port: 0 })).rejects.toThrow(
        `refusing to listen on ${host} without a secret`,
      );
    },
  );

  it("is allowed with one, and on loopback always", () => {
    expect(() => refuseOpenHost("0.0.0.0", secret)).not.toThrow();
    for (const host of ["127.0.0.1", "127.0.0.2", "::1", "localhost"]) refuseOpenHost(host, undefined);
  });
});
