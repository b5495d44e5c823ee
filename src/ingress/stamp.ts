/** What every answer carries, whatever became of the request. */
import { createMiddleware } from "hono/factory";
import type { Bound } from "./router.ts";

/** A caller's own id is kept where it can do no harm in a log. */
const SANE_ID = /^[\w.:-]{1,128}$/;

export const stamp = createMiddleware<Bound>(async (c, next) => {
  const given = c.req.header("X-Request-Id");
  const requestId = given !== undefined && SANE_ID.test(given) ? given : crypto.randomUUID();
  c.set("requestId", requestId);
  await next();
  c.res.headers.set("X-Request-Id", requestId);
  c.res.headers.set("X-Content-Type-Options", "nosniff");
  // Answers are somebody's data, and runs change.
  if (!c.res.headers.has("Cache-Control")) c.res.headers.set("Cache-Control", "no-store");
  // HEAD is answered like GET, and nobody will read a stream that was opened for it.
  if (c.req.method === "HEAD") await c.res.body?.cancel();
});
