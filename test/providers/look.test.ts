import { expect, onTestFinished, test } from "vitest";
import { GleitzeitError } from "../../src/contract/error.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { Instance } from "../../src/contract/sync.ts";
import type { Candidate, Look } from "../../src/providers/hub/spec.ts";
import { type Circumstances, lookAround } from "../../src/providers/look.ts";
import type { FakeOptions } from "../fake-ollama/exchange.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { deadUrl, type Handler, serveWith } from "./http-server.ts";

const instance = (url: string, more: Partial<Instance> = {}): Instance => ({
  id: "one",
  kind: "ollama",
  url,
  ...more,
});
const candidate = (url: string): Candidate => ({ kind: "ollama", url });

function look({ instances = [], candidates = [] }: Partial<Look>, more: Partial<Circumstances> = {}) {
  const open = async ({ id, url }: Instance) => ({ id, url });
  return lookAround({ protocol: "llm/v1", instances, candidates }, { isLocal: true, fetch, open, ...more });
}

async function fakeWith(options: FakeOptions = {}) {
  const fake = await startFakeOllama(options);
  onTestFinished(fake.close);
  return fake;
}

const stateOf = async (handler: Handler, more: Partial<Circumstances> = {}) => {
  const server = await serveWith(handler);
  const { instances } = await look({ instances: [instance(server.url)] }, more);
  return { ...instances[0], requests: server.requests, url: server.url };
};

test("an instance that answers is healthy, with what it offers and how long that took", async () => {
  const { url, calls } = await fakeWith({ models: ["llama3.2"] });
  expect(await look({ instances: [instance(url)] })).toEqual({
    protocol: "llm/v1",
    instances: [
      {
        id: "one",
        url,
        health: { healthy: true, version: "0.13.0" },
        latencyMs: expect.any(Number),
        offering: { models: ["llama3.2:latest"], loaded: [], version: "0.13.0" },
      },
    ],
    found: [],
    notFound: [],
  });
  // Each question once: who can describe itself is healthy.
  expect(calls).toEqual({ "/api/tags": 1, "/api/version": 1, "/api/ps": 1 });
});

test("one that is down is not, with a reason that says what to do", async () => {
  const url = await deadUrl();
  const { instances } = await look({ instances: [instance(url)] });
  expect(instances).toEqual([
    {
      id: "one",
      url,
      health: { healthy: false, reason: expect.stringMatching(/no answer \(ECONNREFUSED\).*ollama serve/) },
      latencyMs: expect.any(Number),
    },
  ]);
});

test("one that cannot describe itself is as healthy as it says", async () => {
  const { health, offering } = await stateOf(({ url }, response) =>
    url === "/api/version" ? response.end('{"version":"1.0.0"}') : response.writeHead(500).end(),
  );
  expect([health, offering]).toEqual([{ healthy: true, version: "1.0.0" }, undefined]);
  const ill = await stateOf((_, response) => response.writeHead(503).end());
  expect(ill.health).toMatchObject({ healthy: false, reason: expect.stringContaining("answered 503") });
});

test("candidates are those who answer as their kind, or not found with a short reason", async () => {
  const fake = await fakeWith({ models: ["llama3.2"] });
  const other = await serveWith((_, response) => response.end("<h1>Welcome</h1>"));
  const candidates = [fake.url, await deadUrl(), other.url].map(candidate);
  expect(await look({ candidates })).toMatchObject({
    instances: [],
    found: [{ kind: "ollama", url: fake.url, offering: { models: ["llama3.2:latest"] } }],
    notFound: [
      { kind: "ollama", reason: "nobody answers there" },
      { url: other.url, reason: expect.stringContaining("its answer is not Ollama's list of models") },
    ],
  });
});

test("a silent one is not waited for, and those beside it are heard", async () => {
  const silent = await serveWith(() => {});
  const fake = await fakeWith();
  const instances = [instance(silent.url), instance(fake.url, { id: "two" })];
  const report = await look({ instances, candidates: [candidate(silent.url)] }, { probeMs: 1000 });
  expect(report.instances.map(({ health }) => health)).toMatchObject([
    { healthy: false, reason: "no answer within 1 s" },
    { healthy: true },
  ]);
  expect(report.notFound[0]?.reason).toBe("no answer within 1 s");
  await silent.left;
});

test("a fetch that heeds no signal is not waited for either", async () => {
  const { instances } = await look(
    { instances: [instance("http://127.0.0.1:1")] },
    { probeMs: 20, fetch: () => new Promise(() => {}) },
  );
  expect(instances[0]?.health).toMatchObject({ reason: "no answer within 0.02 s" });
});

test("when the time is over, nothing is said of instances that were not seen", async () => {
  const silent = await serveWith(() => {});
  const many = Array.from({ length: 10 }, (_, index) => instance(silent.url, { id: `i-${index}` }));
  const report = await look({ instances: many, candidates: [candidate(silent.url)] }, { lookMs: 50 });
  expect(report.instances).toEqual([]);
  expect(report.notFound).toEqual([{ ...candidate(silent.url), reason: "there was no time to look there" }]);
});

test("no more than six are looked at at a time, and all of them in the end, in their order", async () => {
  let running = 0;
  let most = 0;
  const counted: typeof fetch = async (input, init) => {
    most = Math.max(most, ++running);
    const response = await fetch(input, init);
    running -= 1;
    return response;
  };
  const { url } = await fakeWith();
  const instances = Array.from({ length: 20 }, (_, index) => instance(url, { id: `i-${index}` }));
  const report = await look({ instances, candidates: [candidate(url)] }, { fetch: counted });
  expect(report.instances.map(({ id }) => id)).toEqual(instances.map(({ id }) => id));
  expect(report.found).toHaveLength(1);
  expect(most).toBe(6);
});

test("away from this machine private addresses are not asked", async () => {
  const { url, calls } = await fakeWith();
  const report = await look({ instances: [instance(url)], candidates: [candidate(url)] }, { isLocal: false });
  expect(report.instances[0]?.health).toMatchObject({ reason: expect.stringContaining("127.0.0.1") });
  expect(report.notFound[0]?.reason).toContain("127.0.0.1");
  expect(calls).toEqual({});
});

test("an instance is asked with its secret headers, a candidate without any, and no reason shows them", async () => {
  const open = async ({ id, url }: Instance) => ({
    id,
    url,
    headers: { authorization: "Bearer s3cr3t-key" },
  });
  const server = await serveWith((request, response) =>
    response.writeHead(400).end(`bad request with ${request.headers.authorization}`),
  );
  const { url } = server;
  const report = await look({ instances: [instance(url)], candidates: [candidate(url)] }, { open });
  expect(report.instances[0]?.health).toMatchObject({ reason: expect.stringContaining("•••") });
  expect(report.notFound[0]?.reason).toContain("bad request with undefined");
  expect(JSON.stringify(report)).not.toContain("s3cr3t");
});

test("headers that cannot be opened, a kind that is not known and an address that is none are reasons", async () => {
  const open = async () => {
    throw new GleitzeitError("secret_key_not_configured", "GLEITZEIT_SECRET_KEY is not set");
  };
  const reasonOf = async (one: Instance, more: Partial<Circumstances> = {}) =>
    (await look({ instances: [one] }, more)).instances[0]?.health;
  expect(await reasonOf(instance("http://127.0.0.1:1"), { open })).toEqual({
    healthy: false,
    reason: "GLEITZEIT_SECRET_KEY is not set",
  });
  expect(await reasonOf(instance("http://127.0.0.1:1", { kind: "abacus" }))).toMatchObject({
    reason: 'there is no provider of kind "abacus"',
  });
  expect(await reasonOf(instance("nowhere"))).toMatchObject({ healthy: false });
});

test.each([
  ["a text", "s3cr3t", "string"],
  ["an error of its own", new RangeError("s3cr3t"), "RangeError"],
  ["nothing", undefined, "undefined"],
])("a provider that throws %s is unhealthy, and what it threw is not said", async (_, thrown, name) => {
  const body = {
    getReader() {
      throw thrown;
    },
  };
  const strange = Object.assign(Object.create(null), { ok: true, body });
  const { instances, notFound } = await look(
    { instances: [instance("http://127.0.0.1:1")], candidates: [candidate("http://127.0.0.1:1")] },
    { fetch: async () => strange },
  );
  const reason = `the provider of kind "ollama" failed in a way of its own (${name})`;
  expect(instances[0]?.health).toEqual({ healthy: false, reason });
  expect(notFound[0]?.reason).toBe(reason);
});

test("no more is said of what there is than the hub keeps", async () => {
  const models = Array.from({ length: LIMITS.instanceModels + 5 }, (_, index) => `m:${index}`);
  const { url } = await fakeWith({ models: ["x".repeat(LIMITS.nameChars), ...models] });
  const { found } = await look({ candidates: [candidate(url)] });
  expect(found[0]?.offering.models).toHaveLength(LIMITS.instanceModels);
  expect(found[0]?.offering.models?.[0]).toBe("m:0");
});
