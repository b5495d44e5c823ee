/** Any HTTP server that speaks JSON-RPC 2.0, for whatever protocol was registered: methods and params go as they are. */
import { isJsonObject, type Json } from "../contract/json.ts";
import { ask } from "./ask.ts";
import { type Advice, ProviderError } from "./failure.ts";
import { callJsonRpc } from "./json-rpc.ts";
import type { Call, Context, Description, Health, Provider, Reach, Reply } from "./provider.ts";

const ADVICE: Advice = {
  start: "start its server, or register it at the URL where it runs now: PUT /v1/providers/{id}",
  credentials: "register it again with the headers that it asks for: PUT /v1/providers/{id}",
};

export const JSONRPC: Provider = { kind: "jsonrpc", execute, health, describe };

/** Params and result are compared with the protocol's schemas by who calls this. */
async function execute({ method, params }: Call, context: Context): Promise<Reply> {
  return { result: await callJsonRpc(context, method, params, ADVICE) };
}

async function health(reach: Reach): Promise<Health> {
  try {
    const { version } = await describe(reach);
    return { healthy: true, ...(version === undefined ? {} : { version }) };
  } catch (thrown) {
    if (thrown instanceof ProviderError) return { healthy: false, reason: thrown.message };
    throw thrown;
  }
}

/** By OpenRPC's `rpc.discover`. Who does not know it but answers in JSON-RPC is as good; else `GET /health` may say so. */
async function describe(reach: Reach): Promise<Description> {
  try {
    const said = await callJsonRpc({ ...reach, idempotencyKey: "discover" }, "rpc.discover", {}, ADVICE);
    const version = versionIn(said);
    return version === undefined ? {} : { version };
  } catch (thrown) {
    if (!(thrown instanceof ProviderError)) throw thrown;
    const { rpcCode, status } = thrown.details ?? {};
    if (rpcCode !== undefined) return {};
    const isMissing = status === 404 || status === 405;
    if (isMissing && (await hasHealthyPage(reach))) return {};
    throw thrown;
  }
}

/** `info.version` in OpenRPC; simpler servers have it at the top. */
function versionIn(said: Json): string | undefined {
  if (!isJsonObject(said)) return undefined;
  const info = isJsonObject(said["info"]) ? said["info"] : said;
  const version = info["version"];
  return typeof version === "string" ? version : undefined;
}

async function hasHealthyPage(reach: Reach): Promise<boolean> {
  // It stands beside where calls are taken.
  const instance = { ...reach.instance, url: reach.instance.url.replace(/\/rpc\/?$/, "") };
  const response = await ask({ ...reach, instance }, { path: "/health", advice: ADVICE });
  await response.body?.cancel();
  return response.ok;
}
