/** Which history there is: by the setting, while D1 fails, and while an object does. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runList, serviceStatus } from "../../src/contract/api.ts";
import { TIMING } from "../../src/contract/limits.ts";
import type { Env } from "../../src/env.ts";
import { d1History } from "../../src/history/d1.ts";
import { countRuns, historyOf, historyStatusOf, openHistory } from "../../src/history/open.ts";
import type { RunHistory } from "../../src/history/run-history.ts";
import { problemOf, send } from "../workerd/http.ts";
import { bindings } from "../workerd/start.ts";
import { brokenDatabase, openWaiting, type Waiting } from "../workerd/waiting.ts";
import { sampleProjection, sampleRun } from "./sample.ts";

let waiting: Waiting;
beforeEach(async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  waiting = await openWaiting();
});
afterEach(() => void vi.restoreAllMocks());

const one = sampleProjection(sampleRun(1));
const two = sampleProjection(sampleRun(2));
const setTo = (backend: string, env: Env = bindings): Env => ({ ...env, GLEITZEIT_HISTORY: backend });
const ON_D1 = { backend: "d1", active: "d1", behindRuns: 0, behindSeconds: 0 };
const UNAVAILABLE = { name: "GleitzeitError", code: "unavailable" };

/** Objects of history that fail, each call with this. */
function brokenObjects(env: Env, error: Error): Env {
  const stub = new Proxy({}, { get: () => () => Promise.reject(error) });
  return { ...env, HISTORIES: new Proxy(env.HISTORIES, { get: () => () => stub }) };
}

describe("on D1", () => {
  test("nothing waits, and the status says so", async () => {
    await historyOf(bindings).write([one]);
    expect(await d1History(bindings.DB).read(one.summary.id)).toEqual(one);
    expect(await waiting.rpc.waiting()).toEqual({ runs: 0, since: undefined });
    expect(await historyStatusOf(bindings)).toEqual(ON_D1);
  });

  test("runs wait while it fails, are listed with a notice and read, and go there when it is back", async () => {
    const env = brokenDatabase();
    await d1History(bindings.DB).write([one]);
    await historyOf(env).write([two]);
    waiting.clock.now += 4000;
    const behind = { backend: "d1", active: "durable", behindRuns: 1, behindSeconds: 4 };
    expect(await historyStatusOf(env)).toEqual(behind);
    const answer = await send("/v1/runs", {}, env);
    expect([answer.status, runList.parse(await answer.json())]).toEqual([
      200,
      { items: [two.summary], nextCursor: null, notice: expect.stringContaining("database does not answer") },
    ]);
    expect(await historyOf(env).read(two.summary.id)).toEqual(two);
    // It is back, and has not got them yet.
    expect((await historyOf(bindings).list({}, { limit: 5 })).items).toEqual([two.summary, one.summary]);
    expect(await historyStatusOf(bindings)).toEqual(behind);
    await waiting.ring();
    await waiting.ring();
    expect(await historyStatusOf(bindings)).toEqual(ON_D1);
    expect(await d1History(bindings.DB).read(two.summary.id)).toEqual(two);
  });

  test("a run that nobody knows is unavailable while it fails: it may be there", async () => {
    await expect(historyOf(brokenDatabase()).read(one.summary.id)).rejects.toMatchObject(UNAVAILABLE);
  });

  test("the durable one is active while it fails, though nothing waits, and for 10 s after", async () => {
    const state = { isBroken: true };
    const env = brokenDatabase(state);
    expect(await historyStatusOf(env)).toEqual({ ...ON_D1, active: "durable" });
    expect(await countRuns(env)).toBeUndefined();
    state.isBroken = false;
    expect((await historyStatusOf(env)).active).toBe("durable");
    waiting.clock.now += TIMING.historyTrialMs;
    expect(await historyStatusOf(env)).toEqual(ON_D1);
  });

  test("and the objects failing too, lists are 503, and so are reads", async () => {
    const env = brokenObjects(brokenDatabase(), new Error("reset"));
    const answer = await send("/v1/runs", {}, env);
    expect([answer.status, (await problemOf(answer)).code]).toEqual([503, "unavailable"]);
    await expect(historyOf(env).read(one.summary.id)).rejects.toMatchObject(UNAVAILABLE);
    await expect(historyOf(env).write([one])).rejects.toMatchObject(UNAVAILABLE);
    const status = await send("/v1/status", {}, env);
    expect(serviceStatus.parse(await status.json()).history).toEqual({ ...ON_D1, active: "durable" });
  });
});

describe.each(["durable", "memory"] as const)("on %s", (backend) => {
  test("runs are written there, and listed, read and counted, and D1 has nothing of it", async () => {
    const env = setTo(backend, brokenDatabase());
    await historyOf(env).write([one]);
    expect(await historyOf(env).list({}, { limit: 5 })).toEqual({ items: [one.summary], nextCursor: null });
    expect(await historyOf(env).read(one.summary.id)).toEqual(one);
    expect(await countRuns(env)).toMatchObject({ completed: 1, failed: 0 });
    expect(await d1History(bindings.DB).page(undefined)).toEqual([]);
    expect(await historyStatusOf(env)).toEqual({ ...ON_D1, backend, active: backend });
  });

  test("while the object fails all is unavailable, by name and with the cause for logs, and is 503", async () => {
    const cause = new Error("reset, with somebody's data");
    const env = setTo(backend, brokenObjects(bindings, cause));
    const history = historyOf(env);
    const calls: Promise<unknown>[] = [
      history.write([one]),
      history.list({}, { limit: 1 }),
      history.read(one.summary.id),
      history.count(),
      history.takeSilent(0, 0, 1),
      history.prune(0, 1),
      history.page(undefined),
      history.remove([]),
    ];
    for (const call of calls) {
      const message = expect.stringContaining(`"${backend}" does not answer`);
      await expect(call).rejects.toMatchObject({ ...UNAVAILABLE, message, cause });
    }
    expect((await send("/v1/runs", {}, env)).status).toBe(503);
    const body = JSON.stringify({ from: "d1", to: backend });
    await d1History(bindings.DB).write([one]);
    const headers = { "Content-Type": "application/json" };
    const answer = await send("/v1/history/migrate", { method: "POST", body, headers }, env);
    const problem = await problemOf(answer);
    expect([answer.status, problem.code]).toEqual([503, "unavailable"]);
    expect(problem.detail).not.toContain("somebody");
  });
});

describe("what is wrong with a list", () => {
  const env = brokenDatabase();
  const opened: [string, () => RunHistory][] = [
    ["on D1", () => historyOf(bindings)],
    ["while D1 fails", () => historyOf(env)],
    ["while all fail", () => historyOf(brokenObjects(env, new Error("reset")))],
    ["on durable", () => historyOf(setTo("durable"))],
    ["on memory", () => historyOf(setTo("memory"))],
    ["of an object alone", () => openHistory(bindings, "durable")],
  ];
  test.each(opened)("is the asker's fault %s", async (_name, open) => {
    const wrong = { name: "GleitzeitError", code: "invalid_request" };
    await expect(open().list({}, { limit: 5, cursor: "x" })).rejects.toMatchObject(wrong);
    await expect(open().list({ until: "x" }, { limit: 5 })).rejects.toMatchObject(wrong);
  });

  test("is not D1's: the next batch goes there", async () => {
    await historyOf(bindings)
      .list({}, { limit: 5, cursor: "x" })
      .catch(() => {});
    await historyOf(bindings).write([one]);
    expect(await d1History(bindings.DB).read(one.summary.id)).toEqual(one);
  });
});
