/** What waits in one history goes to another, in the order of ids and then from the first again, and is removed. */
import type { RunId } from "../contract/id.ts";
import { inTime } from "./in-time.ts";
import type { Projection, RunHistory } from "./run-history.ts";

/** `after`: where to go on. `isOver`: nothing waits. Where nothing of a page was written it is time for a pause. */
export type Drained = { after: RunId | undefined; isOver: boolean; written: number };

type Source = Pick<RunHistory, "page" | "remove">;
type Target = Pick<RunHistory, "write" | "count">;

/** One page. Where it is not taken together each run is tried alone, so that one that never can be keeps no other. */
export async function drainPage(from: Source, to: Target, after: RunId | undefined): Promise<Drained> {
  const page = await nextPage(from, after);
  const last = page.at(-1)?.summary.id;
  if (last === undefined) return { after: undefined, isOver: true, written: 0 };
  if (await move(page, from, to)) return { after: last, isOver: false, written: page.length };
  if (!(await isAnswering(to))) return { after, isOver: false, written: 0 };
  return await moveAlone(page, from, to);
}

async function nextPage(from: Source, after: RunId | undefined): Promise<Projection[]> {
  const page = await from.page(after);
  return page.length > 0 || after === undefined ? page : await from.page(undefined);
}

/** Where so many are refused, and none before them was taken, those behind them are tried after the pause. */
const REFUSED_MOST = 3;

async function moveAlone(page: Projection[], from: Source, to: Target): Promise<Drained> {
  let [after, written, refused]: [RunId | undefined, number, number] = [undefined, 0, 0];
  for (const one of page) {
    if (written === 0 && refused === REFUSED_MOST) break;
    after = one.summary.id;
    if (await move([one], from, to)) written++;
    else refused++;
  }
  return { after, isOver: false, written };
}

/** It may be that the database fails, and not the runs. */
async function isAnswering(to: Target): Promise<boolean> {
  return await inTime(to.count()).then(
    () => true,
    () => false,
  );
}

async function move(runs: Projection[], from: Source, to: Target): Promise<boolean> {
  try {
    await inTime(to.write(runs));
  } catch (error) {
    console.warn(`history: ${runs.length} runs wait on, since the database did not take them`, String(error));
    return false;
  }
  // One that changed meanwhile is still there.
  await from.remove(runs.map(({ revision, summary }) => ({ id: summary.id, revision })));
  return true;
}
