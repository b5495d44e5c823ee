import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIPv4 } from "node:net";

/** Why a request is turned away before its body is looked at. */
export type Refusal = { status: number; message: string; headers?: Record<string, string> };

/** Who may post: programs on this machine or with the secret, never a web page in somebody's browser. */
export function refusalOf(headers: IncomingHttpHeaders, secret: string | undefined): Refusal | undefined {
  if (headers.origin !== undefined) {
    return { status: 403, message: "requests from web pages are refused; call the runner from a program" };
  }
  if (secret && !isSecret(headers.authorization, secret)) {
    const message = "the secret is missing or wrong; send Authorization: Bearer <secret>";
    return { status: 401, message, headers: { "www-authenticate": "Bearer" } };
  }
  if (!/^application\/json\s*(;|$)/i.test(headers["content-type"] ?? "")) {
    return { status: 415, message: "send the header Content-Type: application/json" };
  }
  return undefined;
}

/** A runner executes what it is sent, so the network gets it only with a secret. */
export function refuseOpenHost(host: string, secret: string | undefined): void {
  if (secret || isLoopback(host)) return;
  throw new Error(
    `refusing to listen on ${host} without a secret: everybody there could run code on this machine; ` +
      "set GLEITZEIT_RUNNER_SECRET, or listen on 127.0.0.1",
  );
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));

/** Compared as digests: of equal length, in the same time wherever they differ. */
function isSecret(authorization: string | undefined, secret: string): boolean {
  const [, given] = /^Bearer +(.+)$/i.exec(authorization ?? "") ?? [];
  return given !== undefined && timingSafeEqual(digest(given), digest(secret));
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
