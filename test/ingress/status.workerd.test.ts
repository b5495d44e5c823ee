import { expect, test, vi } from "vitest";
import { serviceStatus } from "../../src/contract/api.ts";
import type { Env } from "../../src/env.ts";
import { ECHO, postYaml, send } from "../workerd/http.ts";
import { bindings } from "../workerd/start.ts";

async function statusIn(env: Env = bindings) {
  const answer = await send("/v1/status", {}, env);
  expect(answer.status).toBe(200);
  return serviceStatus.strict().parse(await answer.json());
}

test("says the version, where history is, and how many runs there are of each status", async () => {
  await postYaml("/v1/runs?wait=30", ECHO);
  // The projection is sent a second late.
  await vi.waitFor(async () => expect((await statusIn()).runs).toMatchObject({ completed: 1 }), 10_000);
  expect(await statusIn()).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    history: { backend: "d1", active: "d1", behindRuns: 0, behindSeconds: 0 },
    runs: { pending: 0, running: 0, paused: 0, completed: 1, failed: 0, cancelled: 0 },
  });
});

test("leaves the runs out where history does not answer", async () => {
  const get = () => {
    throw new Error("D1 is away");
  };
  const status = await statusIn({ ...bindings, DB: new Proxy(bindings.DB, { get }) });
  expect(status).not.toHaveProperty("runs");
  expect(status.history.backend).toBe("d1");
});
