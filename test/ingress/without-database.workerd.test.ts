import { expect, test } from "vitest";
import { ECHO, runOf, send } from "../workerd/http.ts";
import { bindings } from "../workerd/start.ts";

test("while D1 is down runs start, run, end and are read all the same", async () => {
  const get = () => {
    throw new Error("D1 is away");
  };
  const env = { ...bindings, DB: new Proxy(bindings.DB, { get }) };
  const headers = { "Content-Type": "application/yaml" };
  const answer = await send("/v1/runs?wait=30", { method: "POST", body: ECHO, headers }, env);
  const run = await runOf(answer);
  expect([answer.status, run.status]).toEqual([200, "completed"]);
  const listed = await send("/v1/runs", {}, env);
  expect(listed.status).toBe(200);
  expect(await listed.json()).toMatchObject({
    notice: expect.stringContaining("the database does not answer"),
  });
  for (const part of ["", "/results", "/tasks/hello", "/workflow"]) {
    expect((await send(`/v1/runs/${run.id}${part}`, {}, env)).status).toBe(200);
  }
});
