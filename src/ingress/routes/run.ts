/** `/v1/runs/{id}` and what belongs to it, read from the run's own object; its bytes are passed on as they are. */
import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { askRun, parseRunId } from "../ask-run.ts";
import { answers } from "../openapi.ts";
import { runPath, wait } from "../parameters.ts";
import type { Router } from "../router.ts";

const view = createRoute({
  method: "get",
  path: "/v1/runs/{id}",
  tags: ["Runs"],
  summary: "Read a run",
  request: { params: runPath, query: z.object({ wait }) },
  responses: answers({ 200: ["Run", "The run as it is now."] }),
});

const task = createRoute({
  method: "get",
  path: "/v1/runs/{id}/tasks/{taskId}",
  tags: ["Runs"],
  summary: "Read a task: its params as resolved, its result, its attempts",
  request: { params: runPath.extend({ taskId: z.string().describe("The task's id or name.") }) },
  responses: answers({ 200: ["TaskDetail", "The task as it is now."] }),
});

const results = createRoute({
  method: "get",
  path: "/v1/runs/{id}/results",
  tags: ["Runs"],
  summary: "Read the results of the tasks that have ended, streamed",
  request: { params: runPath },
  responses: answers({ 200: ["Results", "Results by task id."] }),
});

const workflow = createRoute({
  method: "get",
  path: "/v1/runs/{id}/workflow",
  tags: ["Runs"],
  summary: "Read the checked workflow that the run carries out",
  request: { params: runPath },
  responses: answers({ 200: ["Workflow", "The workflow."] }),
});

export function serveRun(app: Router): void {
  app.openapi(view, async (c) => {
    const id = parseRunId(c.req.valid("param").id);
    const waitMs = c.req.valid("query").wait * 1000;
    const { body } = await askRun(c.env, id, (run) => run.view(id, waitMs));
    return asJson(body);
  });

  app.openapi(task, async (c) => {
    const { id: text, taskId } = c.req.valid("param");
    const id = parseRunId(text);
    return asJson(await askRun(c.env, id, (run) => run.task(id, taskId)));
  });

  app.openapi(results, async (c) => {
    const id = parseRunId(c.req.valid("param").id);
    return asJson(await askRun(c.env, id, (run) => run.results(id)));
  });

  app.openapi(workflow, async (c) => {
    const id = parseRunId(c.req.valid("param").id);
    return asJson(await askRun(c.env, id, (run) => run.workflow(id)));
  });
}

function asJson(body: Uint8Array | ReadableStream<Uint8Array>): Response {
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}
