/**
 * A copy of history from one backend to another, in steps that keep nothing between them: what one answers is given to
 * the next. One that broke off goes on with the last answer, or begins anew: what is there is not written again.
 */
import type { TransferProgress } from "../contract/api.ts";
import type { RunId } from "../contract/id.ts";
import { isJsonObject } from "../contract/json.ts";
import type { Projection, RunHistory, RunVersion } from "./run-history.ts";

export type TransferSource = Pick<RunHistory, "page">;
export type TransferTarget = Pick<RunHistory, "read" | "write">;

/** The platform lets a Worker wait for the answers of 6 connections. */
const READS_AT_ONCE = 6;
const NO_RUNS = { runs: 0, digest: "0".repeat(64) };
const START: TransferProgress = {
  after: null,
  copied: 0,
  from: NO_RUNS,
  to: NO_RUNS,
  isDone: false,
  isEqual: true,
};

/**
 * Copies the next page and says how far the copy is. Changes nothing in `from`, and in `to` only runs of that page.
 *
 * Both sides tell of the same runs: those of the source that were looked at, as each side has them. A run of which the
 * target has a later revision has gone on there, and is left alone: nothing is lacking, though the digests differ.
 * `isEqual` holds so far: it turns false where the target lacks a run after all, or has it older or other.
 */
export async function transferStep(
  from: TransferSource,
  to: TransferTarget,
  progress: TransferProgress = START,
): Promise<TransferProgress> {
  if (progress.isDone) return progress;
  const page = await from.page(progress.after ?? undefined);
  const last = page.at(-1);
  if (last === undefined) return { ...progress, isDone: true };
  const wanted = await Promise.all(page.map(versionOf));
  const { copied, found } = await copy(page, wanted, to);
  return {
    after: last.summary.id,
    copied: progress.copied + copied,
    from: add(progress.from, wanted),
    to: add(progress.to, [...found.values()]),
    isDone: false,
    isEqual: progress.isEqual && wanted.every((one) => isThere(one, found)),
  };
}

/** `hash` is of all that is kept of it, so it tells two of the same revision apart. */
type Version = RunVersion & { hash: bigint };
type Found = Map<RunId, Version>;

/** What was written is read again: who moves to the target may drop the source after this. */
async function copy(page: Projection[], wanted: Version[], to: TransferTarget) {
  const before = await findVersions(to, wanted);
  const lacking = wanted.filter((one) => !isThere(one, before));
  if (lacking.length === 0) return { copied: 0, found: before };
  const ids = new Set(lacking.map(({ id }) => id));
  // `write` takes later revisions only, but for what it replaces: another content of the same one.
  const others = lacking.filter(({ id, revision }) => before.get(id)?.revision === revision);
  const replaced = others.map(({ id, revision }) => ({ id, revision }));
  await to.write(
    page.filter(({ summary }) => ids.has(summary.id)),
    replaced,
  );
  const kept = [...before].filter(([id]) => !ids.has(id));
  return { copied: lacking.length, found: new Map([...kept, ...(await findVersions(to, lacking))]) };
}

function isThere({ id, revision, hash }: Version, found: Found): boolean {
  const version = found.get(id);
  return version !== undefined && (version.revision > revision || version.hash === hash);
}

async function findVersions(to: TransferTarget, wanted: Version[]): Promise<Found> {
  const found: Found = new Map();
  const waiting = wanted.values();
  const readOn = async () => {
    for (const { id } of waiting) {
      const projection = await to.read(id);
      if (projection !== undefined) found.set(id, await versionOf(projection));
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, readOn));
  return found;
}

const encoder = new TextEncoder();

/** Of the summary as JSON in one spelling, which has no line end of its own, and the record behind it. */
async function versionOf({ revision, summary, record }: Projection): Promise<Version> {
  const head = encoder.encode(`${JSON.stringify([revision, summary], withSortedKeys)}\n`);
  const bytes = new Uint8Array(head.length + record.length);
  bytes.set(head);
  bytes.set(record, head.length);
  const view = new DataView(await crypto.subtle.digest("SHA-256", bytes));
  const hash = [0, 8, 16, 24].reduce((value, at) => (value << 64n) | view.getBigUint64(at), 0n);
  return { id: summary.id, revision, hash };
}

/** Backends may give the keys of an object back in another order. */
function withSortedKeys(_key: string, value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A sum of hashes does not depend on the order, and no two changes cancel each other out as in an exclusive or. */
function add({ runs, digest }: TransferProgress["from"], versions: Version[]): TransferProgress["from"] {
  const sum = versions.reduce((total, { hash }) => total + hash, BigInt(`0x${digest}`));
  return { runs: runs + versions.length, digest: BigInt.asUintN(256, sum).toString(16).padStart(64, "0") };
}
