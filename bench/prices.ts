/**
 * List prices of November 2026 beyond what a plan includes, in dollars for a million units, and what others bill for the
 * same work, with where each was read; a date is that of the text.
 */

/** What the platform bills us for. Seconds of an object are billed as if it had 128 MB, whatever it uses. */
const PRICES = {
  "Worker requests": 0.3,
  "Worker CPU, ms": 0.02,
  "object requests": 0.15,
  "object duration, GB-s": 12.5,
  "object rows written": 1,
  "object rows read": 0.001,
  "object storage, GB-months": 200_000,
  "D1 rows written": 1,
  "D1 rows read": 0.001,
  "D1 storage, GB-months": 750_000,
  "queue operations": 0.4,
  "KV reads": 0.5,
  "KV writes": 5,
} as const;

export type Item = keyof typeof PRICES;

/** Units that one task used, or dollars for a million tasks. */
export type ByItem = Record<Item, number>;

/** Dollars for a million tasks. */
export function priceOf(usage: ByItem): ByItem {
  const dollars = { ...usage };
  for (const item of itemsOf(usage)) dollars[item] *= PRICES[item];
  return dollars;
}

const itemsOf = (record: ByItem): Item[] =>
  Object.keys(record).filter((name): name is Item => name in PRICES);

export const SOURCES = [
  // Requests and CPU of Workers; only inbound requests count, and invocations of queue consumers are taken for such.
  "https://developers.cloudflare.com/workers/platform/pricing/",
  // An RPC call is a request, and so is an alarm; one that is set is a row, and so is a row that is deleted. Duration is
  // billed while an object runs, or is idle and cannot hibernate since a timer, a fetch, a call to another object or an
  // unanswered request is pending; idle objects that could hibernate cost nothing, even while they have not.
  "https://developers.cloudflare.com/durable-objects/platform/pricing/",
  "https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/",
  "https://developers.cloudflare.com/d1/platform/pricing/",
  // For each message a write, a read for each delivery, and a delete.
  "https://developers.cloudflare.com/queues/platform/pricing/",
  "https://developers.cloudflare.com/kv/platform/pricing/",
  // 0.80 dollars for 100,000 steps from 2026-08-10 on, beside requests and CPU as of Workers.
  "https://developers.cloudflare.com/changelog/post/2026-07-07-workflows-billing-updates/ (2026-07-07)",
  "https://aws.amazon.com/step-functions/pricing/ (Standard, us-east-1: 0.025 for 1,000 transitions)",
  // The page's table is filled by a script; these figures are the well-known ones, as repeated here.
  "https://www.wring.co/blog/aws-step-functions-pricing-guide (Express, 2026-03-14)",
  "https://docs.temporal.io/cloud/pricing (50 for a million actions at first)",
  "https://docs.temporal.io/evaluate/cloud/actions",
] as const;

/** A run: what it has done, in how much time. */
export type Work = { tasks: number; seconds: number; cpuMs: number };

const WORKFLOWS_STEP = 8;
const STATE_TRANSITION = 25;
const EXPRESS_REQUEST = 1;
const EXPRESS_GB_SECOND = 16.67;
const EXPRESS_GB = 64 / 1024;
const TEMPORAL_ACTION = 50;

/**
 * Dollars for a million such runs elsewhere, by list price. Nothing is included for what they store, nor, with Step
 * Functions and Temporal, for the functions and workers that do the work.
 */
export const PEERS: Record<string, (work: Work) => number> = {
  // The request that asks for an instance, and the instance; CPU is taken to be what we use.
  "Cloudflare Workflows": ({ tasks, cpuMs }) =>
    2 * PRICES["Worker requests"] + tasks * WORKFLOWS_STEP + cpuMs * PRICES["Worker CPU, ms"],
  // One into each state, none more for the start and the end.
  "Step Functions Standard": ({ tasks }) => tasks * STATE_TRANSITION,
  // The duration is rounded up to 100 ms; taken to be ours. A run ends after 5 minutes.
  "Step Functions Express": ({ seconds }) =>
    EXPRESS_REQUEST + (Math.ceil(seconds * 10) / 10) * EXPRESS_GB * EXPRESS_GB_SECOND,
  // The start of the workflow, and each activity.
  "Temporal Cloud": ({ tasks }) => (1 + tasks) * TEMPORAL_ACTION,
};
