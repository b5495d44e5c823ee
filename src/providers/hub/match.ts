/** Whether an instance can do what a task asks for, and how well. */
import type { Need } from "../../contract/protocol.ts";
import { fullModelName } from "../ollama/model-name.ts";
import type { Member } from "./member.ts";

/** The smaller the better: the model is in memory, on the disk, nobody knows, or it must be pulled first. */
export const FIT = { loaded: 0, present: 1, unknown: 2, pullable: 3 } as const;

/** `unseen`: nobody has looked yet what it offers, or whether it is there at all. */
export type Fit = (typeof FIT)[keyof typeof FIT] | "unseen" | "no";

export function fitOf(member: Member, need: Need): Fit {
  if (!isNamed(member, need) || !hasTags(member, need)) return "no";
  if (member.offering === undefined) return "unseen";
  if (need.model !== undefined) return fitOfModel(member, need.model);
  if (need.tool !== undefined) return fitOfTool(member, need.tool);
  return FIT.present;
}

/** A task names an instance, or an MCP server by the name it gives itself, which its replicas share. */
export function isNamed({ spec, offering }: Member, { instance }: Need): boolean {
  return instance === undefined || instance === spec.id || instance === offering?.server;
}

export function hasTags({ spec }: Member, { tags = [] }: Need): boolean {
  return tags.every((tag) => spec.tags.includes(tag));
}

function fitOfModel({ spec, offering }: Member, asked: string): Fit {
  // One that does not list its models may have any.
  if (offering?.models === undefined) return FIT.unknown;
  const model = fullModelName(asked);
  if (offering.loaded?.includes(model)) return FIT.loaded;
  if (offering.models.includes(model)) return FIT.present;
  return spec.allowPull ? FIT.pullable : "no";
}

function fitOfTool({ offering }: Member, tool: string): Fit {
  if (offering?.tools === undefined) return FIT.unknown;
  return offering.tools.includes(tool) ? FIT.present : "no";
}
