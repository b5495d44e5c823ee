/** One request, and what its answer means. */
import { problemDetails } from "../contract/api.ts";
import { type ErrorCode, GleitzeitError } from "../contract/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";

export type Connection = { url: string; apiKey: string | undefined };
export type Request = {
  method?: string;
  headers?: Record<string, string>;
  json?: unknown;
  yaml?: string;
  signal?: AbortSignal | undefined;
};

/** The answer, if it is one of success; else throws what the service says. */
export async function send(connection: Connection, path: string, request: Request = {}): Promise<Response> {
  const { method = "GET", signal = null } = request;
  const { body, type } = bodyOf(request);
  const headers: Record<string, string> = { accept: "application/json", ...type, ...request.headers };
  if (connection.apiKey !== undefined) headers["authorization"] = `Bearer ${connection.apiKey}`;
  const response = await reach(connection, path, { method, headers, body, signal });
  if (response.ok) return response;
  throw await errorOf(response);
}

/** Throws `unavailable` where the connection breaks before the answer's end. */
export async function readJson(response: Response): Promise<Json> {
  const text = await response.text().catch((cause) => {
    throw new GleitzeitError("unavailable", `${response.url}: the answer broke off`, { cause });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GleitzeitError("internal", `${response.url} is no Gleitzeit service: ${text.slice(0, 100)}`, {
      cause,
    });
  }
}

/** An object, where the service has promised one. */
export function objectOf(value: Json): JsonObject {
  if (isJsonObject(value)) return value;
  throw new GleitzeitError("internal", "the service answered something else than an object");
}

type Body = { body: string | null; type: { "content-type"?: string } };

function bodyOf({ json, yaml }: Request): Body {
  if (yaml !== undefined) return { body: yaml, type: { "content-type": "application/yaml" } };
  if (json === undefined) return { body: null, type: {} };
  const body = JSON.stringify(json);
  // The service would refuse it too, by breaking off the connection in the middle of the body.
  const bytes = body.length > LIMITS.bodyBytes / 3 ? new TextEncoder().encode(body).length : 0;
  if (bytes > LIMITS.bodyBytes) {
    const message = `with its files the workflow is ${bytes} bytes, over ${LIMITS.bodyBytes}: split it into several runs`;
    throw new GleitzeitError("too_large", message);
  }
  return { body, type: { "content-type": "application/json" } };
}

async function reach({ url }: Connection, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`${url}${path}`, init);
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    const message = `no service answers at ${url}; start one with: npm start`;
    throw new GleitzeitError("unavailable", message, { cause });
  }
}

async function errorOf(response: Response): Promise<GleitzeitError> {
  const text = await response.text().catch(() => "");
  const problem = problemDetails.safeParse(parsed(text)).data;
  if (problem === undefined) {
    const message = `${response.url} answered ${response.status}: ${text.slice(0, 200)}`;
    return new GleitzeitError(codeOfStatus(response.status), message);
  }
  const { code, detail, requestId, issues } = problem;
  return new GleitzeitError(code, detail, {
    details: { requestId, issues: JSON.parse(JSON.stringify(issues)) },
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of an answer that is not ours: a proxy's, or of another program at this address. */
function codeOfStatus(status: number): ErrorCode {
  if (status === 429) return "rate_limited";
  return status >= 500 ? "unavailable" : "not_found";
}
