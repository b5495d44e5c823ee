/** A task's method and params against its protocol. */
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Protocol, ProtocolMethod } from "../contract/protocol.ts";
import { findFileParams, isFileParam } from "./file-params.ts";
import { familyOf, findMethod, type MethodName, nameMethod, toolOf, toolsOf } from "./methods.ts";
import { type Finding, type Findings, quoteName } from "./problems.ts";
import { checkAgainstSchema } from "./schema.ts";
import type { Place } from "./strings.ts";
import type { Suggest } from "./suggest.ts";
import { OPENING } from "./template.ts";

/** What can be asked for; `missed` gathers what was, and is not there. */
export type Offer = {
  protocols: readonly Protocol[];
  knownTools: readonly string[];
  /** Whoever runs it may know more protocols. */
  mayBeMore: boolean;
  missed: Missed;
};
/** Names of protocols, and tools as in `mcp/tool.NAME`. */
export type Missed = { protocols: Set<string>; tools: Set<string> };
export type Call = {
  subject: string;
  at: Place;
  method: string;
  protocol: string | undefined;
  params: JsonObject;
};
type Context = { offer: Offer; findings: Findings; suggest: Suggest };

/** The canonical names; what does not fit is reported. */
export function checkCall(call: Call, context: Context): MethodName {
  const named = nameMethod(call.method, call.protocol);
  const protocol = context.offer.protocols.find(({ name }) => name === named.protocol);
  if (protocol === undefined) {
    reportProtocol(call, named, context);
    return named;
  }
  const spec = findMethod(protocol, named.method, call.params["server"] !== undefined);
  if (spec === undefined) {
    reportMethod(call, named.method, context);
    return named;
  }
  checkTool(call, named.method, protocol, context);
  checkParams(call, named, spec, context);
  return named;
}

function reportProtocol(call: Call, { protocol }: MethodName, { offer, findings, suggest }: Context): void {
  offer.missed.protocols.add(protocol);
  const names = offer.protocols.map(({ name }) => name);
  const at = [...call.at, call.protocol === undefined ? "method" : "protocol"];
  const unknown = `${call.subject}unknown protocol ${quoteName(protocol)}`;
  const finding: Omit<Finding, "message"> = {
    code: "unknown_protocol",
    at,
    suggest: () => suggest(protocol, names),
  };
  if (offer.mayBeMore)
    findings.warn({ ...finding, message: `${unknown}: it must be registered where this runs` });
  else findings.error({ ...finding, message: `${unknown}; there are ${names.join(", ")}` });
}

function reportMethod(call: Call, method: string, { offer, findings, suggest }: Context): void {
  const methods = offer.protocols.flatMap((protocol) => Object.keys(protocol.methods));
  const named = methods.filter((name) => !name.endsWith("*"));
  const sameVerb = named.find((name) => name === call.method || name.endsWith(`/${call.method}`));
  const written = call.method === method ? "" : ` (written ${quoteName(call.method)})`;
  findings.error({
    code: "unknown_method",
    at: [...call.at, "method"],
    message: `${call.subject}unknown method ${quoteName(method)}${written}`,
    suggest: () => (sameVerb === undefined ? suggest(method, named) : `did you mean "${sameVerb}"?`),
  });
}

/** What servers offer is known only when they are asked, so this is no error. */
function checkTool(
  call: Call,
  method: string,
  protocol: Protocol,
  { offer, findings, suggest }: Context,
): void {
  const tool = toolOf(method);
  if (tool === undefined) return;
  const tools = [...toolsOf(protocol), ...offer.knownTools];
  if (tools.includes(tool)) return;
  offer.missed.tools.add(tool);
  const message = `${call.subject}no tool ${quoteName(tool)} is known: a server that has it must be there when it runs`;
  const at = [...call.at, "method"];
  findings.warn({ code: "unknown_tool", at, message, suggest: () => suggest(tool, tools) });
}

/** llm and python take params from files of many hands: what they do not know is no error there. */
const LENIENT = ["llm", "python"];

function checkParams(
  call: Call,
  named: MethodName,
  spec: ProtocolMethod,
  { findings, suggest }: Context,
): void {
  const family = familyOf(named.protocol);
  const isLenient = LENIENT.includes(family);
  const at = [...call.at, "params"];
  const files = isLenient ? findFileParams(call.params, family, call.subject, at) : [];
  for (const file of files) findings.error(file);
  // What the files are to put in is missing still.
  if (files.length === 0) checkSchema(call, spec, isLenient, findings);
  if (!isLenient) return;
  const known = Object.keys(isJsonObject(spec.params["properties"]) ? spec.params["properties"] : {});
  const unknown = Object.keys(call.params).filter((key) => !known.includes(key) && !isFileParam(key));
  // One more than are reported, so that it is said that there are more.
  for (const key of unknown.slice(0, LIMITS.problems + 1)) {
    const message = `${call.subject}${named.method} has no param ${quoteName(key)}`;
    const place: Pick<Finding, "at" | "near"> = { at: [...at, key], near: "key" };
    findings.warn({ code: "unknown_param", message, ...place, suggest: () => suggest(key, known) });
  }
}

/** Texts with references are looked at again when these are resolved. */
function checkSchema(call: Call, spec: ProtocolMethod, isLenient: boolean, findings: Findings): void {
  // Each costs more than all the rest, and is only counted.
  if (findings.isFull()) return;
  const isOpen = (text: string): boolean => text.includes(OPENING);
  for (const violation of checkAgainstSchema(spec.params, call.params, { name: "params", isOpen })) {
    const { path, keyword, message } = violation;
    if (isLenient && keyword === "additionalProperties" && path.length === 1) continue;
    findings.error({
      code: "invalid_params",
      at: [...call.at, "params", ...path],
      message: call.subject + message,
    });
  }
}
