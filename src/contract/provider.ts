/** Instances of providers: how they are registered, what is known of them, and how they are shown. */
import * as z from "zod";
import { LIMITS } from "./limits.ts";

/** The name of an instance, a protocol, a workflow: what stands in a URL. */
export const resourceName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}$/,
    "must be a-z, 0-9, _ and -, at most 64, and begin with a letter or digit",
  );

export const PROVIDER_KINDS = ["ollama", "mcp", "python", "jsonrpc"] as const;
export const providerKind = z.enum(PROVIDER_KINDS);
export type ProviderKind = z.infer<typeof providerKind>;

/** How a hub chooses among the instances that can take a call; see src/providers/hub/choose.ts. */
export const STRATEGIES = ["least_loaded", "round_robin", "weighted", "sticky"] as const;
export const strategy = z.enum(STRATEGIES);
export type Strategy = z.infer<typeof strategy>;

const instanceTag = z.string().min(1).max(LIMITS.tagChars);

/**
 * The body of `PUT /v1/providers/{id}`. `headers` are secret: kept encrypted, sent to the instance, never shown.
 * `strategy` is that of all the protocol's instances. `allowPull`: a model that the instance lacks may be pulled.
 */
export const providerRequest = z.strictObject({
  protocol: z.string().min(1).max(LIMITS.nameChars),
  kind: providerKind,
  url: z.string().min(1).max(LIMITS.urlChars),
  headers: z.record(z.string().min(1), z.string().max(LIMITS.headerChars)).optional(),
  weight: z.number().min(0.01).max(1000).default(1),
  maxConcurrent: z.int().min(1).max(1000).optional(),
  tags: z.array(instanceTag).max(LIMITS.tags).default([]),
  strategy: strategy.optional(),
  allowPull: z.boolean().default(false),
});
export type ProviderRequest = z.infer<typeof providerRequest>;

/** Who said that there is this instance: a person (`PUT`), a setting, or discovery. The first are never overwritten. */
export const instanceSource = z.enum(["registered", "configured", "discovered"]);
export type InstanceSource = z.infer<typeof instanceSource>;

export const breakerState = z.enum(["closed", "open", "half_open"]);
export type BreakerState = z.infer<typeof breakerState>;

const time = z.iso.datetime();

/** An instance as it is shown. `url` is its origin: a path or a query may hold a secret. Latency is milliseconds a call. */
export const instanceView = z.object({
  id: z.string(),
  protocol: z.string(),
  kind: providerKind,
  url: z.string(),
  source: instanceSource,
  hasHeaders: z.boolean(),
  weight: z.number(),
  maxConcurrent: z.int(),
  tags: z.array(z.string()),
  allowPull: z.boolean(),
  strategy,
  version: z.string().optional(),
  models: z.array(z.object({ name: z.string(), loaded: z.boolean() })).optional(),
  tools: z.array(z.string()).optional(),
  health: z.object({
    status: z.enum(["healthy", "unhealthy", "unknown"]),
    checkedAt: time.optional(),
    reason: z.string().optional(),
  }),
  breaker: z.object({ state: breakerState, retryAt: time.optional() }),
  /** Calls at it now, those kept for invited runs included. */
  load: z.int(),
  calls: z.object({ answered: z.int(), failed: z.int() }),
  latencyMs: z.number().optional(),
});
export type InstanceView = z.infer<typeof instanceView>;

export const providerList = z.object({ items: z.array(instanceView), nextCursor: z.string().nullable() });

/** What `POST /v1/providers/discover` looked at: each address, and who answered there or why nobody did. */
export const discoveryReport = z.object({
  found: z.array(z.object({ id: z.string(), protocol: z.string(), kind: providerKind, url: z.string() })),
  notFound: z.array(
    z.object({ protocol: z.string(), kind: providerKind, url: z.string(), reason: z.string() }),
  ),
});
export type DiscoveryReport = z.infer<typeof discoveryReport>;
