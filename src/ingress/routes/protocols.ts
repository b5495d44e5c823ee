/** `/v1/protocols`: what can be asked for. Those that ship, and those that people registered. */
import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { findShipped, protocolsOf, saveProtocol } from "../../catalog/protocols.ts";
import { GleitzeitError } from "../../contract/error.ts";
import { LIMITS } from "../../contract/limits.ts";
import type { Protocol } from "../../contract/protocol.ts";
import type { Env } from "../../env.ts";
import { checkProtocol } from "../../spec/protocol.ts";
import { readObject } from "../json-body.ts";
import { answers } from "../openapi.ts";
import { pageOf } from "../page.ts";
import { cursor, limit } from "../parameters.ts";
import { RequestError, summarize } from "../problem.ts";
import type { Router } from "../router.ts";
import { refTo } from "../schemas.ts";

const tags = ["Protocols"];
const path = z.object({
  name: z.string().describe("The protocol's name, like sentiment."),
  version: z.string().describe("Its version, like v1."),
});

const list = createRoute({
  method: "get",
  path: "/v1/protocols",
  tags,
  summary: "List protocols by name",
  request: { query: z.strictObject({ limit, cursor }) },
  responses: answers({ 200: ["ProtocolList", "A page of protocols."] }),
});

const read = createRoute({
  method: "get",
  path: "/v1/protocols/{name}/{version}",
  tags,
  summary: "Read a protocol: its methods with their schemas",
  request: { params: path },
  responses: answers({ 200: ["Protocol", "The protocol."] }),
});

const put = createRoute({
  method: "put",
  path: "/v1/protocols/{name}/{version}",
  tags,
  summary: "Register a protocol, or replace it",
  description:
    "Runs that have started keep what it was. Methods may leave out the protocol's name. Patterns that could take for ever are refused: nested quantifiers, and many in a row.",
  request: {
    params: path,
    body: { required: true, content: { "application/json": { schema: refTo("ProtocolRequest") } } },
  },
  responses: answers({
    200: ["Protocol", "The protocol, replaced."],
    201: ["Protocol", "The protocol, new."],
  }),
});

export function serveProtocols(app: Router): void {
  app.openapi(list, async (c) => {
    const protocols = (await protocolsOf(c.env)).toSorted((one, other) => (one.name < other.name ? -1 : 1));
    return c.json(pageOf(protocols, ({ name }) => name, c.req.valid("query")));
  });

  app.openapi(read, async (c) => {
    const { name, version } = c.req.valid("param");
    return c.json(await findProtocol(c.env, `${name}/${version}`));
  });

  app.openapi(put, async (c) => {
    const named = c.req.valid("param");
    const { problems, protocol } = checkProtocol(named, await readObject(c.req.raw, LIMITS.protocolBytes));
    if (protocol === undefined) throw refuse(problems);
    const { isNew } = await saveProtocol(c.env, protocol);
    return isNew
      ? c.json(protocol, 201, { Location: `/v1/protocols/${protocol.name}` })
      : c.json(protocol, 200);
  });
}

function refuse(problems: RequestError["issues"]): RequestError {
  return new RequestError(
    "invalid_protocol",
    `the protocol does not check: ${summarize(problems)}`,
    problems,
  );
}

async function findProtocol(env: Env, name: string): Promise<Protocol> {
  const found = findShipped(name) ?? (await protocolsOf(env)).find((protocol) => protocol.name === name);
  if (found !== undefined) return found;
  const shown = JSON.stringify(name.slice(0, LIMITS.nameChars));
  throw new GleitzeitError(
    "not_found",
    `there is no protocol ${shown}; GET /v1/protocols lists those there are`,
  );
}
