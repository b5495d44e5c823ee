/** `POST /v1/workflows/check`: what a run would do, or why it would not start. */
import { createRoute } from "@hono/zod-openapi";
import type { CheckReport } from "../../contract/api.ts";
import type { Env } from "../../env.ts";
import { planOf } from "../../spec/graph.ts";
import { resolveInputs } from "../../spec/inputs.ts";
import { type Asked, readAsked } from "../asked.ts";
import { readBody } from "../body.ts";
import { checkAsked } from "../check-asked.ts";
import { answers, WORKFLOW_BODY } from "../openapi.ts";
import type { Router } from "../router.ts";

const check = createRoute({
  method: "post",
  path: "/v1/workflows/check",
  tags: ["Workflows"],
  summary: "Check a workflow without running it",
  description: "Takes what POST /v1/runs takes. Inputs are checked where they are given.",
  request: { body: WORKFLOW_BODY },
  responses: answers({ 200: ["CheckReport", "What was found; a plan where nothing is wrong."] }),
});

export function serveWorkflows(app: Router): void {
  app.openapi(check, async (c) => c.json(await report(c.env, readAsked(await readBody(c.req.raw)))));
}

async function report(env: Env, asked: Asked): Promise<CheckReport> {
  const { workflow, problems } = await checkAsked(env, asked);
  if (workflow === undefined) return { valid: false, issues: problems };
  const resolved = asked.inputs === undefined ? { inputs: {} } : resolveInputs(workflow, asked.inputs);
  const issues = "problems" in resolved ? [...problems, ...resolved.problems] : problems;
  return { valid: "inputs" in resolved, issues, plan: planOf(workflow) };
}
