/** Why nobody does what a task asks for, and what to do about it. */
import { makeTaskError, type TaskError } from "../../contract/error.ts";
import type { Need } from "../../contract/protocol.ts";
import { findNearest } from "../../spec/suggest.ts";
import { originOf } from "../origin.ts";
import type { Candidate } from "./choose.ts";
import type { Hub } from "./hub.ts";
import { hasTags, isNamed } from "./match.ts";
import type { Member } from "./member.ts";

const NAMED = 20;

export function nobodyFor(hub: Hub, need: Need): TaskError {
  const members = [...hub.members.values()];
  if (members.length === 0) return noProvider(hub);
  const named = members.filter((member) => isNamed(member, need));
  if (named.length === 0) return noInstance(members, need.instance ?? "");
  const tagged = named.filter((member) => hasTags(member, need));
  if (tagged.length === 0) return noTags(named, need.tags ?? []);
  if (need.model !== undefined) return noModel(tagged, need.model);
  return noTool(tagged, need.tool ?? "");
}

/** Those that could do it, as far as is known, are not well: with the first reason there is, and what the others lack. */
export function allSick(hub: Hub, sick: Member[], need: Need): TaskError {
  const names = list(sick.map(({ spec }) => spec.id));
  const reasons = sick.flatMap(({ health }) => (health.status === "unhealthy" ? [health.reason] : []));
  const why = reasons[0] ?? "their last calls failed";
  const others = [...hub.members.values()].filter((member) => !sick.includes(member));
  const able = others.filter((member) => isNamed(member, need) && hasTags(member, need));
  const lack =
    able.length === 0 || need.model === undefined ? "" : `; of those that are well, ${modelsOf(able)}`;
  const message = `no instance that could do it is well (${names}): ${why}${lack}`;
  return makeTaskError("provider_unavailable", message);
}

/**
 * Servers of MCP are not each other's replicas, unless they say so by their name: what one does, another may do
 * otherwise. The need must say which.
 */
export function severalServers(fits: Candidate[], need: Need): TaskError | undefined {
  if (need.instance !== undefined) return undefined;
  const servers = new Map<string, string>();
  for (const { member } of fits) {
    const { spec, offering } = member;
    if (spec.kind === "mcp") servers.set(offering?.server ?? spec.id, spec.id);
  }
  if (servers.size < 2) return undefined;
  const ids = [...servers.values()];
  const what = need.tool === undefined ? "can answer this" : `have a tool "${need.tool}"`;
  const message = `${list(ids)} ${what}: say which with server: ${ids[0]}`;
  return makeTaskError("invalid_params", message, { servers: ids.slice(0, NAMED) });
}

const START: Record<string, string> = {
  "llm/v1": "start Ollama (ollama serve), or give its URL in GLEITZEIT_OLLAMA_URLS",
  "mcp/v1": "name a server in gleitzeit.yaml, or give its URL in GLEITZEIT_MCP_URLS",
  "python/v1": "start the Python runner (gleitzeit runner), or give its URL in GLEITZEIT_PYTHON_URLS",
};

function noProvider({ protocol, looks }: Hub): TaskError {
  const advice = START[protocol] === undefined ? "" : `${START[protocol]}, or `;
  const looked =
    looks.notFound.length === 0
      ? ""
      : ` (nobody answered at ${list(looks.notFound.map(({ url }) => originOf(url)))})`;
  const message = `nobody serves protocol ${protocol}${looked}: ${advice}register one with PUT /v1/providers/NAME`;
  return makeTaskError("no_provider", message);
}

function noInstance(members: Member[], asked: string): TaskError {
  const ids = members.map(({ spec }) => spec.id);
  const nearest = findNearest(asked, ids);
  const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
  return makeTaskError("no_provider", `there is no instance "${asked}", there are ${list(ids)}${hint}`);
}

function noTags(members: Member[], tags: string[]): TaskError {
  const known = new Set(members.flatMap(({ spec }) => spec.tags));
  const there = known.size === 0 ? "none has any" : `there are ${list([...known])}`;
  return makeTaskError("no_provider", `no instance has the tags ${list(tags)}: ${there}`);
}

function noModel(members: Member[], model: string): TaskError {
  const message = `no instance has the model "${model}": ${modelsOf(members)}. Pull it: ollama pull ${model}`;
  return makeTaskError("model_not_found", message, { model });
}

function modelsOf(members: Member[]): string {
  const having = members.map(({ spec, offering }) => {
    const models = offering?.models ?? [];
    return `${spec.id} has ${models.length === 0 ? "none" : list(models)}`;
  });
  return having.slice(0, NAMED).join("; ");
}

function noTool(members: Member[], tool: string): TaskError {
  const tools = [...new Set(members.flatMap(({ offering }) => offering?.tools ?? []))];
  const nearest = findNearest(tool, tools);
  const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
  const there = tools.length === 0 ? "they have none" : `there are ${list(tools)}`;
  return makeTaskError("unknown_tool", `no server has a tool "${tool}": ${there}${hint}`);
}

function list(names: string[]): string {
  const shown = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? `${shown} and ${names.length - NAMED} more` : shown;
}
