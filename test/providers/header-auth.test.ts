/** Instances behind something that asks for headers, as a tunnel with service tokens does: docs/connecting-hosts.md. */
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { JSONRPC } from "../../src/providers/jsonrpc.ts";
import { OLLAMA } from "../../src/providers/ollama.ts";
import type { Call, Provider } from "../../src/providers/provider.ts";
import { openHeaders, sealHeaders, sealingContext } from "../../src/providers/secret.ts";
import { contextFor, failureOf } from "./context.ts";
import { type Handler, serveWith } from "./http-server.ts";

const SECRETS = {
  "CF-Access-Client-Id": "3f2a9c-client.access",
  "CF-Access-Client-Secret": "91d0b7e4-client-secret",
};
const BEARER = { Authorization: "Bearer 5ba7c1-reverse-proxy" };
const QUOTED = /3f2a9c|91d0b7e4|5ba7c1/;

const key = "a key of at least thirty-two characters";
const chat: Call = {
  protocol: "llm/v1",
  method: "llm/chat",
  params: { model: "llama3.2", messages: [{ role: "user", content: "hello" }] },
};
const stats: Call = { protocol: "text/v1", method: "text/stats", params: { text: "one two" } };

const ollama: Handler = ({ url }, response) => {
  const answers: Record<string, JsonObject> = {
    "/api/version": { version: "0.13.0" },
    "/api/tags": { models: [{ name: "llama3.2:latest" }] },
    "/api/ps": { models: [] },
    "/api/chat": { model: "llama3.2", message: { role: "assistant", content: "hi" }, done: true },
  };
  response.end(`${JSON.stringify(answers[url ?? ""] ?? {})}\n`);
};
const jsonrpc: Handler = (_, response, body) =>
  response.end(JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(body).id, result: { words: 2 } }));

const PROVIDERS: { provider: Provider; call: Call; handler: Handler; advice: string }[] = [
  { provider: OLLAMA, call: chat, handler: ollama, advice: "give the instance the headers" },
  { provider: JSONRPC, call: stats, handler: jsonrpc, advice: "register it again with the headers" },
];

describe.each(PROVIDERS)("an instance of $provider.kind that asks for headers", (one) => {
  const { provider, call, handler, advice } = one;

  /** What stands before it: `refuse` answers whoever has not got all the headers. */
  const guarded = (asked: Record<string, string>, refuse: Handler) =>
    serveWith((request, response, body) => {
      const isKnown = Object.entries(asked).every(
        ([name, value]) => request.headers[name.toLowerCase()] === value,
      );
      return (isKnown ? handler : refuse)(request, response, body);
    });
  const forbid: Handler = ({ headers }, response) =>
    // Some say the request back.
    response.writeHead(403).end(JSON.stringify({ error: `not for ${JSON.stringify(headers)}` }));
  const endpoint = (url: string, headers: Record<string, string>) =>
    contextFor(url, { instance: { id: "gpu-1", url, headers } });

  it.each([SECRETS, BEARER])("answers who has them, sealed and opened on the way: %#", async (headers) => {
    const server = await guarded(headers, forbid);
    const context = sealingContext(call.protocol, "gpu-1");
    const sealed = await sealHeaders(headers, { key, context });
    const reach = endpoint(server.url, await openHeaders(sealed, { key, context }));
    expect((await provider.execute(call, reach)).result).toBeDefined();
    expect(await provider.health(reach)).toMatchObject({ healthy: true });
    await expect(provider.describe(reach)).resolves.toBeDefined();
  });

  it.each<[string, Record<string, string>]>([
    ["nothing", {}],
    ["one of two", { "CF-Access-Client-Id": SECRETS["CF-Access-Client-Id"] }],
    ["others", { ...SECRETS, "CF-Access-Client-Secret": "91d0b7e4-of-yesterday" }],
    ["those of somewhere else", BEARER],
  ])("refuses who has %s, says what to do and quotes no secret", async (_, headers) => {
    const server = await guarded(SECRETS, forbid);
    const reach = endpoint(server.url, headers);
    const failures = [
      await failureOf(provider.execute(call, reach)),
      await failureOf(provider.describe(reach)),
    ];
    for (const failure of failures) {
      expect(failure.code).toBe("provider_rejected");
      expect(failure.message).toContain(`refuses our credentials (403); ${advice}`);
      expect(JSON.stringify([failure.message, failure.details, failure.stack])).not.toMatch(QUOTED);
    }
    const health = await provider.health(reach);
    expect(health).toMatchObject({ healthy: false, reason: expect.stringContaining(advice) });
    expect(JSON.stringify(health)).not.toMatch(QUOTED);
  });

  it("may send others to a page to log in at: they do not go there, and take no header there", async () => {
    const login = await serveWith((_, response) => response.end("<form>"));
    const location = `${login.url}/cdn-cgi/access/login?meta=token`;
    const server = await guarded(SECRETS, (_, response) => response.writeHead(302, { location }).end());
    const reach = endpoint(server.url, { ...SECRETS, "CF-Access-Client-Secret": "91d0b7e4-expired" });
    const failure = await failureOf(provider.execute(call, reach));
    expect(failure.code).toBe("provider_rejected");
    expect(failure.message).toContain(`redirects (302) to ${login.url}`);
    expect(JSON.stringify([failure.message, failure.details, failure.stack])).not.toMatch(QUOTED);
    expect(await provider.health(reach)).toMatchObject({ healthy: false });
    expect(login.requests).toEqual([]);
  });
});
