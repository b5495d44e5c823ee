/** A run whose object is gone answers as it did before, from KV or from history; it only cannot go on any more. */
import { beforeAll, describe, expect, test } from "vitest";
import type { RunId } from "../../src/contract/id.ts";
import type { Env } from "../../src/env.ts";
import { unwrap } from "../../src/reply.ts";
import { runStub } from "../../src/stubs.ts";
import { consume, leave, leftOf, NOTHING_LEFT } from "../workerd/history-queue.ts";
import { ECHO, postJson, postYaml, problemOf, runOf, send } from "../workerd/http.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import { bindings, chain, definitionOf, echo, finished, newId, start, workflowOf } from "../workerd/start.ts";

const UNKNOWN = `run_${"0".repeat(26)}`;
const JSON_PAGE = { headers: { Accept: "application/json" } };

/** Everything that can be asked of a run with tasks a, b and c, one of which is named "The first". */
const QUESTIONS: [string, RequestInit][] = [
  ["", {}],
  ["?wait=30", {}],
  ["/tasks/a", {}],
  ["/tasks/b", {}],
  ["/tasks/c", {}],
  ["/tasks/The%20first", {}],
  ["/tasks/nobody", {}],
  ["/results", {}],
  ["/workflow", {}],
  ["/events", {}],
  ["/events?after=2", {}],
  ["/events", { headers: { "Last-Event-ID": "3" } }],
  ["/events", { headers: { "Last-Event-ID": "999" } }],
  ["/events", { headers: { "Last-Event-ID": "no seq" } }],
  ["/events", JSON_PAGE],
  ["/events?limit=2", JSON_PAGE],
  ["/events?limit=2&cursor=2", JSON_PAGE],
  ["/events?cursor=999", JSON_PAGE],
  ["/cancel", { method: "POST" }],
  ["/pause", { method: "POST" }],
  ["/resume", { method: "POST" }],
];

/** Status, kind and bytes of every answer. */
async function askAll(id: RunId, env: Env = bindings): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  for (const [path, init] of QUESTIONS) {
    const answer = await send(`/v1/runs/${id}${path}`, init, env);
    const text = (await answer.text()).replace(/"requestId":"[^"]*"/, "");
    const asked = `${init.method ?? "GET"} ${path} ${JSON.stringify(init.headers ?? {})}`;
    answers[asked] = [answer.status, answer.headers.get("Content-Type"), text];
  }
  return answers;
}

const rejects = () => Promise.reject(new Error("it is away"));
const withoutD1: Env = {
  ...bindings,
  DB: new Proxy(bindings.DB, {
    get: (target, name) => (name === "batch" ? rejects : Reflect.get(target, name).bind(target)),
  }),
};
const withoutKv: Env = { ...bindings, CACHE: new Proxy(bindings.CACHE, { get: () => rejects }) };
const withoutBoth: Env = { ...withoutD1, CACHE: withoutKv.CACHE };

const cached = (id: RunId) => bindings.CACHE.get(`record/${id}`);
const untilCached = (id: RunId) => expect.poll(() => cached(id)).not.toBeNull();

/** Results that JSON may have and a careless copy would change. */
const ODD = {
  "10": 1,
  "9": 2,
  __proto__x: 1,
  text: "é€\u2028\ud800",
  zero: -0,
  big: 1e300,
  empty: [{}, [], "", null],
};
const FIRST = echo("a", [], { name: "The first" });
const LAST = echo("c", ["b"], { params: { of: "${b.text}", run: "${run.id}" } });
const TASKS = [FIRST, echo("b", ["a"], { params: { of: "${a}" } }), LAST];

async function startCompleted(): Promise<RunId> {
  muteExecutors();
  const id = newId();
  const more = { inputs: { word: "hey" }, tags: { team: "x" }, metadata: { note: ["é", 1] } };
  const workflow = workflowOf(TASKS, { outputs: { last: "${c}", odd: "${b}" }, version: "2" });
  unwrap(await runStub(bindings, id).start(definitionOf(workflow, { id, ...more })));
  const player = new Player(id);
  await player.sync();
  await player.complete("a", JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}'));
  await player.complete("b", ODD);
  await player.complete("c", null);
  return id;
}

/** `a` completes, `b` fails after a try and a loss, `c` is skipped. */
async function startFailed(): Promise<RunId> {
  muteExecutors();
  const retry = { maxAttempts: 2, baseDelay: 0, jitter: false };
  const id = await start(workflowOf([FIRST, echo("b", ["a"], { retry }), LAST]));
  const player = new Player(id);
  await player.sync();
  await player.complete("a");
  await player.fail("b", "timeout");
  await player.sync();
  await player.fail("b", "timeout");
  return id;
}

async function startCancelled(): Promise<RunId> {
  muteExecutors();
  const id = await start(workflowOf([FIRST, ...chain(1), echo("b", ["a"]), echo("c", ["b"])]));
  const player = new Player(id);
  await player.sync();
  await player.complete("a");
  unwrap(await runStub(bindings, id).steer(id, { type: "cancel", actor: "test" }));
  return id;
}

/** All completed, and `b` and what follows was done again, where `b` failed. */
async function startRetried(): Promise<RunId> {
  muteExecutors();
  const id = await start(workflowOf(TASKS));
  const player = new Player(id);
  await player.sync();
  for (const task of ["a", "b", "c"]) await player.complete(task, { text: `the first ${task}` });
  unwrap(await runStub(bindings, id).steer(id, { type: "retry", actor: "test", from: "b" }));
  await player.sync();
  await player.fail("b", "script_failed");
  return id;
}

describe("everything that can be asked is answered as before, to the byte", () => {
  test.each([
    ["completed", startCompleted, "completed"],
    ["failed", startFailed, "failed"],
    ["was cancelled", startCancelled, "cancelled"],
    ["was retried and failed", startRetried, "failed"],
  ])("of a run that %s", async (_, startEnded, status) => {
    const id = await startEnded();
    expect((await finished(id)).status).toBe(status);
    const before = await askAll(id);
    await leave(id);
    expect(await askAll(id, withoutKv)).toEqual(before);
    expect(await askAll(id)).toEqual(before);
    await untilCached(id);
    expect(await askAll(id, withoutD1)).toEqual(before);
    expect(await leftOf(id)).toEqual(NOTHING_LEFT);
  });

  test("of a run with results of some MiB, in many rows", async () => {
    muteExecutors();
    const id = await start(workflowOf(TASKS));
    const player = new Player(id);
    await player.sync();
    for (const task of ["a", "b", "c"]) await player.complete(task, { text: "é".repeat(300_000) });
    const before = await askAll(id);
    await leave(id);
    expect(await askAll(id)).toEqual(before);
  });
});

describe("steering a run that is only in history", () => {
  let id: RunId = "";
  beforeAll(async () => {
    id = (await runOf(await postYaml("/v1/runs?wait=30", ECHO))).id;
    await leave(id);
  });

  test.each([[{}], [{ from: "hello" }], [{ from: "nobody" }]])(
    "to retry with %j is a conflict that says what to do",
    async (body) => {
      const answer = await postJson(`/v1/runs/${id}/retry`, body);
      const { code, detail } = await problemOf(answer);
      expect([answer.status, code]).toEqual([409, "conflict"]);
      expect(detail).toMatch(new RegExp(`${id}.*history.*start it again`));
      expect(await leftOf(id)).toEqual(NOTHING_LEFT);
    },
  );

  test("to retry without a body is a conflict too", async () => {
    expect((await send(`/v1/runs/${id}/retry`, { method: "POST" })).status).toBe(409);
  });
});

describe("the Idempotency-Key of a run that left its object", () => {
  test("starts a new run, and both are answered of", async () => {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const first = await runOf(await postYaml("/v1/runs?wait=30", ECHO, headers));
    const replayed = await postYaml("/v1/runs?wait=30", ECHO, headers);
    expect(replayed.headers.get("Idempotent-Replayed")).toBe("true");
    await leave(first.id);
    const again = await postYaml("/v1/runs?wait=30", ECHO, headers);
    const second = await runOf(again);
    expect(again.headers.get("Idempotent-Replayed")).toBeNull();
    expect([second.id === first.id, second.status]).toEqual([false, "completed"]);
    expect(await runOf(await send(`/v1/runs/${first.id}`))).toEqual(first);
    expect((await runOf(await send(`/v1/runs/${second.id}`))).id).toBe(second.id);
    expect((await send(`/v1/runs/${first.id}/retry`, { method: "POST" })).status).toBe(409);
  });

  test("may even start another one with another body", async () => {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const { id } = await runOf(await postYaml("/v1/runs?wait=30", ECHO, headers));
    const other = ECHO.replace("hi", "ho");
    expect((await postYaml("/v1/runs", other, headers)).status).toBe(422);
    await leave(id);
    expect((await postYaml("/v1/runs?wait=30", other, headers)).status).toBe(200);
  });
});

describe("what was never there", () => {
  test.each([
    ["all answer", bindings],
    ["KV fails", withoutKv],
  ])("is not found where %s", async (_, env) => {
    for (const part of ["", "/tasks/a", "/results", "/workflow", "/events"]) {
      expect((await send(`/v1/runs/${UNKNOWN}${part}`, {}, env)).status).toBe(404);
    }
    expect((await send(`/v1/runs/${UNKNOWN}/retry`, { method: "POST" }, env)).status).toBe(404);
  });
});

describe("a task that is not there, of a run that is", () => {
  test("is not found, whether history answers or not", async () => {
    const { id } = await runOf(await postYaml("/v1/runs?wait=30", ECHO));
    for (const env of [bindings, withoutKv, withoutD1, withoutBoth]) {
      const answer = await send(`/v1/runs/${id}/tasks/nobody`, {}, env);
      expect([answer.status, (await problemOf(answer)).detail]).toEqual([
        404,
        `run ${id} has no task "nobody"`,
      ]);
    }
  });

  test("cannot be where a retry begins, also once history has the run", async () => {
    const id = await startFailed();
    await consume([id]);
    for (const env of [bindings, withoutBoth]) {
      const body = JSON.stringify({ from: "nobody" });
      const headers = { "Content-Type": "application/json" };
      const answer = await send(`/v1/runs/${id}/retry`, { method: "POST", body, headers }, env);
      expect([answer.status, (await problemOf(answer)).code]).toEqual([404, "not_found"]);
    }
  });
});

describe("where history fails", () => {
  test("what KV does not have is unavailable, not lost", async () => {
    const id = await startCompleted();
    await leave(id);
    for (const env of [withoutD1, withoutBoth]) {
      for (const part of ["", "/tasks/a", "/results", "/workflow", "/events"]) {
        const answer = await send(`/v1/runs/${id}${part}`, {}, env);
        expect([part, answer.status, (await problemOf(answer)).code]).toEqual([part, 503, "unavailable"]);
      }
    }
    expect((await send(`/v1/runs/${id}`)).status).toBe(200);
  });

  test("what KV has is answered, without KV it is unavailable", async () => {
    const id = await startCompleted();
    await leave(id);
    await send(`/v1/runs/${id}`);
    await untilCached(id);
    expect((await send(`/v1/runs/${id}/results`, {}, withoutD1)).status).toBe(200);
    expect((await send(`/v1/runs/${id}/results`, {}, withoutBoth)).status).toBe(503);
  });
});

describe("history in a Durable Object", () => {
  test.each(["durable"])("answers likewise: %s", async (backend) => {
    const env: Env = { ...withoutD1, GLEITZEIT_HISTORY: backend };
    const id = await startCompleted();
    const before = await askAll(id);
    await leave(id, env);
    expect(await askAll(id, { ...env, CACHE: withoutKv.CACHE })).toEqual(before);
    expect(await askAll(id, env)).toEqual(before);
  });
});
