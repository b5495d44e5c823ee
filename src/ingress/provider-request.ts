/** The body of `PUT /v1/providers/{id}`: all that is wrong with it at once, and never a word of its headers' values. */
import * as z from "zod";
import { codeOf } from "../contract/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Protocol } from "../contract/protocol.ts";
import { type ProviderKind, type ProviderRequest, providerRequest } from "../contract/provider.ts";
import type { Problem } from "../contract/workflow.ts";
import { checkUrl } from "../providers/guard.ts";
import { collectFindings, type Findings, quoteName } from "../spec/problems.ts";
import { checkShape } from "../spec/shape.ts";
import { limitedSuggest } from "../spec/suggest.ts";
import { refuseUnknownKeys } from "../spec/unknown-keys.ts";
import { refuseBody } from "./json-body.ts";
import { issueAt, RequestError } from "./problem.ts";

const { headers: _, ...shown } = providerRequest.shape;
const shape = z.object(shown);

/** Throws `invalid_request`, or `unsafe_url` where nothing else is wrong. `protocols` are all there are. */
export function readProvider(
  value: JsonObject,
  { protocols, isLocal }: { protocols: readonly Protocol[]; isLocal: boolean },
): ProviderRequest {
  const about = { at: [], subject: "", findings: collectFindings(), suggest: limitedSuggest() };
  refuseUnknownKeys(value, Object.keys(providerRequest.shape), about);
  const headers = readHeaders(value["headers"], about.findings);
  const request = checkShape(shape, value, about);
  const issues = about.findings.report();
  if (request !== undefined) issues.push(...checkFit(request, protocols));
  if (request === undefined || issues.length > 0) throw refuseBody("invalid_request", issues);
  const url = readUrl(request.url, isLocal);
  return { ...request, url, ...(headers === undefined ? {} : { headers }) };
}

/** What is here by mistake may be the secret itself: values are not quoted. */
function readHeaders(value: Json | undefined, findings: Findings): Record<string, string> | undefined {
  if (value === undefined) return undefined;
  const given = isJsonObject(value) ? Object.entries(value) : undefined;
  if (given === undefined) {
    const message = "headers must be an object: texts by name";
    findings.error({ code: "invalid_value", at: ["headers"], message });
  }
  const headers: Record<string, string> = {};
  for (const [index, [name, text]] of (given ?? []).entries()) {
    if (typeof text === "string" && text.length <= LIMITS.headerChars) headers[name] = text;
    else {
      const message = `headers: number ${index + 1} must be a text of at most ${LIMITS.headerChars} characters`;
      findings.error({ code: "invalid_value", at: ["headers"], message });
    }
  }
  return headers;
}

const PROTOCOL_OF: Record<Exclude<ProviderKind, "jsonrpc">, string> = {
  ollama: "llm/v1",
  mcp: "mcp/v1",
  python: "python/v1",
};

function checkFit({ protocol, kind }: ProviderRequest, protocols: readonly Protocol[]): Problem[] {
  const names = protocols.map(({ name }) => name);
  if (!names.includes(protocol)) {
    const message = `protocol ${quoteName(protocol)} is not known; there are ${names.join(", ")}; PUT /v1/protocols/{name}/{version} registers another`;
    const suggestion = limitedSuggest()(protocol, names);
    const issue = issueAt("protocol", message, "unknown_protocol");
    return [suggestion === undefined ? issue : { ...issue, suggestion }];
  }
  if (protocol === "echo/v1") {
    return [issueAt("protocol", "protocol echo/v1 is answered by Gleitzeit itself and takes no instances")];
  }
  if (kind === "jsonrpc" || PROTOCOL_OF[kind] === protocol) return [];
  const message = `kind "${kind}" serves ${PROTOCOL_OF[kind]}, not ${protocol}: use ${kindsFor(protocol)}`;
  return [issueAt("kind", message)];
}

function kindsFor(protocol: string): string {
  const own = Object.entries(PROTOCOL_OF).filter(([, name]) => name === protocol);
  return [...own.map(([kind]) => kind), "jsonrpc"].map((kind) => `"${kind}"`).join(" or ");
}

/** As it is compared: `http://host:1/` and `http://host:1` are one address. */
function readUrl(text: string, isLocal: boolean): string {
  try {
    const url = checkUrl(text.trim(), { isLocal });
    url.hash = "";
    return url.pathname === "/" && url.search === "" ? url.origin : url.href;
  } catch (thrown) {
    if (codeOf(thrown) !== "unsafe_url" || !(thrown instanceof Error)) throw thrown;
    const message = `url: ${thrown.message}`;
    throw new RequestError("unsafe_url", message, [issueAt("url", message)]);
  }
}
