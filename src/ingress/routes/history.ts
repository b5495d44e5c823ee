/** `POST /v1/history/migrate`: history from one backend to another, a step for each request. */
import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { type TransferRequest, transferProgress, transferRequest } from "../../contract/api.ts";
import { runId } from "../../contract/id.ts";
import type { JsonObject } from "../../contract/json.ts";
import { LIMITS } from "../../contract/limits.ts";
import { openHistory } from "../../history/open.ts";
import { transferStep } from "../../history/transfer.ts";
import { collectFindings } from "../../spec/problems.ts";
import { checkShape } from "../../spec/shape.ts";
import { limitedSuggest } from "../../spec/suggest.ts";
import { refuseUnknownKeys } from "../../spec/unknown-keys.ts";
import { readObject, refuseBody } from "../json-body.ts";
import { answers } from "../openapi.ts";
import type { Router } from "../router.ts";
import { refTo } from "../schemas.ts";

const migrate = createRoute({
  method: "post",
  path: "/v1/history/migrate",
  tags: ["Service"],
  summary: "Copy history from one backend to another, one step",
  description:
    "Send what the answer says as progress of the next request, until isDone. What the target has already is not written again, so a copy that broke off is simply begun anew. The source is never changed.",
  request: {
    body: { required: true, content: { "application/json": { schema: refTo("TransferRequest") } } },
  },
  responses: answers({ 200: ["TransferProgress", "How far the copy is."] }),
});

export function serveHistory(app: Router): void {
  app.openapi(migrate, async (c) => {
    const { from, to, progress } = readTransfer(await readObject(c.req.raw, LIMITS.metadataBytes));
    return c.json(await transferStep(openHistory(c.env, from), openHistory(c.env, to), progress));
  });
}

const side = transferProgress.shape.from.extend({
  digest: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
});
/** Progress is what a step said; what none can have said must not reach the backends. */
const shape = transferRequest
  .extend({
    progress: transferProgress.extend({ after: runId.nullable(), from: side, to: side }).optional(),
  })
  .refine(({ from, to }) => from !== to, { path: ["to"], message: "must be another backend than from" });

function readTransfer(value: JsonObject): TransferRequest {
  const about = { at: [], subject: "", findings: collectFindings(), suggest: limitedSuggest() };
  refuseUnknownKeys(value, Object.keys(transferRequest.shape), about);
  const request = checkShape(shape, value, about);
  const issues = about.findings.report();
  if (request === undefined || issues.length > 0) throw refuseBody("invalid_request", issues);
  return request;
}
