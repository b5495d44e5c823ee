/** Runs for tests of history: small, ended, alike but for what a test says. */
import { makeRunId } from "../../src/contract/id.ts";
import { encodeJson, type Json } from "../../src/contract/json.ts";
import type { RunSummary } from "../../src/contract/run.ts";
import type { Projection } from "../../src/history/run-history.ts";

export const NOON = Date.parse("2026-11-01T12:00:00.000Z");

/** Run `number`, made at `createdAtMs`: one number and one time are always one id. */
export function sampleRun(
  number: number,
  differing: Partial<RunSummary> = {},
  createdAtMs = NOON,
): RunSummary {
  const createdAt = new Date(createdAtMs).toISOString();
  return {
    id: sampleId(number, createdAtMs),
    workflow: { name: "greet" },
    status: "completed",
    generation: 1,
    trigger: { kind: "api" },
    createdAt,
    finishedAt: createdAt,
    inputs: {},
    tags: {},
    metadata: {},
    progress: {
      total: 1,
      waiting: 0,
      queued: 0,
      running: 0,
      retrying: 0,
      completed: 1,
      failed: 0,
      skipped: 0,
      cancelled: 0,
    },
    ...differing,
  };
}

export function sampleProjection(summary: RunSummary, revision = 5, record: Json = {}): Projection {
  return { revision, summary, record: encodeJson(record) };
}

function sampleId(number: number, createdAtMs: number): string {
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(0, number);
  return makeRunId(createdAtMs, bytes);
}
