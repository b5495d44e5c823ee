/** History as simply as it can be said: what every backend must agree with. */
import type { RunId } from "../../src/contract/id.ts";
import { hasEnded } from "../../src/contract/run.ts";
import type { Projection, RunFilter, RunHistory, RunVersion } from "../../src/history/run-history.ts";

export type Model = Map<RunId, Projection>;

export function writeModel(model: Model, batch: readonly Projection[]): void {
  for (const projection of batch) {
    const known = model.get(projection.summary.id);
    if (known === undefined || projection.revision > known.revision) {
      model.set(projection.summary.id, projection);
    }
  }
}

export function removeModel(model: Model, versions: readonly RunVersion[]): void {
  for (const { id, revision } of versions) if (model.get(id)?.revision === revision) model.delete(id);
}

export function pruneModel(model: Model, before: number, limit: number): number {
  const ended = inOrder(model).filter(
    ({ summary }) => hasEnded(summary.status) && Date.parse(summary.finishedAt ?? "") < before,
  );
  for (const { summary } of ended.slice(0, limit)) model.delete(summary.id);
  return Math.min(ended.length, limit);
}

/** Newest first. */
export function listModel(model: Model, { status, workflow, tag, since, until }: RunFilter): RunId[] {
  const found = inOrder(model)
    .map(({ summary }) => summary)
    .filter(
      (run) =>
        (status === undefined || run.status === status) &&
        (workflow === undefined || run.workflow.name === workflow) &&
        (tag === undefined ||
          Object.entries(run.tags).some((has) => `${has}` === `${[tag.key, tag.value]}`)) &&
        (since === undefined || run.createdAt >= since) &&
        (until === undefined || run.createdAt < until),
    );
  return found.map(({ id }) => id).reverse();
}

export const inOrder = (model: Model): Projection[] =>
  [...model.values()].sort((one, other) => (one.summary.id < other.summary.id ? -1 : 1));

// More pages than any test has.
const PAGES_MOST = 200;

/** All that a list gives, page after page; `between` happens after each page that has a next one. */
export async function walkList(
  history: RunHistory,
  filter: RunFilter,
  limit: number,
  between: (ids: readonly RunId[]) => Promise<void> = async () => {},
): Promise<RunId[]> {
  const ids: RunId[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MOST; page++) {
    const { items, nextCursor } = await history.list(filter, { limit, cursor });
    ids.push(...items.map(({ id }) => id));
    if (nextCursor === null) return ids;
    cursor = nextCursor;
    await between(ids);
  }
  throw new Error(`the list has more than ${PAGES_MOST} pages`);
}

/** All that there is, by `page`; each list is one page. */
export async function walkPages(history: RunHistory): Promise<Projection[][]> {
  const pages: Projection[][] = [];
  for (let page = 0; page < PAGES_MOST; page++) {
    const found = await history.page(pages.at(-1)?.at(-1)?.summary.id);
    if (found.length === 0) return pages;
    pages.push(found);
  }
  throw new Error(`history has more than ${PAGES_MOST} pages`);
}
