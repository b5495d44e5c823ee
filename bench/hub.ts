/** `npm run bench -- hub`: what a pool of hosts gives over a single one, in trouble, under overload, and at what cost. */
import type { Report } from "./engine.ts";
import { timePairs } from "./hub-time.ts";
import { measure, rowOf } from "./measure.ts";
import { overload, recover, startPool, sufferTrouble, timeChats } from "./pool.ts";

const ROUNDS = 3;
const CALL_MS = 200;
const CALLS = 90;
const TROUBLED_RUNS = 300;

export async function benchHub(): Promise<Report> {
  const throughput = await measureThroughput();
  const pairs = rowOf("acquire and release, asked by an object", await timePairs());
  const trouble = await sufferTrouble(TROUBLED_RUNS);
  const { backAfterMs, share } = await recover();
  const { overtaken, urgent, shares } = await overload();
  const failed = trouble.runs - trouble.completed;
  const [one, three] = throughput;
  return {
    title: "hub: chat tasks over HTTP at hosts that take a call at a time, milliseconds",
    rows: [...throughput, pairs, rowOf("a host that is back answers again after", [backAfterMs])],
    ratios: {
      "throughput, 3 hosts against 1": (one?.medianMs ?? Number.NaN) / (three?.medianMs ?? Number.NaN),
      [`completed of ${trouble.runs}, one host closed, one failing 60 %`]: trouble.completed / trouble.runs,
      [`failures against ${trouble.failedDirectly} without failover and retry`]:
        failed / trouble.failedDirectly,
      "share of a host that is back (even: 0.33)": share,
      [`normal tasks begun before the last of ${urgent} urgent ones`]: overtaken,
      "slots of one run against those of another": shares[0] / shares[1],
    },
  };
}

async function measureThroughput(): Promise<Report["rows"]> {
  const host = { replyDelayMs: CALL_MS, maxConcurrent: 1 };
  const [single, triple] = [await startPool([host], 1), await startPool([host, host, host], 1)];
  try {
    return await measure(
      {
        [`${CALLS} chat tasks of ${CALL_MS} ms, 1 host`]: async () => void (await timeChats(single, CALLS)),
        [`${CALLS} chat tasks of ${CALL_MS} ms, 3 hosts`]: async () => void (await timeChats(triple, CALLS)),
      },
      ROUNDS,
    );
  } finally {
    await Promise.all([single.close(), triple.close()]);
  }
}
