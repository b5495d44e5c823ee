/**
 * Looking at instances and at addresses where there may be some: who is healthy, and what they offer. Executors and
 * ingress do it for the hubs, which never wait for a provider. It never rejects: what goes wrong is what was seen.
 */
import { codeOf } from "../contract/error.ts";
import { encodeJson } from "../contract/json.ts";
import { CAPACITY, LIMITS, TIMING } from "../contract/limits.ts";
import type { Instance } from "../contract/sync.ts";
import { discoveredInstance } from "./discover.ts";
import { ProviderError } from "./failure.ts";
import { checkUrl, guardFetch } from "./guard.ts";
import type { Candidate, Found, LookReport, Offering, Seen, Sights } from "./hub/spec.ts";
import { findProvider } from "./index.ts";
import type { Description, Endpoint, Health, Provider, Reach } from "./provider.ts";

/** `open` gives an instance with its secret headers. The times are those of `TIMING` where none is given. */
export type Circumstances = {
  isLocal: boolean;
  fetch: typeof fetch;
  open: (instance: Instance) => Promise<Endpoint>;
  probeMs?: number;
  lookMs?: number;
};

// The report must be there before its hub gives it up.
const REPORT_MS = 1000;

/** Of instances that there was no time for nothing is said. */
export async function lookAround(look: Sights, circumstances: Circumstances): Promise<LookReport> {
  const { probeMs = TIMING.probeMs, lookMs = TIMING.lookMs - REPORT_MS } = circumstances;
  const looker: Looker = { ...circumstances, probeMs, end: AbortSignal.timeout(lookMs) };
  const looks = [
    ...look.instances.map((instance) => () => lookAt(instance, looker)),
    ...look.candidates.map((candidate) => () => lookFor(candidate, looker)),
  ];
  const report: LookReport = { protocol: look.protocol, instances: [], found: [], notFound: [] };
  for (const sight of await inTurns(looks)) {
    if (sight.seen !== undefined) report.instances.push(sight.seen);
    if (sight.found !== undefined) report.found.push(sight.found);
    if (sight.notFound !== undefined) report.notFound.push(sight.notFound);
  }
  return report;
}

type Sight = { seen?: Seen; found?: Found; notFound?: Candidate & { reason: string } };
type Looker = Omit<Circumstances, "lookMs"> & { probeMs: number; end: AbortSignal };

/** As many at a time as an executor may have connections that wait for headers; the answers in their order. */
async function inTurns<Answer>(tasks: (() => Promise<Answer>)[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  const queue = tasks.entries();
  const lane = async () => {
    for (const [index, task] of queue) answers[index] = await task();
  };
  await Promise.all(Array.from({ length: CAPACITY.unansweredCalls }, lane));
  return answers;
}

async function lookAt(instance: Instance, looker: Looker): Promise<Sight> {
  const { id, kind, url } = instance;
  const startedAt = Date.now();
  const latency = () => Math.max(0, Date.now() - startedAt);
  try {
    const state = await probe(kind, url, looker, async (provider, reach) =>
      stateOf(provider, { ...reach, instance: await looker.open(instance) }),
    );
    return { seen: { id, url, latencyMs: latency(), ...state } };
  } catch (thrown) {
    if (looker.end.aborted) return {};
    const health: Health = { healthy: false, reason: reasonFor(thrown, kind, looker) };
    return { seen: { id, url, latencyMs: latency(), health } };
  }
}

/** Who can describe itself is healthy; of others their health says it. */
async function stateOf(provider: Provider, reach: Reach): Promise<Pick<Seen, "health" | "offering">> {
  try {
    const offering = offeringOf(await provider.describe(reach));
    const { version } = offering;
    return { health: { healthy: true, ...(version === undefined ? {} : { version }) }, offering };
  } catch (thrown) {
    // Nobody there: asking again would only take as long once more.
    if (reach.signal.aborted || codeOf(thrown) === "connection_failed") throw thrown;
    return { health: await provider.health(reach) };
  }
}

/** Without any secret: whoever answers there may be anybody. */
async function lookFor(candidate: Candidate, looker: Looker): Promise<Sight> {
  const { kind, url } = candidate;
  try {
    const offering = await probe(kind, url, looker, async (provider, reach) => {
      const { id } = discoveredInstance({ ...candidate, offering: {} });
      return offeringOf(await provider.describe({ ...reach, instance: { id, url } }));
    });
    return { found: { ...candidate, offering } };
  } catch (thrown) {
    const isSilent = codeOf(thrown) === "connection_failed";
    const reason = isSilent ? "nobody answers there" : reasonFor(thrown, kind, looker);
    return { notFound: { ...candidate, reason } };
  }
}

/** One conversation with a provider, which ends in time whether or not the provider heeds its signal. */
async function probe<Answer>(
  kind: string,
  url: string,
  { end, probeMs, isLocal, fetch }: Looker,
  speak: (provider: Provider, reach: Omit<Reach, "instance">) => Promise<Answer>,
): Promise<Answer> {
  end.throwIfAborted();
  checkUrl(url, { isLocal });
  const provider = findProvider(kind);
  if (provider === undefined)
    throw new ProviderError("no_provider", `there is no provider of kind "${kind}"`);
  const signal = AbortSignal.any([end, AbortSignal.timeout(probeMs)]);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const leave = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([speak(provider, { signal, fetch: guardFetch(fetch, { isLocal }) }), late]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** Tools by name only, and no more of anything than the hub keeps. */
function offeringOf({ models, loaded, tools, server, version, maxConcurrent }: Description): Offering {
  const offering: Offering = {};
  if (models !== undefined) offering.models = namesIn(models, LIMITS.instanceModels);
  if (loaded !== undefined) offering.loaded = namesIn(loaded, LIMITS.instanceModels);
  if (tools !== undefined) {
    offering.tools = namesIn(
      tools.map(({ name }) => name),
      LIMITS.instanceTools,
    );
  }
  if (server !== undefined) offering.server = server.slice(0, LIMITS.nameChars);
  if (version !== undefined) offering.version = version.slice(0, LIMITS.nameChars);
  if (maxConcurrent !== undefined && maxConcurrent >= 1) offering.maxConcurrent = Math.floor(maxConcurrent);
  return offering;
}

function namesIn(names: string[], most: number): string[] {
  let bytes = 0;
  return [...new Set(names)]
    .filter((name) => name.length <= LIMITS.nameChars)
    .slice(0, most)
    .filter((name) => {
      bytes += encodeJson(name).byteLength;
      return bytes <= LIMITS.offeredBytes;
    });
}

/** Our own errors say what is wrong without secrets; what others throw may quote headers, so only its name is said. */
function reasonFor(thrown: unknown, kind: string, { end, probeMs }: Looker): string {
  if (end.aborted) return "there was no time to look there";
  const name = thrown instanceof Error && /^\w{1,40}$/.test(thrown.name) ? thrown.name : typeof thrown;
  if (name === "TimeoutError") return `no answer within ${probeMs / 1000} s`;
  if (thrown instanceof Error && codeOf(thrown) !== "internal") {
    return thrown.message.slice(0, LIMITS.errorMessageChars);
  }
  return `the provider of kind "${kind}" failed in a way of its own (${name})`;
}
