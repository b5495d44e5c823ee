/** `GET /v1/status`: how the service is, in numbers. */
import { createRoute } from "@hono/zod-openapi";
import { version } from "../../../package.json";
import type { ServiceStatus } from "../../contract/api.ts";
import type { Env } from "../../env.ts";
import { countRuns, historyStatusOf } from "../../history/open.ts";
import { answers } from "../openapi.ts";
import type { Router } from "../router.ts";

const status = createRoute({
  method: "get",
  path: "/v1/status",
  tags: ["Service"],
  summary:
    "Which backend history is written to, how far it is behind, and how many runs there are of each status",
  description: "Without runs where no backend of history answers: the service goes on without it.",
  responses: answers({ 200: ["ServiceStatus", "How the service is."] }),
});

export function serveStatus(app: Router): void {
  app.openapi(status, async (c) => c.json(await statusOf(c.env)));
}

async function statusOf(env: Env): Promise<ServiceStatus> {
  const [history, runs] = await Promise.all([historyStatusOf(env), countRuns(env)]);
  return { version, history, ...(runs === undefined ? {} : { runs }) };
}
