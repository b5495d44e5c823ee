/** `POST /v1/runs/{id}/cancel`, `/pause`, `/resume`, `/retry`. */
import { createRoute } from "@hono/zod-openapi";
import { retryRequest } from "../../contract/api.ts";
import { isJsonObject } from "../../contract/json.ts";
import { LIMITS } from "../../contract/limits.ts";
import { askRun, askRunOnce, parseRunId } from "../ask-run.ts";
import { readBody } from "../body.ts";
import { answers } from "../openapi.ts";
import { runPath } from "../parameters.ts";
import { parseJson } from "../parse-json.ts";
import { issueAt, RequestError } from "../problem.ts";
import type { Router } from "../router.ts";
import { refTo } from "../schemas.ts";

const STEERING = {
  cancel: "End a run at once; what runs is aborted",
  pause: "Begin no further tasks until the run is resumed",
  resume: "Go on with a paused run",
} as const;

const retry = createRoute({
  method: "post",
  path: "/v1/runs/{id}/retry",
  tags: ["Runs"],
  summary: "Run again what failed or was skipped, or one task and all after it",
  request: {
    params: runPath,
    body: { required: false, content: { "application/json": { schema: refTo("RetryRequest") } } },
  },
  responses: answers({ 200: ["Run", "The run, one generation up."] }),
});

export function serveSteering(app: Router): void {
  serveCommand(app, "cancel");
  serveCommand(app, "pause");
  serveCommand(app, "resume");

  app.openapi(retry, async (c) => {
    const id = parseRunId(c.req.valid("param").id);
    const { from } = await readRetry(c.req.raw);
    const command = {
      type: "retry",
      actor: c.get("actor"),
      ...(from === undefined ? {} : { from }),
    } as const;
    const { body } = await askRunOnce(c.env, id, (run) => run.steer(id, command));
    return new Response(body, { headers: { "Content-Type": "application/json" } });
  });
}

function serveCommand(app: Router, type: keyof typeof STEERING): void {
  const route = createRoute({
    method: "post",
    path: `/v1/runs/{id}/${type}`,
    tags: ["Runs"],
    summary: STEERING[type],
    request: { params: runPath },
    responses: answers({ 200: ["Run", "The run, which now is so or was before."] }),
  });
  app.openapi(route, async (c) => {
    const id = parseRunId(c.req.valid("param").id);
    const command = { type, actor: c.get("actor") };
    const { body } = await askRun(c.env, id, (run) => run.steer(id, command));
    return new Response(body, { headers: { "Content-Type": "application/json" } });
  });
}

async function readRetry(request: Request): Promise<{ from?: string | undefined }> {
  // Without a body there is no content type either.
  if (request.body === null || request.headers.get("Content-Length") === "0") return {};
  const { text } = await readBody(request, LIMITS.metadataBytes);
  if (text.trim() === "") return {};
  const value = parseJson(text);
  const parsed = retryRequest.strict().safeParse(value);
  if (parsed.success) return parsed.data;
  const message = 'the body must be {"from": a task\'s id}, or empty';
  const at = isJsonObject(value) ? "from" : "";
  throw new RequestError("invalid_request", message, [issueAt(at, message)]);
}
