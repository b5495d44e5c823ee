/** What all routes share: the bindings, what is known of a request, and how a malformed parameter is refused. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type * as z from "zod";
import type { Env } from "../env.ts";
import { formatPlace } from "../spec/problems.ts";
import { issueAt, RequestError, summarize } from "./problem.ts";

/** `actor`: who asks, as events and run ids have it. */
export type Bound = { Bindings: Env; Variables: { requestId: string; actor: string } };
export type Router = OpenAPIHono<Bound>;

export function makeRouter(): Router {
  return new OpenAPIHono<Bound>({
    defaultHook: (result) => {
      if (!result.success) throw refuse(result.target, result.error);
    },
  });
}

function refuse(target: string, { issues }: z.ZodError): RequestError {
  const found = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => issueAt(key, `${key} is not known here`, "unknown_key"))
      : [issueAt(placeOf(issue), `${placeOf(issue)} ${issue.message}`)],
  );
  return new RequestError("invalid_request", `${target}: ${summarize(found)}`, found);
}

function placeOf({ path }: z.core.$ZodIssue): string {
  return formatPlace(path.map((key) => (typeof key === "number" ? key : String(key))));
}
