/** `/v1/providers` with real hubs; only the hosts outside are played. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DiscoveryReport, InstanceView } from "../../src/contract/provider.ts";
import type { Env } from "../../src/env.ts";
import { hubStub } from "../../src/stubs.ts";
import { problemOf, send } from "../workerd/http.ts";
import { type Asked, ollamaWith, playOutside } from "../workerd/outside.ts";
import { bindings } from "../workerd/start.ts";

const SECRET_KEY = "0123456789abcdef0123456789abcdef";
const keyed: Env = { ...bindings, GLEITZEIT_SECRET_KEY: SECRET_KEY };
const local: Env = { ...keyed, GLEITZEIT_LOCAL: "1" };

const PROVIDERS = "/v1/providers";
const OLLAMA = { protocol: "llm/v1", kind: "ollama", url: "https://gpu.example.com" };
const TOKEN = "Bearer hunter2-hunter2";

const ask = (method: string, path: string, body?: unknown, env: Env = keyed): Promise<Response> =>
  send(
    `${PROVIDERS}${path}`,
    {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
    },
    env,
  );
const put = (id: string, body: unknown, env?: Env): Promise<Response> => ask("PUT", `/${id}`, body, env);
const viewOf = async (answer: Response): Promise<InstanceView> => await answer.json();
const list = async (query = ""): Promise<InstanceView[]> =>
  (await (await ask("GET", query)).json<{ items: InstanceView[] }>()).items;

let asked: Asked[];
beforeEach(async () => {
  asked = playOutside({
    "gpu.example.com": ollamaWith("llama3.2:latest", "moon:1b"),
    "other.example.com": ollamaWith(),
    "127.0.0.1:11434": ollamaWith("llama3.2:latest"),
  });
  for (const { id } of await list()) await ask("DELETE", `/${id}`);
  asked.length = 0;
});
afterEach(() => vi.restoreAllMocks());

describe("PUT /v1/providers/{id}", () => {
  test("registers an instance, and answers with what a look at it found", async () => {
    const answer = await put("gpu-1", { ...OLLAMA, weight: 2, maxConcurrent: 3, tags: ["gpu"] });
    expect([answer.status, answer.headers.get("Location")]).toEqual([201, "/v1/providers/gpu-1"]);
    const view = await viewOf(answer);
    expect(view).toMatchObject({
      id: "gpu-1",
      ...OLLAMA,
      source: "registered",
      hasHeaders: false,
      weight: 2,
      maxConcurrent: 3,
      tags: ["gpu"],
      allowPull: false,
      strategy: "least_loaded",
      version: "0.9.0",
      health: { status: "healthy" },
      breaker: { state: "closed" },
      load: 0,
    });
    expect(view.models).toEqual([
      { name: "llama3.2:latest", loaded: true },
      { name: "moon:1b", loaded: false },
    ]);
    expect(await viewOf(await ask("GET", "/gpu-1"))).toEqual(view);
  });

  test("changes it the second time; what is left out has its default again", async () => {
    await put("gpu-1", { ...OLLAMA, weight: 2, tags: ["gpu"] });
    const answer = await put("gpu-1", { ...OLLAMA, strategy: "sticky" });
    expect(answer.status).toBe(200);
    expect(await viewOf(answer)).toMatchObject({ weight: 1, tags: [], strategy: "sticky" });
    await put("gpu-1", { ...OLLAMA, strategy: "least_loaded" });
  });

  test("registers what does not answer too, and says why it is not healthy", async () => {
    const view = await viewOf(await put("gone", { ...OLLAMA, url: "https://gone.example.com" }));
    expect(view.health).toMatchObject({ status: "unhealthy", reason: expect.stringContaining("gone") });
  });

  test("takes an address that differs only in its spelling for the same", async () => {
    expect(
      (await viewOf(await put("gpu-1", { ...OLLAMA, url: " https://GPU.example.com:443/#x " }))).url,
    ).toBe(OLLAMA.url);
  });

  test("never shows a query, which may hold a secret", async () => {
    const text = await (
      await put("gpu-1", { ...OLLAMA, url: "https://gpu.example.com/?key=hunter2" })
    ).text();
    expect(text).not.toContain("hunter2");
  });
});

describe("secret headers", () => {
  const headers = { Authorization: TOKEN };
  const sentTo = (host: string) =>
    asked
      .filter((one) => one.host === host)
      .at(-1)
      ?.headers.get("Authorization");

  test("are sent to the instance, and are in no answer and in no list", async () => {
    const answers = [
      await put("gpu-1", { ...OLLAMA, headers }),
      await ask("GET", "/gpu-1"),
      await ask("GET", ""),
      await ask("POST", "/gpu-1/check"),
    ];
    expect(sentTo("gpu.example.com")).toBe(TOKEN);
    for (const answer of answers) {
      const text = await answer.text();
      expect(text).toContain('"hasHeaders":true');
      expect(text).not.toContain("hunter2");
    }
    expect(JSON.stringify(await hubStub(bindings, "llm/v1").find("gpu-1"))).not.toContain("hunter2");
  });

  test("stay where they are not mentioned and the host stays", async () => {
    await put("gpu-1", { ...OLLAMA, headers });
    expect((await viewOf(await put("gpu-1", { ...OLLAMA, weight: 3 }))).hasHeaders).toBe(true);
    expect((await viewOf(await put("gpu-1", { ...OLLAMA, url: `${OLLAMA.url}/v2` }))).hasHeaders).toBe(true);
    expect(sentTo("gpu.example.com")).toBe(TOKEN);
  });

  test("are removed by {}", async () => {
    await put("gpu-1", { ...OLLAMA, headers });
    expect((await viewOf(await put("gpu-1", { ...OLLAMA, headers: {} }))).hasHeaders).toBe(false);
    expect(sentTo("gpu.example.com")).toBeNull();
  });

  test.each(["https://other.example.com", "http://gpu.example.com", "https://gpu.example.com:8443"])(
    "are not sent to %s, where nobody has said that they belong",
    async (url) => {
      await put("gpu-1", { ...OLLAMA, headers });
      expect((await viewOf(await put("gpu-1", { ...OLLAMA, url }))).hasHeaders).toBe(false);
      await put("gpu-1", OLLAMA);
      expect(sentTo("gpu.example.com")).toBeNull();
    },
  );

  test.each<[string, unknown]>([
    ["a text", "hunter2"],
    ["a list", ["hunter2"]],
    ["a value that is no text", { a: ["hunter2"] }],
    ["too long a value", { a: "hunter2".repeat(2000) }],
    ["a line break", { a: "hunter2\r\nb: c" }],
    ["a name that is none", { "hunter2: x": "y" }],
    ["a name that is ours", { Host: "hunter2" }],
  ])("are not quoted when they are refused: %s", async (_, given) => {
    const answer = await put("gpu-1", { ...OLLAMA, headers: given });
    const text = await answer.text();
    expect(answer.status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ code: "invalid_request", issues: [{ path: "headers" }] });
    expect(text).not.toContain("hunter2");
  });

  test("need the key that encrypts them, and nothing is registered without", async () => {
    const answer = await put("gpu-1", { ...OLLAMA, headers }, bindings);
    expect([answer.status, (await problemOf(answer)).code]).toEqual([503, "secret_key_not_configured"]);
    expect(await list()).toEqual([]);
  });
});

describe("a body is refused", () => {
  test.each<[string, unknown, string[]]>([
    ["for what is missing", {}, ["protocol", "kind", "url"]],
    ["for a kind that is none", { ...OLLAMA, kind: "olama" }, ["kind"]],
    ["for a kind that does not fit", { ...OLLAMA, kind: "mcp" }, ["kind"]],
    ["for a protocol that is not known", { ...OLLAMA, protocol: "llm/v9" }, ["protocol"]],
    ["for echo/v1, which needs nobody", { ...OLLAMA, protocol: "echo/v1", kind: "jsonrpc" }, ["protocol"]],
    ["for keys that are not known", { ...OLLAMA, wieght: 2 }, ["wieght"]],
    ["for values out of range", { ...OLLAMA, weight: 0, maxConcurrent: 1.5 }, ["weight", "maxConcurrent"]],
    ["for tags that are no list", { ...OLLAMA, tags: "gpu" }, ["tags"]],
  ])("%s", async (_, body, paths) => {
    const answer = await put("gpu-1", body);
    const problem = await problemOf(answer);
    expect([answer.status, problem.code]).toEqual([400, "invalid_request"]);
    expect(problem.issues.map(({ path }) => path)).toEqual(paths);
    expect(await list()).toEqual([]);
  });

  test("with the name that was meant", async () => {
    const { issues } = await problemOf(await put("gpu-1", { ...OLLAMA, protocol: "lm/v1" }));
    expect(issues).toMatchObject([{ suggestion: 'did you mean "llm/v1"?' }]);
  });

  test("when it is no object, no JSON, or YAML", async () => {
    expect((await put("gpu-1", [])).status).toBe(400);
    const type = (value: string) => ({ method: "PUT", body: "a: 1", headers: { "Content-Type": value } });
    expect((await send(`${PROVIDERS}/a`, type("application/json"), keyed)).status).toBe(400);
    expect((await send(`${PROVIDERS}/a`, type("application/yaml"), keyed)).status).toBe(415);
  });

  test.each(["GPU", "-a", "a.b", "a".repeat(65)])("under the id %s", async (id) => {
    const answer = await put(id, OLLAMA);
    expect(answer.status).toBe(400);
    expect(await problemOf(answer)).toMatchObject({ issues: [{ path: "id" }] });
  });

  test.each([
    "http://localhost:11434",
    "http://10.0.0.1",
    "http://169.254.169.254",
    "ftp://a.example.com",
    "x",
  ])("for the address %s of a deployed service", async (url) => {
    const answer = await put("gpu-1", { ...OLLAMA, url });
    expect([answer.status, await problemOf(answer)]).toMatchObject([
      422,
      { code: "unsafe_url", issues: [{ path: "url" }] },
    ]);
    expect(asked).toEqual([]);
  });

  test("but private addresses are fine on one's own machine", async () => {
    const answer = await put("here", { ...OLLAMA, url: "http://127.0.0.1:11434" }, local);
    expect([answer.status, (await viewOf(answer)).health.status]).toEqual([201, "healthy"]);
  });
});

describe("an id", () => {
  test("is one over all protocols also where two take it at once", async () => {
    const elsewhere = { protocol: "mcp/v1", kind: "jsonrpc", url: "https://mcp.example.com" };
    const answers = await Promise.all([put("both", OLLAMA), put("both", elsewhere)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    expect((await list()).filter(({ id }) => id === "both").length).toBe(1);
  });

  test("is one over all protocols", async () => {
    await put("shared", OLLAMA);
    const answer = await put("shared", {
      protocol: "mcp/v1",
      kind: "jsonrpc",
      url: "https://mcp.example.com",
    });
    expect([answer.status, (await problemOf(answer)).detail]).toEqual([
      409,
      '"shared" is an instance of llm/v1; choose another id, or DELETE /v1/providers/shared first',
    ]);
  });

  test.each([
    ["GET", "/nobody"],
    ["DELETE", "/nobody"],
    ["POST", "/nobody/check"],
    ["GET", "/Not%20a%20name"],
  ])("that nobody has is 404: %s %s", async (method, path) => {
    expect((await ask(method, path)).status).toBe(404);
  });

  test("is free again after DELETE", async () => {
    await put("gpu-1", OLLAMA);
    const answer = await ask("DELETE", "/gpu-1");
    expect([answer.status, await answer.text()]).toEqual([204, ""]);
    expect((await ask("DELETE", "/gpu-1")).status).toBe(404);
    expect((await put("gpu-1", OLLAMA)).status).toBe(201);
  });
});

describe("GET /v1/providers", () => {
  test("lists the instances of all protocols, by protocol and id, in pages", async () => {
    const python = { protocol: "python/v1", kind: "python", url: "https://py.example.com" };
    await put("a-runner", python);
    for (const id of ["c", "b"]) await put(id, { ...OLLAMA, url: `https://${id}.example.com` });
    expect((await list()).map(({ id }) => id)).toEqual(["b", "c", "a-runner"]);
    expect((await list("?protocol=python/v1")).map(({ id }) => id)).toEqual(["a-runner"]);
    const first = await (await ask("GET", "?limit=2")).json<{ items: InstanceView[]; nextCursor: string }>();
    expect(first.items.map(({ id }) => id)).toEqual(["b", "c"]);
    const second = await (await ask("GET", `?limit=2&cursor=${first.nextCursor}`)).json();
    expect(second).toMatchObject({ items: [{ id: "a-runner" }], nextCursor: null });
  });

  test.each(["?protocol=llm", "?protocol=echo/v1", "?cursor=x", "?kind=ollama", "?limit=0"])(
    "refuses %s rather than list something else",
    async (query) => expect((await ask("GET", query)).status).toBe(400),
  );

  test("says that a hub does not answer", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const HUBS = new Proxy(bindings.HUBS, {
      get: () => () => ({ list: () => Promise.reject(new Error("overloaded")) }),
    });
    const answer = await ask("GET", "", undefined, { ...keyed, HUBS });
    expect([answer.status, answer.headers.get("Retry-After")]).toEqual([503, "2"]);
  });
});

test("POST /v1/providers/{id}/check looks at it now", async () => {
  await put("gpu-1", OLLAMA);
  playOutside({});
  const sick = await viewOf(await ask("POST", "/gpu-1/check"));
  expect(sick.health).toMatchObject({ status: "unhealthy", reason: expect.any(String) });
  playOutside({ "gpu.example.com": ollamaWith("new:latest") });
  const well = await viewOf(await ask("POST", "/gpu-1/check"));
  expect([well.health.status, well.models]).toEqual(["healthy", [{ name: "new:latest", loaded: true }]]);
});

describe("POST /v1/providers/discover", () => {
  const discover = async (env: Env): Promise<DiscoveryReport> =>
    await (await ask("POST", "/discover", undefined, env)).json();

  test("registers who answers at the usual addresses, and names those where nobody does", async () => {
    const { found, notFound } = await discover(local);
    const address = { protocol: "llm/v1", kind: "ollama", url: "http://127.0.0.1:11434" };
    expect(found).toEqual([{ id: "ollama-127-0-0-1-11434", ...address }]);
    expect(notFound).toContainEqual({
      protocol: "python/v1",
      kind: "python",
      url: "http://127.0.0.1:8765",
      reason: "nobody answers there",
    });
    expect(await list()).toMatchObject([{ id: "ollama-127-0-0-1-11434", source: "discovered" }]);
  });

  test("leaves alone what was registered by hand, and what it found can be taken over by hand", async () => {
    const url = "http://127.0.0.1:11434";
    await put("mine", { ...OLLAMA, url, weight: 5 }, local);
    expect((await discover(local)).found).toMatchObject([{ id: "mine", url }]);
    expect(await list()).toMatchObject([{ id: "mine", source: "registered", weight: 5 }]);
    await ask("DELETE", "/mine");
    const [{ id } = { id: "" }] = (await discover(local)).found;
    const taken = await put(id, { ...OLLAMA, url, weight: 7 }, local);
    expect([taken.status, await viewOf(taken)]).toMatchObject([200, { source: "registered", weight: 7 }]);
  });

  test("has nowhere to look when it is deployed", async () => {
    expect(await discover(keyed)).toEqual({ found: [], notFound: [] });
    expect(asked).toEqual([]);
  });
});
