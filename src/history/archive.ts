/** Records of runs whose object is gone: from KV, and from history where KV has none yet. */
import { waitUntil } from "cloudflare:workers";
import { hasEnded } from "../contract/run.ts";
import type { Env } from "../env.ts";
import { settingsOf } from "../settings.ts";
import { historyOf } from "./open.ts";
import type { Projection } from "./run-history.ts";

/** Undefined: there is no such run, or none of which history has all. Throws `unavailable` where history does not answer. */
export async function readRecord(env: Env, id: string): Promise<Uint8Array | undefined> {
  const cached = await env.CACHE.get(keyOf(id), "arrayBuffer").catch(() => null);
  if (cached !== null) return new Uint8Array(cached);
  const found = await historyOf(env).read(id);
  if (found === undefined || !hasEnded(found.summary.status) || found.record.byteLength === 0) {
    return undefined;
  }
  waitUntil(remember(env, found).catch(() => {})); // only a shorter way to the same
  return found.record;
}

const keyOf = (id: string): string => `record/${id}`;

/** KV refuses less. */
const LEAST_SECONDS = 60;
/** Who reads a run reads it now and then for a day; it goes when history lets go of it, if that is sooner. */
const MOST_SECONDS = 86_400;

async function remember(env: Env, { summary, record }: Projection): Promise<void> {
  const { historyMs } = settingsOf(env).retention;
  const leftMs = Date.parse(summary.finishedAt ?? summary.createdAt) + historyMs - Date.now();
  const expirationTtl = Math.min(Math.floor(leftMs / 1000), MOST_SECONDS);
  if (expirationTtl >= LEAST_SECONDS) await env.CACHE.put(keyOf(summary.id), record, { expirationTtl });
}
