/** Whether what is listed is what the runs' own objects say: row by row, none missing, none too many. */
import { isDeepStrictEqual } from "node:util";
import { runList, serviceStatus } from "../../src/contract/api.ts";
import type { RunSummary, RunView } from "../../src/contract/run.ts";

const PAGE_ITEMS = 70; // 200 runs are several pages, the last not full
const PAGES_MOST = 1000;

/** What is wrong with history now. A list that is refused is wrong too. */
export async function compareHistory(url: string, views: Map<string, RunView>): Promise<string[]> {
  const listed = await listRuns(url, "whole");
  if (typeof listed === "string") return [listed];
  const ids = listed.map(({ id }) => id);
  const repeated = ids.filter((id, index) => ids.indexOf(id) !== index);
  const rows = new Map(listed.map((row) => [row.id, row]));
  return [
    ...repeated.map((id) => `${id} is listed twice`),
    ...ids.filter((id) => !views.has(id)).map((id) => `${id} is listed, and nobody has submitted it`),
    ...[...views].flatMap(([id, view]) => compareRow(id, rows.get(id), view)),
  ];
}

/** All of them, or what the service says instead. `whole`: not where it says that some may be missing. */
export async function listRuns(url: string, extent?: "whole"): Promise<RunSummary[] | string> {
  const found: RunSummary[] = [];
  let cursor = "";
  for (let pages = 0; pages < PAGES_MOST; pages++) {
    const response = await fetch(`${url}/v1/runs?limit=${PAGE_ITEMS}${cursor}`);
    if (!response.ok) return `GET /v1/runs: ${response.status} ${(await response.text()).slice(0, 300)}`;
    const { items, nextCursor, notice } = runList.parse(await response.json());
    if (extent === "whole" && notice !== undefined) return `GET /v1/runs: ${notice}`;
    found.push(...items);
    if (nextCursor === null) return found;
    cursor = `&cursor=${encodeURIComponent(nextCursor)}`;
  }
  return `GET /v1/runs does not end within ${PAGES_MOST} pages`;
}

/** What has not come to the database yet, and whether runs that are counted are as many as were submitted. */
export async function lookAtStatus(url: string, completed: number): Promise<string[]> {
  const response = await fetch(`${url}/v1/status`);
  if (!response.ok) return [`GET /v1/status: ${response.status} ${(await response.text()).slice(0, 300)}`];
  const { history, runs = {} } = serviceStatus.parse(await response.json());
  const isBehind = history.active !== history.backend || history.behindRuns > 0;
  const others = Object.entries(runs).filter(
    ([status, count]) => count !== (status === "completed" ? completed : 0),
  );
  return [
    ...(isBehind ? [`GET /v1/status: history is ${JSON.stringify(history)}`] : []),
    ...others.map(([status, count]) => `GET /v1/status: ${count} runs are ${status}, of ${completed}`),
  ];
}

function compareRow(id: string, row: RunSummary | undefined, view: RunView): string[] {
  if (row === undefined) return [`${id} is not listed`];
  const { tasks: _, outputs: __, ...expected } = view;
  if (isDeepStrictEqual(row, expected)) return [];
  return [`${id} is listed as ${JSON.stringify(row)}, its object says ${JSON.stringify(expected)}`];
}
