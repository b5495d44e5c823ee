/** What says that the service is there, and where to go on. */
import { createRoute } from "@hono/zod-openapi";
import { version } from "../../../package.json";
import { answers } from "../openapi.ts";
import type { Router } from "../router.ts";

const health = createRoute({
  method: "get",
  path: "/health",
  tags: ["Service"],
  summary: "Whether the service answers",
  description: "Looks at nothing else: no key, no storage, no provider.",
  responses: answers({ 200: ["Health", "It does."] }),
});

export function serveHealth(app: Router): void {
  app.openapi(health, (c) => c.json({ status: "ok", version }));
}

export function serveRoot(app: Router): void {
  app.get("/", (c) => c.json({ name: "gleitzeit", version, api: "/v1", description: "/openapi.json" }));
}
