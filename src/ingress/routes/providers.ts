/** `/v1/providers`: the instances that do the work. */
import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { LIMITS } from "../../contract/limits.ts";
import { resourceName } from "../../contract/provider.ts";
import type { Env } from "../../env.ts";
import { unwrap } from "../../reply.ts";
import { askHub } from "../ask-hub.ts";
import { discover } from "../discover.ts";
import { checkInstance, hubNames, listInstances, locate, viewInstance } from "../instances.ts";
import { readObject } from "../json-body.ts";
import { answers } from "../openapi.ts";
import { pageOf } from "../page.ts";
import { cursor, limit } from "../parameters.ts";
import { issueAt, RequestError } from "../problem.ts";
import { registerInstance } from "../register-instance.ts";
import type { Router } from "../router.ts";
import { refTo } from "../schemas.ts";

const tags = ["Providers"];
/** Its form is looked at where one is made: another is the id of no instance, 404. */
const path = z.object({ id: z.string().describe("The instance's id.") });
const shown = answers({ 200: ["Provider", "The instance as it is now."] });

const list = createRoute({
  method: "get",
  path: "/v1/providers",
  tags,
  summary: "List the instances of all protocols, by protocol and id",
  request: {
    query: z.strictObject({ limit, cursor, protocol: z.string().optional().describe("Only of this one.") }),
  },
  responses: answers({ 200: ["ProviderList", "A page of instances."] }),
});

const read = createRoute({
  method: "get",
  path: "/v1/providers/{id}",
  tags,
  summary: "Read an instance: what it offers, its health and its load",
  request: { params: path },
  responses: shown,
});

const put = createRoute({
  method: "put",
  path: "/v1/providers/{id}",
  tags,
  summary: "Register an instance, or change it",
  description:
    "It is looked at at once. Headers are secret: kept encrypted, sent to the instance, never shown. Left out, they stay as they are as long as the host does; {} removes them.",
  request: {
    params: z.object({ id: resourceName.describe("Its id, one over all protocols.") }),
    body: { required: true, content: { "application/json": { schema: refTo("ProviderRequest") } } },
  },
  responses: answers({
    200: ["Provider", "The instance, changed."],
    201: ["Provider", "The instance, new."],
  }),
});

const remove = createRoute({
  method: "delete",
  path: "/v1/providers/{id}",
  tags,
  summary: "Remove an instance; calls at it end as they end",
  request: { params: path },
  responses: { ...answers({}), 204: { description: "It is gone." } },
});

const discovery = createRoute({
  method: "post",
  path: "/v1/providers/discover",
  tags,
  summary: "Look at the candidate addresses, and register who answers",
  responses: answers({ 200: ["DiscoveryReport", "Who was found, and where nobody was."] }),
});

const check = createRoute({
  method: "post",
  path: "/v1/providers/{id}/check",
  tags,
  summary: "Ask an instance how it is, now",
  request: { params: path },
  responses: shown,
});

export function serveProviders(app: Router): void {
  app.openapi(list, async (c) => {
    const { protocol, ...page } = c.req.valid("query");
    const instances = await listInstances(c.env, await protocolsAsked(c.env, protocol));
    return c.json(pageOf(instances, (one) => `${one.protocol} ${one.id}`, page));
  });

  app.openapi(read, async (c) =>
    c.json(await viewInstance(c.env, await locate(c.env, c.req.valid("param").id))),
  );

  app.openapi(put, async (c) => {
    const { id } = c.req.valid("param");
    const { view, isNew } = await registerInstance(
      c.env,
      id,
      await readObject(c.req.raw, LIMITS.metadataBytes),
    );
    return isNew ? c.json(view, 201, { Location: `/v1/providers/${id}` }) : c.json(view, 200);
  });

  app.openapi(remove, async (c) => {
    const { protocol, instance } = await locate(c.env, c.req.valid("param").id);
    unwrap(await askHub(c.env, protocol, (hub) => hub.remove(instance.id)));
    return c.body(null, 204);
  });

  app.openapi(discovery, async (c) => c.json(await discover(c.env)));

  app.openapi(check, async (c) =>
    c.json(await checkInstance(c.env, await locate(c.env, c.req.valid("param").id))),
  );
}

/** Strict: a misspelled filter must not look like an empty list. */
async function protocolsAsked(env: Env, protocol: string | undefined): Promise<string[]> {
  const names = await hubNames(env);
  if (protocol === undefined) return names;
  if (names.includes(protocol)) return [protocol];
  const message = `protocol: ${JSON.stringify(protocol.slice(0, LIMITS.nameChars))} has no instances; those that have are ${names.join(", ")}`;
  throw new RequestError("invalid_request", message, [issueAt("protocol", message)]);
}
