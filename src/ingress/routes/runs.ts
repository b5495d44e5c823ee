/** `/v1/runs`: start one, list them. */
import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { LIMITS } from "../../contract/limits.ts";
import { hasEnded, runStatus } from "../../contract/run.ts";
import { historyOf } from "../../history/open.ts";
import { readAsked } from "../asked.ts";
import { readBody } from "../body.ts";
import { originOf } from "../idempotency.ts";
import { answers, WORKFLOW_BODY } from "../openapi.ts";
import { cursor, limit, wait } from "../parameters.ts";
import type { Router } from "../router.ts";
import { startRun } from "../start-run.ts";

const start = createRoute({
  method: "post",
  path: "/v1/runs",
  tags: ["Runs"],
  summary: "Start a run",
  description: "With an Idempotency-Key header, asking again gives the same run (Idempotent-Replayed: true).",
  request: { query: z.object({ wait }), body: WORKFLOW_BODY },
  responses: answers({ 200: ["Run", "The run, which has ended."], 202: ["Run", "The run."] }),
});

const list = createRoute({
  method: "get",
  path: "/v1/runs",
  tags: ["Runs"],
  summary: "List runs, newest first",
  description: "From history, which may lag two seconds behind.",
  request: {
    // Strict: a misspelled filter must not list everything.
    query: z.strictObject({
      limit,
      cursor,
      status: runStatus.optional(),
      workflow: z.string().max(LIMITS.nameChars).optional().describe("The workflow's name."),
      tag: tagFilter().optional().describe("key:value"),
      since: time().optional().describe("Created then or later."),
      until: time().optional().describe("Created before."),
    }),
  },
  responses: answers({ 200: ["RunList", "A page of runs."] }),
});

export function serveRuns(app: Router): void {
  app.openapi(start, async (c) => {
    const key = c.req.header("Idempotency-Key");
    const actor = c.get("actor");
    const body = await readBody(c.req.raw);
    const origin = await originOf({ actor, route: "POST /v1/runs", key, body });
    const waitMs = c.req.valid("query").wait * 1000;
    const trigger = { kind: "api" } as const;
    const { id, replayed, view } = await startRun(c.env, {
      asked: readAsked(body),
      origin,
      actor,
      trigger,
      waitMs,
    });
    const headers = new Headers({ "Content-Type": "application/json", Location: `/v1/runs/${id}` });
    if (replayed && key !== undefined) headers.set("Idempotent-Replayed", "true");
    return new Response(view.body, { status: hasEnded(view.status) ? 200 : 202, headers });
  });

  app.openapi(list, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid("query");
    return c.json(await historyOf(c.env).list(filter, { limit, cursor }));
  });
}

function tagFilter() {
  return z
    .string()
    .regex(/^[^:]+:/, "must be key:value")
    .transform((text) => {
      const colon = text.indexOf(":");
      return { key: text.slice(0, colon), value: text.slice(colon + 1) };
    });
}

function time() {
  return z.iso.datetime({ offset: true, error: "must be a time like 2026-01-31T09:00:00Z" });
}
