import { beforeAll, describe, expect, test } from "vitest";
import {
  postJson,
  postYaml,
  problemOf,
  runOf,
  STUCK,
  send,
  watchObjects,
  withObjects,
} from "../workerd/http.ts";

const CHAIN = `
name: chain
inputs: { word: hey }
tasks:
  - { id: first, name: The first, method: echo/echo, params: { message: "\${inputs.word}" } }
  - { id: second, method: mcp/tool.concat, params: { strings: ["\${first}", "you"] } }
`;
const UNKNOWN = `run_${"0".repeat(26)}`;
const READS = ["", "/tasks/a", "/results", "/workflow", "/events"];
const COMMANDS = ["/cancel", "/pause", "/resume", "/retry"];

let id = "";
beforeAll(async () => {
  id = (await runOf(await postYaml("/v1/runs?wait=30", CHAIN))).id;
});

const read = async (path: string) => await (await send(`/v1/runs/${id}${path}`)).json();

describe("a run is read", () => {
  test("with its tasks in the file's order, its progress and its outputs", async () => {
    const answer = await send(`/v1/runs/${id}`);
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "application/json"]);
    const run = await runOf(answer);
    expect(run.tasks.map((task) => [task.id, task.status])).toEqual([
      ["first", "completed"],
      ["second", "completed"],
    ]);
    expect(run.progress).toMatchObject({ total: 2, completed: 2, waiting: 0 });
    expect(Object.keys(run.outputs ?? {})).toEqual(["second"]);
    expect(run.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test("task by task, with params as resolved, result and attempts", async () => {
    expect(await read("/tasks/first")).toMatchObject({
      params: { message: "hey" },
      result: { response: "hey" },
      attempts: [{ number: 1, status: "completed" }],
    });
  });

  test("with a task by its name", async () => {
    expect(await read("/tasks/The%20first")).toMatchObject({ id: "first" });
  });

  test("with the results of all tasks", async () => {
    expect(await read("/results")).toMatchObject({ first: { response: "hey" }, second: { joined: true } });
  });

  test("with the checked workflow in its canonical form", async () => {
    expect(await read("/workflow")).toMatchObject({
      name: "chain",
      inputs: { word: { default: "hey" } },
      tasks: [{ id: "first" }, { id: "second", dependencies: ["first"], protocol: "mcp/v1" }],
    });
  });

  test("with no results as long as there are none", async () => {
    const stuck = await runOf(await postJson("/v1/runs", STUCK));
    expect(await (await send(`/v1/runs/${stuck.id}/results`)).text()).toBe("{}");
  });

  test("with ?wait when it has ended", async () => {
    const started = await runOf(await postYaml("/v1/runs", CHAIN));
    expect((await runOf(await send(`/v1/runs/${started.id}?wait=30`))).status).toBe("completed");
  });

  test("with ?wait when the time is over", async () => {
    const stuck = await runOf(await postJson("/v1/runs", STUCK));
    const answer = await send(`/v1/runs/${stuck.id}?wait=0.05`);
    expect([answer.status, (await runOf(answer)).status]).toEqual([200, "running"]);
  });
});

describe("404 is the answer", () => {
  test.each(READS)("to an unknown id at %s", async (path) => {
    const answer = await send(`/v1/runs/${UNKNOWN}${path}`);
    const { code, detail } = await problemOf(answer);
    expect([answer.status, code, detail]).toEqual([404, "not_found", `there is no run ${UNKNOWN}`]);
  });

  test.each(COMMANDS)("to an unknown id at POST %s", async (path) => {
    expect((await send(`/v1/runs/${UNKNOWN}${path}`, { method: "POST" })).status).toBe(404);
  });

  test("to an id that differs only in its time", async () => {
    const other = `run_0000000000${id.slice(14)}`;
    expect((await send(`/v1/runs/${other}`)).status).toBe(404);
  });

  test.each(["x", "run_", "run_1", id.toUpperCase(), `${UNKNOWN}0`, "run_%2e%2e", "%00", "%ff"])(
    "to the malformed id %j, and no object is asked",
    async (malformed) => {
      const { env, asked } = watchObjects();
      for (const path of READS) {
        expect((await send(`/v1/runs/${malformed}${path}`, {}, env)).status).toBe(404);
      }
      for (const path of COMMANDS) {
        expect((await send(`/v1/runs/${malformed}${path}`, { method: "POST" }, env)).status).toBe(404);
      }
      expect(asked).toEqual([]);
    },
  );

  test("to a task that the run does not have", async () => {
    const answer = await send(`/v1/runs/${id}/tasks/third`);
    expect([answer.status, (await problemOf(answer)).detail]).toEqual([404, `run ${id} has no task "third"`]);
  });
});

describe("when a run's object does not answer", () => {
  const fails = () => Promise.reject(new Error("Network connection lost."));

  test("a read is tried once more at once", async () => {
    let calls = 0;
    const value = { status: "running", body: new TextEncoder().encode("{}") };
    const view = () => (calls++ === 0 ? fails() : Promise.resolve({ ok: true, value }));
    expect((await send(`/v1/runs/${UNKNOWN}`, {}, withObjects({ view }))).status).toBe(200);
    expect(calls).toBe(2);
  });

  test("the second time the answer is 503 with Retry-After, and tells nothing of ours", async () => {
    const answer = await send(`/v1/runs/${UNKNOWN}`, {}, withObjects({ view: fails }));
    const problem = await problemOf(answer);
    expect([answer.status, problem.code]).toEqual([503, "unavailable"]);
    expect(answer.headers.get("Retry-After")).toMatch(/^\d+$/);
    expect(JSON.stringify(problem)).not.toContain("Network");
  });

  test("one that is overloaded is not asked again", async () => {
    let calls = 0;
    const view = () => {
      calls++;
      return Promise.reject(Object.assign(new Error("too many requests"), { overloaded: true }));
    };
    expect((await send(`/v1/runs/${UNKNOWN}`, {}, withObjects({ view }))).status).toBe(503);
    expect(calls).toBe(1);
  });

  test("a start is tried once more, and is no replay where the first try had arrived", async () => {
    let calls = 0;
    const value = {
      id: UNKNOWN,
      replayed: true,
      view: { status: "running", body: new TextEncoder().encode("{}") },
    };
    const start = () => (calls++ === 0 ? fails() : Promise.resolve({ ok: true, value }));
    const init = { method: "POST", body: CHAIN, headers: { "Content-Type": "application/yaml" } };
    const answer = await send("/v1/runs", init, withObjects({ start }));
    expect([answer.status, calls, answer.headers.has("Idempotent-Replayed")]).toEqual([202, 2, false]);
  });

  test("a retry is not asked for twice", async () => {
    let calls = 0;
    const steer = () => {
      calls++;
      return fails();
    };
    const answer = await send(`/v1/runs/${UNKNOWN}/retry`, { method: "POST" }, withObjects({ steer }));
    expect([answer.status, calls]).toEqual([503, 1]);
  });
});
