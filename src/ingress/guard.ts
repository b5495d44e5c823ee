/**
 * Who may ask: with a key set, whoever has it; without, this machine, and no web page of another origin.
 * A page can make a browser send requests to loopback addresses: with its own `Origin`, with the content types of
 * forms, or under a host name of its own that it lets point here.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { GleitzeitError } from "../contract/error.ts";
import { settingsOf } from "../settings.ts";
import { kindOf } from "./body.ts";
import { requireKey } from "./key.ts";
import type { Bound } from "./router.ts";

const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];

export const guard = createMiddleware<Bound>(async (c, next) => {
  const { rootKey } = settingsOf(c.env);
  if (rootKey === undefined) refuseStrangers(c);
  else await requireKey(rootKey, c.req.header("Authorization"));
  const contentType = c.req.header("Content-Type");
  if (contentType !== undefined && !SAFE_METHODS.includes(c.req.method)) kindOf(contentType);
  c.set("actor", rootKey === undefined ? "local" : "root");
  await next();
});

function refuseStrangers({ req }: Context<Bound>): void {
  const url = new URL(req.url);
  refuseForeignHost(url.host, req.header("Host"));
  refuseForeignOrigin(url, req.header("Origin"));
}

function refuseForeignHost(...hosts: (string | undefined)[]): void {
  for (const host of hosts) {
    if (host === undefined || isLoopback(host)) continue;
    throw new GleitzeitError(
      "auth_not_configured",
      "no key is set, so only this machine is served, as localhost; set the first key with: wrangler secret put GLEITZEIT_ROOT_KEY",
    );
  }
}

function refuseForeignOrigin({ host }: URL, origin: string | undefined): void {
  if (origin === undefined || hostOf(origin)?.host === host) return;
  throw new GleitzeitError(
    "foreign_origin",
    "web pages of other origins may not call a service without keys; call it from a program, or from its own pages",
  );
}

function isLoopback(host: string): boolean {
  const name = hostOf(`http://${host}`)?.hostname ?? "";
  return name === "localhost" || name === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(name);
}

function hostOf(url: string): URL | undefined {
  return URL.parse(url) ?? undefined;
}
