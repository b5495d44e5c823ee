/** `PUT /v1/providers/{id}`: an instance written down by its hub, its headers sealed, and looked at at once. */
import { protocolsOf } from "../catalog/protocols.ts";
import { codeOf, GleitzeitError } from "../contract/error.ts";
import type { JsonObject } from "../contract/json.ts";
import type { InstanceView, ProviderRequest } from "../contract/provider.ts";
import type { Instance } from "../contract/sync.ts";
import type { Env } from "../env.ts";
import type { InstanceSpec } from "../providers/hub/spec.ts";
import { sealHeaders, sealingContext } from "../providers/secret.ts";
import { unwrap } from "../reply.ts";
import { settingsOf } from "../settings.ts";
import { askHub } from "./ask-hub.ts";
import { checkInstance, findAmong, hubNames, type Located } from "./instances.ts";
import { issueAt, RequestError } from "./problem.ts";
import { readProvider } from "./provider-request.ts";

/** An instance that a setting named, or that was discovered, is from now on what was said here. */
export async function registerInstance(
  env: Env,
  id: string,
  body: JsonObject,
): Promise<{ view: InstanceView; isNew: boolean }> {
  const { isLocal } = settingsOf(env);
  const request = readProvider(body, { protocols: await protocolsOf(env), isLocal });
  const { protocol, strategy } = request;
  const known = await findAmong(env, id, await hubNames(env));
  refuseTaken(known, protocol);
  const spec = specOf(id, request, await sealed(env, id, request, known?.instance));
  unwrap(await askHub(env, protocol, (hub) => hub.put(spec, strategy)));
  if (known === undefined) await yieldToOther(env, { protocol, instance: instanceOf(spec) });
  const view = await checkInstance(env, { protocol, instance: instanceOf(spec) });
  return { view, isNew: known === undefined };
}

/** Of two that took a new id at once, at two hubs, one goes: the one whose protocol has the later name. */
async function yieldToOther(env: Env, { protocol, instance: { id } }: Located): Promise<void> {
  const others = (await hubNames(env)).filter((name) => name !== protocol);
  const other = await findAmong(env, id, others);
  if (other === undefined) return;
  const later = other.protocol < protocol ? protocol : other.protocol;
  unwrap(await askHub(env, later, (hub) => hub.remove(id)));
  if (later === protocol) refuseTaken(other, protocol);
}

function refuseTaken(known: Located | undefined, protocol: string): void {
  if (known === undefined || known.protocol === protocol) return;
  const { id } = known.instance;
  const message = `"${id}" is an instance of ${known.protocol}; choose another id, or DELETE /v1/providers/${id} first`;
  throw new GleitzeitError("conflict", message);
}

/** What is not said stays as it was, at the same host: a secret is not sent to where nobody has said that it belongs. */
async function sealed(
  env: Env,
  id: string,
  { protocol, url, headers }: ProviderRequest,
  known: Instance | undefined,
): Promise<string | undefined> {
  if (headers === undefined)
    return known !== undefined && isSameHost(known.url, url) ? known.sealedHeaders : undefined;
  if (Object.keys(headers).length === 0) return undefined;
  try {
    return await sealHeaders(headers, {
      key: settingsOf(env).secretKey,
      context: sealingContext(protocol, id),
    });
  } catch (thrown) {
    if (codeOf(thrown) !== "invalid_request" || !(thrown instanceof Error)) throw thrown;
    throw new RequestError("invalid_request", `body: ${thrown.message}`, [
      issueAt("headers", thrown.message),
    ]);
  }
}

function isSameHost(one: string, other: string): boolean {
  return URL.parse(one)?.origin === URL.parse(other)?.origin;
}

function specOf(id: string, request: ProviderRequest, sealedHeaders: string | undefined): InstanceSpec {
  const { kind, url, weight, maxConcurrent, tags, allowPull } = request;
  return {
    id,
    kind,
    url,
    source: "registered",
    weight,
    tags,
    allowPull,
    ...(sealedHeaders === undefined ? {} : { sealedHeaders }),
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
  };
}

function instanceOf({ id, kind, url, sealedHeaders, allowPull }: InstanceSpec): Instance {
  return { id, kind, url, allowPull, ...(sealedHeaders === undefined ? {} : { sealedHeaders }) };
}
