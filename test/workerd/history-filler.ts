/** The Worker with one more door, to each backend of history: fills it with runs that never were, and asks it. */
import * as z from "zod";
import { historyBackend } from "../../src/contract/api.ts";
import { makeRunId } from "../../src/contract/id.ts";
import { encodeJson } from "../../src/contract/json.ts";
import { hasEnded, type RunStatus, type RunSummary } from "../../src/contract/run.ts";
import type { Invitation } from "../../src/contract/sync.ts";
import type { Env, HistoryMessage } from "../../src/env.ts";
import { openHistory } from "../../src/history/open.ts";
import type { Projection, RunHistory } from "../../src/history/run-history.ts";
import worker from "../../src/worker.ts";
import { type HistoryAct, historyAct } from "./history-act.ts";

export * from "../../src/worker.ts";

const asked = z.object({ backend: historyBackend, act: historyAct });

/** The last of the past was yesterday. */
const APART_MS = 30 * 60_000;
const LAST_MS = 86_400_000;
/** Primes, so that each tenant and each workflow has runs of every status. */
const WORKFLOWS = 19;
const TENANTS = 53;
/** Of an ended run of five tasks with its journal. */
const RECORD_CHARS = 2000;

export default {
  ...worker,
  async fetch(request, env, context): Promise<Response> {
    if (new URL(request.url).pathname !== "/bench/history") return await worker.fetch(request, env, context);
    const { backend, act } = asked.parse(await request.json());
    return Response.json((await perform(openHistory(env, backend), act)) ?? null);
  },
} satisfies ExportedHandler<Env, Invitation | HistoryMessage>;

/** What is answered is short: the time that it takes to arrive is nobody's. */
async function perform(history: RunHistory, act: HistoryAct): Promise<unknown> {
  const now = Date.now();
  switch (act.type) {
    case "nothing":
      return undefined;
    case "fill":
      return await history.write(inventRuns(act, (number) => now - LAST_MS - number * APART_MS));
    case "write":
      return await history.write(inventRuns(act, () => now));
    case "rewrite":
      return await history.write([inventRun(act.number, act.createdAt, "running", act.revision)]);
    case "list": {
      const { items } = await history.list(act.filter, { limit: act.limit });
      return { count: items.length, id: items[0]?.id };
    }
    case "read":
      return (await history.read(act.id))?.revision;
    case "count":
      return await history.count();
    case "prune":
      return await history.prune(act.before, act.limit);
    default:
      return act satisfies never;
  }
}

type Numbers = { first: number; count: number };

function inventRuns({ first, count }: Numbers, createdAtOf: (number: number) => number): Projection[] {
  const numbers = Array.from({ length: count }, (_, offset) => first + offset);
  return numbers.map((number) => inventRun(number, createdAtOf(number), statusOf(number), 12));
}

/** The same number gives the same run but for its time. */
function inventRun(number: number, createdAt: number, status: RunStatus, revision: number): Projection {
  const time = new Date(createdAt).toISOString();
  const isOver = hasEnded(status);
  const summary: RunSummary = {
    id: makeRunId(createdAt, bytesOf(number)),
    workflow: { name: `workflow-${number % WORKFLOWS}` },
    status,
    generation: 1,
    trigger: { kind: "api" },
    createdAt: time,
    startedAt: time,
    ...(isOver ? { finishedAt: new Date(createdAt + 1000).toISOString() } : {}),
    inputs: { number },
    tags: { tenant: `tenant-${number % TENANTS}` },
    metadata: {},
    progress: progressOf(status),
  };
  // History does not look into it.
  const record = isOver ? encodeJson({ padding: "x".repeat(RECORD_CHARS) }) : new Uint8Array();
  return { revision, summary, record };
}

/** One of twenty-five fails, one of a hundred is cancelled. */
function statusOf(number: number): RunStatus {
  if (number % 100 === 99) return "cancelled";
  return number % 25 === 7 ? "failed" : "completed";
}

function progressOf(status: RunStatus): RunSummary["progress"] {
  const completed = status === "completed" ? 5 : 4;
  const none = { waiting: 0, queued: 0, running: 0, retrying: 0, skipped: 0 };
  const rest = { ...none, failed: 0, cancelled: 0 };
  if (completed === 5) return { total: 5, ...rest, completed };
  const last = status === "failed" || status === "cancelled" ? status : "running";
  return { total: 5, ...rest, completed, [last]: 1 };
}

function bytesOf(number: number): Uint8Array {
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}
