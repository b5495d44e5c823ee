/** A pool of model hosts over real HTTP: throughput, trouble, recovery, overload. `npm run bench -- hub` has more of it. */
import { describe, expect, test } from "vitest";
import { timePairs } from "../../bench/hub-time.ts";
import { overload, recover, startPool, sufferTrouble, timeChats } from "../../bench/pool.ts";

const ONE_SLOT = { replyDelayMs: 200, maxConcurrent: 1 };

describe("a pool of hosts", () => {
  // The ratio is taken within one run, but the machine may be busy with something else in one half of it.
  test("gives three hosts' work from three hosts", { retry: 2, timeout: 120_000 }, async () => {
    const [one, three] = [await startPool([ONE_SLOT], 1), await startPool(Array(3).fill(ONE_SLOT), 1)];
    try {
      const alone = await timeChats(one, 90);
      const together = await timeChats(three, 90);
      expect(alone / together).toBeGreaterThan(2.85);
      for (const { requests } of three.hosts) expect(requests.length).toBeGreaterThanOrEqual(27);
    } finally {
      await Promise.all([one.close(), three.close()]);
    }
  });

  test("spends less than a millisecond of a call in its hub", { retry: 2 }, async () => {
    const times = (await timePairs()).toSorted((one, other) => one - other);
    expect(times[times.length >> 1]).toBeLessThanOrEqual(1);
  });

  test("gets runs done although one host is closed and one fails most of its calls in all its ways", async () => {
    const { runs, completed, failedDirectly } = await sufferTrouble(300);
    expect(failedDirectly).toBeGreaterThan(runs / 3);
    expect(completed / runs).toBeGreaterThanOrEqual(0.99);
    expect(runs - completed).toBeLessThanOrEqual(failedDirectly / 10);
  });

  test("gives a host that is back its share again within a minute", { timeout: 120_000 }, async () => {
    const { backAfterMs, share } = await recover();
    expect(backAfterMs).toBeLessThan(60_000);
    expect(share).toBeGreaterThan(0.25);
  });

  test("serves urgent tasks before those that wait already, and two runs evenly", async () => {
    const { overtaken, urgent, shares } = await overload();
    // What had its slot kept when they came, and what came while they were on their way.
    expect(overtaken).toBeLessThan(urgent / 2);
    expect(Math.abs(shares[0] - shares[1])).toBeLessThanOrEqual(6);
  });
});
