/** The sweep: runs that were not heard of for long are woken, what ended long ago is removed. */
import { createScheduledController } from "cloudflare:test";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { RunId } from "../../src/contract/id.ts";
import { CAPACITY, TIMING } from "../../src/contract/limits.ts";
import type { RunStatus } from "../../src/contract/run.ts";
import type { Env } from "../../src/env.ts";
import { openHistory } from "../../src/history/open.ts";
import { sweep } from "../../src/history/sweep.ts";
import { RunObject } from "../../src/run/run-object.ts";
import worker from "../../src/worker.ts";
import { emptyDatabase } from "../workerd/history-database.ts";
import {
  consume,
  DAY_MS,
  later,
  leftOf,
  loseAcknowledgements,
  NOTHING_LEFT,
} from "../workerd/history-queue.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import { bindings, echo, journalOf, start, workflowOf } from "../workerd/start.ts";
import { sampleProjection, sampleRun } from "./sample.ts";

const SILENT = TIMING.silentMs;

let woken: () => number;
beforeEach(async () => {
  await emptyDatabase();
  muteExecutors();
  const wake = vi.spyOn(RunObject.prototype, "wake");
  onTestFinished(() => wake.mockRestore());
  woken = () => {
    const { length } = wake.mock.calls;
    wake.mockClear();
    return length;
  };
});

/** A run whose task somebody has, as history knows it; nobody else tells history of it. */
async function startKnown(): Promise<RunId> {
  loseAcknowledgements();
  const id = await start(workflowOf([echo("a", [], { timeout: 3600 })]));
  await new Player(id).sync();
  await consume([id]);
  return id;
}

const hour = 3_600_000;
const swept = (ms: number, env: Env = bindings) => later(ms, async () => await sweep(env));

/** D1 refuses what tells of this. */
const refusing = (words: RegExp): Env => ({
  ...bindings,
  DB: new Proxy(bindings.DB, {
    get(target, name) {
      if (name !== "prepare") return Reflect.get(target, name).bind(target);
      return (sql: string) => {
        if (words.test(sql)) throw new Error("D1 is away");
        return target.prepare(sql);
      };
    },
  }),
});

/** Runs that nobody ever started, of which history says that they are like this. */
async function knowOf(count: number, status: RunStatus, endedMsAgo = 0): Promise<RunId[]> {
  const at = Date.now() - endedMsAgo;
  const { finishedAt, ...rest } = sampleRun(0, { status }, at);
  const ended = { ...rest, finishedAt };
  const isOver = !["pending", "running", "paused"].includes(status);
  const runs = Array.from({ length: count }, (_, number) => {
    const { id } = sampleRun(number + 1, {}, at);
    return sampleProjection({ ...(isOver ? ended : rest), id } as ReturnType<typeof sampleRun>);
  });
  for (let first = 0; first < count; first += 50) {
    await openHistory(bindings, "d1").write(runs.slice(first, first + 50));
  }
  return runs.map(({ summary }) => summary.id);
}

describe("a run that goes on", () => {
  test("and was not heard of for ten minutes is woken, and does what is due", async () => {
    const id = await startKnown();
    await swept(SILENT + 1000);
    expect(woken()).toBe(1);
    expect((await journalOf(id)).slice(-2)).toMatchObject([
      { type: "task.retrying" },
      { type: "task.queued" },
    ]);
  });

  test("and was heard of is left alone", async () => {
    await startKnown();
    await swept(SILENT - 60_000);
    expect(woken()).toBe(0);
  });

  test("is not woken again before it was silent as long again", async () => {
    await startKnown();
    await swept(SILENT + 1000);
    expect(woken()).toBe(1);
    await swept(SILENT + 61_000);
    expect(woken()).toBe(0);
    await swept(2 * SILENT + 2000);
    expect(woken()).toBe(1);
  });

  test.each<[RunStatus, number]>([
    ["pending", 1],
    ["running", 1],
    ["paused", 0],
    ["completed", 0],
    ["failed", 0],
    ["cancelled", 0],
  ])("is one that is pending or running; one that is %s is woken %i times", async (status, times) => {
    await knowOf(1, status);
    await swept(hour);
    expect(woken()).toBe(times);
  });

  test("and of which only history knows is woken, and writes nothing", async () => {
    const [id = ""] = await knowOf(1, "running");
    await swept(hour);
    expect(woken()).toBe(1);
    expect(await leftOf(id)).toEqual(NOTHING_LEFT);
  });

  test("and cannot be woken keeps no other from it", async () => {
    await knowOf(3, "running");
    const wake = vi.spyOn(RunObject.prototype, "wake").mockImplementationOnce(() => {
      throw new Error("overloaded");
    });
    await swept(hour);
    expect(wake.mock.calls.length).toBe(3);
  });

  test("is one of so many that one sweep wakes; the next wakes the others", async () => {
    const more = 10;
    await knowOf(CAPACITY.sweptSilent + more, "running");
    await swept(hour);
    expect(woken()).toBe(CAPACITY.sweptSilent);
    await swept(hour + 60_000);
    expect(woken()).toBe(more);
  });
});

describe("the Worker's schedule", () => {
  const tick = (cron: string, env: Env = bindings) =>
    later(30_000, async () => {
      const controller = createScheduledController({ scheduledTime: new Date(), cron });
      await worker.scheduled(controller, env);
    });

  test("wakes nobody who was heard of", async () => {
    await startKnown();
    await tick("* * * * *");
    expect(woken()).toBe(0);
  });

  test("wakes all who go on when the service has just been started, once each, however many", async () => {
    await startKnown();
    await knowOf(CAPACITY.sweptSilent + 10, "running");
    await tick("started");
    expect(woken()).toBe(CAPACITY.sweptSilent + 11);
  });

  test("says so and ends where history fails, also when the service has just been started", async () => {
    await startKnown();
    await tick("started", refusing(/./));
    expect(woken()).toBe(0);
  });
});

describe("a run that ended", () => {
  test("more than 90 days ago is removed, others are not", async () => {
    const [old = ""] = await knowOf(1, "completed", 90.1 * DAY_MS);
    const [young = ""] = await knowOf(1, "failed", 89.9 * DAY_MS);
    const [running = ""] = await knowOf(1, "running", 200 * DAY_MS);
    await sweep(bindings);
    const history = openHistory(bindings, "d1");
    expect(await history.read(old)).toBeUndefined();
    expect(await history.read(young)).toBeDefined();
    expect(await history.read(running)).toBeDefined();
  });

  test("is removed when the setting says", async () => {
    const [id = ""] = await knowOf(1, "completed", 2 * DAY_MS);
    await sweep({ ...bindings, GLEITZEIT_HISTORY_DAYS: "3" });
    expect(await openHistory(bindings, "d1").read(id)).toBeDefined();
    await sweep({ ...bindings, GLEITZEIT_HISTORY_DAYS: "1" });
    expect(await openHistory(bindings, "d1").read(id)).toBeUndefined();
  });

  test("is one of so many that one sweep removes", async () => {
    await knowOf(CAPACITY.sweptEnded + 10, "completed", 91 * DAY_MS);
    await sweep(bindings);
    expect((await openHistory(bindings, "d1").count()).completed).toBe(10);
    await sweep(bindings);
    expect((await openHistory(bindings, "d1").count()).completed).toBe(0);
  });
});

describe("beyond twenty thousand runs that are older", () => {
  const MANY = 20_001;
  /** Straight into the table: to write them as runs do takes a minute. */
  const fill = (status: RunStatus, seenAt: number) =>
    bindings.DB.prepare(
      `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ?)
       insert into runs select 'run_0000000000' || printf('%016d', n), 2, ?, 'w', 1000, null, ?, 0, '{"tags":{}}', ''
       from numbers`,
    )
      .bind(MANY, status, seenAt)
      .run();

  test("that go on, one that is silent is woken", async () => {
    await fill("running", Date.now() + 2 * hour);
    await startKnown();
    await swept(hour);
    expect(woken()).toBe(1);
  });

  test("that are paused, what is old is removed", async () => {
    await fill("paused", Date.now());
    const [id = ""] = await knowOf(1, "completed", 91 * DAY_MS);
    await sweep(bindings);
    expect(await openHistory(bindings, "d1").read(id)).toBeUndefined();
  });
});

describe("where history fails", () => {
  test("the sweep says so and ends", async () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    onTestFinished(() => warn.mockRestore());
    await startKnown();
    await swept(hour, refusing(/./));
    expect(
      warn.mock.calls.map(([said]) => String(said)).filter((said) => said.startsWith("sweep:")),
    ).toHaveLength(2);
    expect(woken()).toBe(0);
  });

  test("at what is old, runs are woken all the same", async () => {
    await startKnown();
    await swept(hour, refusing(/finished_at <|finished_at" </));
    expect(woken()).toBe(1);
  });

  test("at who is silent, what is old is removed all the same", async () => {
    const [id = ""] = await knowOf(1, "completed", 91 * DAY_MS);
    await sweep(refusing(/seen_at </));
    expect(await openHistory(bindings, "d1").read(id)).toBeUndefined();
  });
});
