/** What nobody serves: an unknown path, or a method that the path does not have. */
import type { Context } from "hono";
import { GleitzeitError } from "../contract/error.ts";
import { answerError } from "./problem.ts";
import type { Bound, Router } from "./router.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const SHOWN_CHARS = 100;

/** 404, 405 with `Allow`, or the answer to OPTIONS. */
export function answerUnserved(app: Router, c: Context<Bound>): Response {
  const { method, path } = c.req;
  const allowed = findMethods(app, path);
  const shown = path.slice(0, SHOWN_CHARS);
  if (allowed.length === 0) {
    return answerError(new GleitzeitError("not_found", `there is nothing at ${shown}; see /openapi.json`), c);
  }
  const allow = { Allow: allowed.join(", ") };
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: allow });
  const message = `${shown} does not answer ${method.slice(0, SHOWN_CHARS)}, but ${allow.Allow}`;
  const answer = answerError(new GleitzeitError("method_not_allowed", message), c);
  answer.headers.set("Allow", allow.Allow);
  return answer;
}

function findMethods(app: Router, path: string): string[] {
  const found = METHODS.filter((method) => isServed(app, method, path));
  if (found.includes("GET")) found.push("HEAD");
  return found.length === 0 ? [] : [...found, "OPTIONS"];
}

/** Middleware matches every method and serves none. */
function isServed(app: Router, method: string, path: string): boolean {
  const [matches] = app.router.match(method, path);
  return matches.some(([[, route]]) => route.method !== "ALL");
}
