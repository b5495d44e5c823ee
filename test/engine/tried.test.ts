/** Where an attempt was tried: what the journal and the task say of it, and where the next one does not go first. */
import { describe, expect, test } from "vitest";
import { event, type Tried } from "../../src/contract/event.ts";
import { CAPACITY } from "../../src/contract/limits.ts";
import { taskDetail } from "../../src/contract/run.ts";
import type { Outcome, SyncAnswer } from "../../src/contract/sync.ts";
import type { WorkflowTask } from "../../src/contract/workflow.ts";
import { viewTask } from "../../src/engine/view.ts";
import { type Drive, started } from "./drive.ts";
import { completed, Executor, failed, given } from "./executor.ts";
import { llm } from "./shape.ts";

const at = (...ids: string[]): Tried[] =>
  ids.map((instance) => ({ instance, code: "provider_unavailable", message: `${instance} answered 503` }));
const RETURNED = { kind: "returned", reason: "no_slot" } as const;

/** A task with a slot at "spark", and who carries it out. */
function running(retry: WorkflowTask["retry"] = { baseDelay: 0 }): { drive: Drive; ada: Executor } {
  const drive = started("a", { each: { ...llm(), ...(retry === undefined ? {} : { retry }) } });
  const ada = new Executor(drive);
  ada.sync();
  ada.begin("a");
  return { drive, ada };
}

const eventOf = ({ journal }: Drive, type: string) =>
  event.parse(journal.findLast((entry) => entry.event.type === type)?.event);
const attemptsOf = (drive: Drive) => taskDetail.parse(viewTask(drive.run, "a", drive.read)).attempts;
const avoidIn = ({ work }: SyncAnswer) => work.map((one) => (one.kind === "offer" ? one.avoid : one.kind));

describe("an attempt that went from one instance to another", () => {
  test.each<[string, Outcome, WorkflowTask["retry"]]>([
    ["task.completed", { ...completed(1), instance: "attic", tried: at("spark") }, {}],
    ["task.retrying", { ...failed("timeout"), instance: "attic", tried: at("spark") }, {}],
    ["task.failed", { ...failed("timeout"), instance: "attic", tried: at("spark") }, { maxAttempts: 1 }],
  ])("says so in %s, and as part of its task", (type, outcome, retry) => {
    const { drive, ada } = running(retry);
    ada.sync({ ended: [ada.ended("a", outcome)] });
    expect(eventOf(drive, type)).toMatchObject({ attempt: 1, instance: "attic", tried: at("spark") });
    expect(attemptsOf(drive)).toMatchObject([{ number: 1, instance: "attic", tried: at("spark") }]);
  });

  test("says so as well where it was given back in the end; it ended nowhere", () => {
    const { drive, ada } = running();
    ada.giveBack("a", "no_slot", { tried: at("spark", "attic") });
    const retrying = eventOf(drive, "task.retrying");
    expect(retrying).toMatchObject({ outcome: "returned", tried: at("spark", "attic") });
    expect("instance" in retrying).toBe(false);
    expect(attemptsOf(drive)).toMatchObject([{ status: "returned", tried: at("spark", "attic") }]);
  });

  test("counts at last where it is given back again and again", () => {
    const { drive, ada } = running({ maxAttempts: 1 });
    for (let times = 0; times < CAPACITY.returns; times++) {
      ada.giveBack("a", "no_slot", { tried: at("spark") });
      ada.begin("a");
    }
    ada.giveBack("a", "no_slot", { tried: at("attic") });
    const failed = eventOf(drive, "task.failed");
    expect(failed).toMatchObject({ attempt: CAPACITY.returns + 1, error: { code: "provider_unavailable" } });
    expect(JSON.stringify(failed)).toContain("attic answered 503");
  });

  test("names them in the order of its calls, also when its run is read again from the journal", () => {
    const { drive, ada } = running();
    ada.complete("a", 1, { instance: "loft", tried: at("spark", "attic") });
    const before = attemptsOf(drive);
    drive.evict();
    expect(attemptsOf(drive)).toEqual(before);
    expect(before[0]?.tried?.map(({ instance }) => instance)).toEqual(["spark", "attic"]);
  });

  test("says so when it was taken for lost and comes to its end after all", () => {
    const { drive, ada } = running();
    const end = ada.ended("a", { ...completed(1), instance: "attic", tried: at("spark") });
    drive.wait(drive.run.leaseMs);
    ada.sync({ ended: [end] });
    expect(attemptsOf(drive)).toMatchObject([
      { number: 1, status: "completed", instance: "attic", tried: at("spark") },
    ]);
  });
});

test.each<[string, Outcome]>([
  ["task.completed", completed(1)],
  ["task.completed", { ...completed(1), tried: [] }],
  ["task.retrying", failed("timeout")],
  ["task.retrying", { ...RETURNED, tried: [] }],
])("%s of an attempt that was tried nowhere else says nothing of it: %j", (type, outcome) => {
  const { drive, ada } = running();
  ada.sync({ ended: [ada.ended("a", outcome)] });
  expect("tried" in eventOf(drive, type)).toBe(false);
  expect(attemptsOf(drive).some((attempt) => "tried" in attempt)).toBe(false);
});

describe("an attempt that was given back since all other instances are busy", () => {
  test("is queued again at once, and counts as no try, however often", () => {
    const { drive, ada } = running({ maxAttempts: 1 });
    for (let time = 1; time <= 5; time++) {
      expect(given(ada.giveBack("a", "no_slot", { tried: at("spark") }))).toEqual(["a?"]);
      ada.begin("a");
    }
    expect(drive.log.slice(-3)).toEqual(["a retrying #5 (returned)", "a queued", "a started #6"]);
    ada.sync({ ended: [ada.ended("a", failed("connection_failed"))] });
    expect(drive.statusOf("a")).toBe("failed");
  });

  test("says in its error what the last instance said", () => {
    const { drive, ada } = running();
    ada.giveBack("a", "no_slot", { tried: at("spark", "attic") });
    expect(eventOf(drive, "task.retrying")).toMatchObject({
      error: { code: "unavailable", message: expect.stringContaining("attic answered 503") },
    });
  });

  test("is the same call for its instances as the next attempt: nothing was lost, and no try was used", () => {
    const { ada } = running();
    const { idempotencyKey } = ada.call("a");
    ada.giveBack("a", "no_slot", { tried: at("spark") });
    ada.begin("a");
    expect(ada.call("a").idempotencyKey).toBe(idempotencyKey);
  });
});

describe("an offer says which instances to pass over", () => {
  const avoidAfter = (outcome: Outcome) => {
    const { ada } = running();
    return avoidIn(ada.sync({ ended: [ada.ended("a", outcome)] }));
  };

  test("none, where the task was not tried yet", () => {
    expect(avoidIn(new Executor(started("a", { each: llm() })).sync())).toEqual([[]]);
  });

  test.each<[string, Outcome, string[]]>([
    ["the one at which the attempt failed", { ...failed("timeout"), instance: "attic" }, ["attic"]],
    ["the one that had the slot, where nobody says another", failed("timeout"), ["spark"]],
    [
      "all at which the attempt failed",
      { ...failed("timeout"), instance: "loft", tried: at("spark", "attic") },
      ["spark", "attic", "loft"],
    ],
    [
      "those that a returned attempt was tried at",
      { ...RETURNED, tried: at("spark", "attic") },
      ["spark", "attic"],
    ],
    ["none after an attempt that was returned untried: its slot was lost on the way", RETURNED, []],
    ["each once", { ...failed("timeout"), instance: "spark", tried: at("spark") }, ["spark"]],
  ])("%s", (_, outcome, avoid) => expect(avoidAfter(outcome)).toEqual([avoid]));

  test("none after an attempt that was lost: it was its executor that died", () => {
    const { drive, ada } = running();
    drive.wait(drive.run.leaseMs);
    expect(drive.log.at(-2)).toBe("a retrying #1 (lost)");
    expect(avoidIn(new Executor(drive, "bob").sync())).toEqual([[]]);
    expect(ada.held.size).toBe(1);
  });

  test("none after a failure without an instance: the hub knew of none", () => {
    const drive = started("a", { each: { ...llm(), retry: { baseDelay: 0 } } });
    const ada = new Executor(drive);
    ada.sync();
    expect(avoidIn(ada.failWith("a", "provider_unavailable"))).toEqual([[]]);
  });

  test("those of the last attempt only", () => {
    const { ada } = running({ baseDelay: 0, maxAttempts: 5 });
    ada.failWith("a", "timeout", { instance: "spark" });
    ada.sync({ begun: [{ ...ada.ref("a"), instance: "attic" }] });
    expect(avoidIn(ada.failWith("a", "timeout", { instance: "attic" }))).toEqual([["attic"]]);
  });

  test("also when the run was read again from its journal", () => {
    const { drive, ada } = running({ baseDelay: 1, jitter: false });
    ada.failWith("a", "timeout", { instance: "attic", tried: at("spark") });
    drive.evict();
    drive.wait(1000);
    expect(avoidIn(ada.sync())).toEqual([["spark", "attic"]]);
  });

  test("those at which it failed, when the run is retried", () => {
    const { drive, ada } = running({ maxAttempts: 1 });
    ada.failWith("a", "timeout", { instance: "attic" });
    drive.tell({ type: "retry", actor: "me" });
    expect(avoidIn(ada.sync())).toEqual([["attic"]]);
  });
});
