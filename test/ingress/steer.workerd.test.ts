import { describe, expect, test } from "vitest";
import { ECHO, postJson, postText, postYaml, problemOf, runOf, STUCK, send } from "../workerd/http.ts";
import { finished } from "../workerd/start.ts";

const command = (id: string, name: string) => send(`/v1/runs/${id}/${name}`, { method: "POST" });
const startStuck = async () => (await runOf(await postJson("/v1/runs", STUCK))).id;
const startEnded = async () => (await runOf(await postYaml("/v1/runs?wait=30", ECHO))).id;

describe("a run is", () => {
  test("cancelled, and cancelling it again changes nothing", async () => {
    const id = await startStuck();
    for (let times = 0; times < 2; times++) {
      const answer = await command(id, "cancel");
      expect([answer.status, (await runOf(answer)).status]).toEqual([200, "cancelled"]);
    }
  });

  test("paused and resumed, each as often as one likes", async () => {
    const id = await startStuck();
    for (const [name, status] of [
      ["pause", "paused"],
      ["pause", "paused"],
      ["resume", "running"],
      ["resume", "running"],
    ] as const) {
      expect((await runOf(await command(id, name))).status).toBe(status);
    }
    await command(id, "cancel");
  });

  test("retried: one generation up, what completed kept", async () => {
    const id = await startStuck();
    await command(id, "cancel");
    const run = await runOf(await command(id, "retry"));
    expect(run).toMatchObject({ status: "running", generation: 2 });
    await command(id, "cancel");
  });

  test("retried from a task on, by its id or name", async () => {
    const id = await startEnded();
    const answer = await postJson(`/v1/runs/${id}/retry`, { from: "hello" });
    expect((await runOf(answer)).generation).toBe(2);
    expect((await finished(id)).tasks[0]).toMatchObject({ status: "completed", attemptCount: 2 });
  });
});

describe("a command is refused", () => {
  test.each(["cancel", "pause", "resume"])("with 409 where the run has ended: %s", async (name) => {
    const answer = await command(await startEnded(), name);
    const { code, detail } = await problemOf(answer);
    expect([answer.status, code]).toEqual([409, "conflict"]);
    expect(detail).toContain("is completed");
  });

  test("with 409 where a run that goes on is to be retried", async () => {
    const id = await startStuck();
    expect((await command(id, "retry")).status).toBe(409);
    await command(id, "cancel");
  });

  test("with 404 where the task to begin from is not the run's", async () => {
    const answer = await postJson(`/v1/runs/${await startEnded()}/retry`, { from: "goodbye" });
    expect([answer.status, (await problemOf(answer)).detail]).toEqual([
      404,
      expect.stringContaining("goodbye"),
    ]);
  });

  test.each(['{"from": 1}', '{"form": "hello"}', "[]", "{", '"hello"'])(
    "with 400 for the body %s",
    async (body) => {
      const answer = await postText(`/v1/runs/${await startEnded()}/retry`, body);
      expect([answer.status, (await problemOf(answer)).code]).toEqual([400, "invalid_request"]);
    },
  );

  test("with 413 for a body larger than any task's id", async () => {
    const answer = await postJson(`/v1/runs/${await startEnded()}/retry`, { from: "x".repeat(100_000) });
    expect(answer.status).toBe(413);
  });
});

test("what a client says of a run's actor is not asked for: without keys it is local", async () => {
  const id = await startStuck();
  await command(id, "cancel");
  const events = await send(`/v1/runs/${id}/events`, { headers: { Accept: "application/json" } });
  const { items } = await events.json<{ items: { type: string; actor?: string }[] }>();
  expect(items.filter(({ type }) => type.startsWith("run.")).map(({ actor }) => actor)).toEqual([
    "local",
    "local",
  ]);
});
