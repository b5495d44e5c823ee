/** `/v1/runs/{id}/events`: what happened and what happens, as a stream or in pages. */
import { createRoute } from "@hono/zod-openapi";
import { accepts } from "hono/accepts";
import * as z from "zod";
import type { RunId } from "../../contract/id.ts";
import type { Env } from "../../env.ts";
import { askRun, parseRunId } from "../ask-run.ts";
import { answers } from "../openapi.ts";
import { limit, runPath } from "../parameters.ts";
import { issueAt, RequestError } from "../problem.ts";
import type { Router } from "../router.ts";
import { refTo } from "../schemas.ts";

const SSE = "text/event-stream";
const JSON_TYPE = "application/json";

const seq = z.string().regex(/^\d{1,15}$/, "must be the seq of an event");
const pages = answers({ 200: ["EventPage", "Events: a stream, or with Accept: application/json a page."] });
const page = pages["200"];

const events = createRoute({
  method: "get",
  path: "/v1/runs/{id}/events",
  tags: ["Runs"],
  summary: "Follow a run",
  description:
    "Server-sent events from the start, or after Last-Event-ID; the stream closes when the run has ended. With Accept: application/json a page of the journal.",
  request: {
    params: runPath,
    query: z.object({
      after: seq.optional().describe("Events after this seq; a Last-Event-ID header wins."),
      cursor: seq.optional().describe("The nextCursor of the page before."),
      limit,
    }),
  },
  responses: {
    ...pages,
    200: {
      ...page,
      description: "Events.",
      content: { [JSON_TYPE]: { schema: refTo("EventPage") }, [SSE]: { schema: { type: "string" } } },
    },
  },
});

export function serveEvents(app: Router): void {
  app.openapi(events, async (c) => {
    const id = parseRunId(c.req.valid("param").id);
    const { after, cursor, limit } = c.req.valid("query");
    const from = Number(parseLastEventId(c.req.header("Last-Event-ID")) ?? cursor ?? after ?? 0);
    const type = accepts(c, { header: "Accept", supports: [SSE, JSON_TYPE], default: SSE });
    if (type === JSON_TYPE) return c.json(await readPage(c.env, id, from, limit));
    const body = await askRun(c.env, id, (run) => run.follow(id, from));
    // Proxies that gather an answer before they pass it on would gather this one for ever.
    const headers = {
      "Content-Type": SSE,
      "Cache-Control": "no-store, no-transform",
      "X-Accel-Buffering": "no",
    };
    return new Response(body, { headers });
  });
}

/** An empty one is what a browser sends that has seen no event. */
function parseLastEventId(header: string | undefined): string | undefined {
  if (header === undefined || header === "" || seq.safeParse(header).success) return header || undefined;
  const message = "Last-Event-ID must be the seq of an event";
  throw new RequestError("invalid_request", message, [issueAt("Last-Event-ID", message)]);
}

/** One more is asked for: it tells that there is a further page. */
async function readPage(env: Env, id: RunId, after: number, limit: number) {
  const found = await askRun(env, id, (run) => run.journal(id, after, limit + 1));
  const items = found.slice(0, limit);
  const last = found.length > limit ? items.at(-1) : undefined;
  return { items, nextCursor: last === undefined ? null : String(last.seq) };
}
