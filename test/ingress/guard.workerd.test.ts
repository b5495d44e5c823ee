import { describe, expect, test } from "vitest";
import { ECHO, problemOf, send } from "../workerd/http.ts";
import { bindings } from "../workerd/start.ts";

const LIST = "/openapi.json";
const local = { ...bindings, GLEITZEIT_LOCAL: "1" };

describe.each([
  ["in local mode", local],
  ["elsewhere without a root key", bindings],
])("%s", (_mode, env) => {
  test.each([
    "http://localhost",
    "http://localhost:8787",
    "http://127.0.0.1:8787",
    "http://127.8.9.1",
    "http://[::1]:1",
  ])("%s is served without a key", async (origin) => {
    expect((await send(`${origin}${LIST}`, {}, env)).status).toBe(200);
  });

  test.each([
    "https://gleitzeit.example.com",
    "http://192.168.1.7:8787",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://0.0.0.0:8787",
    "http://[::2]",
  ])("%s is 503 with the command that sets the first key", async (origin) => {
    const answer = await send(`${origin}${LIST}`, {}, env);
    const { code, detail } = await problemOf(answer);
    expect([answer.status, code]).toEqual([503, "auth_not_configured"]);
    expect(detail).toContain("wrangler secret put GLEITZEIT_ROOT_KEY");
  });

  test("a Host header of another name is refused, wherever the request arrived", async () => {
    for (const host of ["rebound.example.com", "rebound.example.com:80", "a b", ""]) {
      expect((await send(LIST, { headers: { Host: host } }, env)).status).toBe(503);
    }
  });

  test.each([
    "https://example.com",
    "http://localhost:3000",
    "http://evil.localhost",
    "null",
    "x",
    "file://",
  ])("a web page of origin %s may not call it: 403", async (Origin) => {
    const headers = { Origin, "Content-Type": "application/yaml" };
    for (const init of [
      { headers },
      { method: "OPTIONS", headers },
      { method: "POST", headers, body: ECHO },
    ]) {
      const answer = await send("/v1/runs", init, env);
      expect([answer.status, (await problemOf(answer)).code]).toEqual([403, "foreign_origin"]);
      expect(answer.headers.has("Access-Control-Allow-Origin")).toBe(false);
    }
  });

  test("its own pages may call it", async () => {
    const init = {
      method: "POST",
      headers: { Origin: "http://localhost:8787", "Content-Type": "application/yaml" },
      body: ECHO,
    };
    expect((await send("http://localhost:8787/v1/runs", init, env)).status).toBe(202);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])(
    "what a form can send as %s is 415, even where the path would not read it",
    async (type) => {
      const init = { method: "POST", headers: { "Content-Type": type }, body: "{}" };
      expect((await send("/v1/runs", init, env)).status).toBe(415);
      expect((await send(`/v1/runs/run_${"0".repeat(26)}/cancel`, init, env)).status).toBe(415);
    },
  );
});

test("/health answers anybody, and tells nothing but that and the version", async () => {
  const answer = await send("https://gleitzeit.example.com/health", {
    headers: { Origin: "https://example.com" },
  });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ status: "ok", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

test("/health asks nothing of the outside", async () => {
  const nothing = new Proxy(bindings, {
    get: () => {
      throw new Error("a binding was asked for");
    },
  });
  expect((await send("/health", {}, nothing)).status).toBe(200);
});

describe("with a root key", () => {
  const env = { ...bindings, GLEITZEIT_ROOT_KEY: "gzt_first" };
  const ask = (headers: Record<string, string>, path = LIST) =>
    send(`https://gleitzeit.example.com${path}`, { headers }, env);

  test("whoever carries it is served, under any host name", async () => {
    expect((await ask({ Authorization: "Bearer gzt_first" })).status).toBe(200);
  });

  test.each([
    "",
    "Bearer gzt_second",
    "Bearer gzt_firs",
    "Bearer gzt_first2",
    "gzt_first",
    "Basic gzt_first",
  ])("%j is 401, also on this machine", async (Authorization) => {
    const headers: Record<string, string> = Authorization === "" ? {} : { Authorization };
    for (const answer of [await ask(headers), await send(LIST, { headers }, env)]) {
      expect([answer.status, (await problemOf(answer)).code]).toEqual([401, "unauthorized"]);
    }
  });

  test("health needs none", async () => {
    expect((await ask({}, "/health")).status).toBe(200);
  });
});
