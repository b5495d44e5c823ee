/** The instances of all hubs: found by an id that is one over all of them, looked at, and shown. */
import { findShipped, protocolsOf } from "../catalog/protocols.ts";
import { GleitzeitError } from "../contract/error.ts";
import type { InstanceView } from "../contract/provider.ts";
import type { Instance } from "../contract/sync.ts";
import type { Env } from "../env.ts";
import { openInstance } from "../providers/endpoint.ts";
import type { LookReport, Sights } from "../providers/hub/spec.ts";
import { lookAround } from "../providers/look.ts";
import { PROTOCOLS } from "../providers/protocols/index.ts";
import { settingsOf } from "../settings.ts";
import { askHub } from "./ask-hub.ts";

/** Whose calls are answered without any instance. */
const WITHOUT_INSTANCES = "echo/v1";

export type Located = { protocol: string; instance: Instance };

/** Protocols that can have instances, in the order of their names. */
export async function hubNames(env: Env): Promise<string[]> {
  return namesOf(await protocolsOf(env));
}

export async function listInstances(env: Env, protocols: string[]): Promise<InstanceView[]> {
  const lists = await Promise.all(protocols.map((protocol) => askHub(env, protocol, (hub) => hub.list())));
  return lists.flatMap((list) => list.toSorted((one, other) => (one.id < other.id ? -1 : 1)));
}

/** Looks where the protocols that ship are first: that takes no question to D1. Throws `not_found`. */
export async function locate(env: Env, id: string): Promise<Located> {
  const shipped = await findAmong(env, id, namesOf(PROTOCOLS));
  const found = shipped ?? (await findAmong(env, id, (await hubNames(env)).filter(isRegistered)));
  if (found !== undefined) return found;
  throw new GleitzeitError(
    "not_found",
    `there is no instance "${id.slice(0, 64)}"; GET /v1/providers lists those there are`,
  );
}

export async function findAmong(env: Env, id: string, protocols: string[]): Promise<Located | undefined> {
  const found = await Promise.all(
    protocols.map(async (protocol): Promise<Located[]> => {
      const instance = await askHub(env, protocol, (hub) => hub.find(id));
      return instance === undefined ? [] : [{ protocol, instance }];
    }),
  );
  return found.flat()[0];
}

/** Throws `not_found` where it is gone meanwhile. */
export async function viewInstance(env: Env, { protocol, instance: { id } }: Located): Promise<InstanceView> {
  return viewIn(await askHub(env, protocol, (hub) => hub.list()), id);
}

/** Asks the instance how it is, and tells its hub. Takes as long as one probe may. */
export async function checkInstance(env: Env, { protocol, instance }: Located): Promise<InstanceView> {
  const { list } = await lookAndTell(env, { protocol, instances: [instance], candidates: [] });
  return viewIn(list, instance.id);
}

/** `list`: the instances that the hub has now. */
export async function lookAndTell(
  env: Env,
  look: Sights,
): Promise<{ report: LookReport; list: InstanceView[] }> {
  const report = await lookAround(look, {
    isLocal: settingsOf(env).isLocal,
    fetch: (input, init) => fetch(input, init),
    open: (instance) => openInstance(look.protocol, instance, env),
  });
  await askHub(env, look.protocol, (hub) => hub.looked(report));
  return { report, list: await askHub(env, look.protocol, (hub) => hub.list()) };
}

function viewIn(list: InstanceView[], id: string): InstanceView {
  const found = list.find((instance) => instance.id === id);
  if (found !== undefined) return found;
  throw new GleitzeitError("not_found", `instance "${id}" was removed just now`);
}

function namesOf(protocols: readonly { name: string }[]): string[] {
  const names = protocols.map(({ name }) => name);
  return names.filter((name) => name !== WITHOUT_INSTANCES).toSorted();
}

const isRegistered = (protocol: string): boolean => findShipped(protocol) === undefined;
