/** The whole service while its database refuses everything, and after. */
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import { runList, type ServiceStatus, serviceStatus } from "../../src/contract/api.ts";
import { bundleWorker } from "../../src/local/bundle.ts";
import { startWorkerd, type Workerd } from "../../src/local/workerd.ts";
import { openTroubleDesk } from "../chaos/trouble-desk.ts";
import { makeChance } from "../sim/chance.ts";
import { temporaryFolder } from "./process.ts";

const WORKER = fileURLToPath(new URL("../workerd/faulty-worker.ts", import.meta.url));
const ECHO = { name: "echo", tasks: [{ id: "a", method: "echo/echo", params: { message: "hi" } }] };
const PAGE_ITEMS = 2;
// What waits is tried after 5 s, then 10 s later, and each call of the database may take two.
const PATIENCE = { timeout: 60_000, interval: 250 };

const desk = await openTroubleDesk(makeChance(4));
afterAll(() => desk.close());

it("loses no run and delays none while the database refuses all, and lists them all when it is back", {
  timeout: 150_000,
}, async () => {
  const state = temporaryFolder();
  let workerd = await startIn(state);
  const close = async () => await workerd.close();
  try {
    const before = await submit(workerd);
    await expect.poll(() => listed(workerd), PATIENCE).toEqual({ ids: [before], isWhole: true });

    desk.mood = "refusing";
    const during = [await submit(workerd), await submit(workerd), await submit(workerd)];
    // What was listed before may be among them: a run whose history is not sure to have it sends itself again.
    const waiting = { ids: expect.arrayContaining(during), isWhole: false };
    await expect.poll(() => listed(workerd), PATIENCE).toEqual(waiting);
    expect((await clientOf(workerd).run(before)).status).toBe("completed");
    const behind = await statusOf(workerd);
    expect(behind).toMatchObject({ backend: "d1", active: "durable" });
    expect(behind.behindRuns).toBeGreaterThanOrEqual(during.length);
    expect(behind.behindSeconds).toBeGreaterThan(0);

    await close();
    workerd = await startIn(state);
    await expect.poll(() => listed(workerd), PATIENCE).toEqual(waiting);
    expect((await statusOf(workerd)).behindSeconds).toBeGreaterThan(behind.behindSeconds);

    desk.mood = "well";
    const all = { ids: [before, ...during].toReversed(), isWhole: true };
    await expect.poll(() => listed(workerd), PATIENCE).toEqual(all);
    const isBack = { backend: "d1", active: "d1", behindRuns: 0, behindSeconds: 0 };
    await expect.poll(() => statusOf(workerd), PATIENCE).toEqual(isBack);
    expect(await listed(workerd)).toEqual(all);
  } finally {
    await close();
  }
});

async function startIn(stateFolder: string): Promise<Workerd> {
  const settings = {
    GLEITZEIT_LOCAL: "1",
    GLEITZEIT_OLLAMA_URLS: "",
    GLEITZEIT_MCP_URLS: "",
    GLEITZEIT_PYTHON_URLS: "",
    CHAOS_URL: desk.url,
  };
  const place = { host: "127.0.0.1", port: 0, stateFolder };
  const ignore = () => {};
  return await startWorkerd(place, { script: bundleWorker(WORKER), settings }, ignore);
}

const clientOf = ({ url }: Workerd): Client => connect({ url });

async function submit(workerd: Workerd): Promise<string> {
  const run = await clientOf(workerd).submit({ workflow: ECHO }, { waitSeconds: 10 });
  expect(run.status).toBe("completed");
  return run.id;
}

/** Newest first, by pages; `isWhole`: no page says that it may lack some. */
async function listed({ url }: Workerd): Promise<{ ids: string[]; isWhole: boolean }> {
  const ids: string[] = [];
  let [cursor, isWhole] = ["", true];
  for (let pages = 0; pages < 10; pages++) {
    const answer = await fetch(`${url}/v1/runs?status=completed&limit=${PAGE_ITEMS}${cursor}`);
    const { items, nextCursor, notice } = runList.parse(await answer.json());
    ids.push(...items.map(({ id }) => id));
    isWhole &&= notice === undefined;
    if (nextCursor === null) return { ids, isWhole };
    cursor = `&cursor=${encodeURIComponent(nextCursor)}`;
  }
  throw new Error("the list does not end");
}

async function statusOf({ url }: Workerd): Promise<ServiceStatus["history"]> {
  return serviceStatus.parse(await (await fetch(`${url}/v1/status`)).json()).history;
}
