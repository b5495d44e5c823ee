/** Which session a run asks first when it wants one more: it is near, and saves the queue. */
import { describe, expect, test } from "vitest";
import { sessionAtWork } from "../../src/engine/invite.ts";
import { started } from "./drive.ts";
import { Executor } from "./executor.ts";
import { crowd, llm } from "./shape.ts";

const ONE = { room: { calls: 1, instant: 1 } };
const NOTHING = { room: { calls: 0, instant: 0 } };

/** Three sessions with a call each, heard one after the other. */
function threeAtWork() {
  const drive = started(crowd(6), { each: llm() });
  const [ada, bob, eve] = ["ada", "bob", "eve"].map((name) => {
    const executor = new Executor(drive, name);
    executor.sync(ONE);
    for (const id of executor.held.keys())
      executor.sync({ begun: [{ ...executor.ref(id), instance: "x" }], ...NOTHING });
    drive.now += 1000;
    return executor;
  });
  if (ada === undefined || bob === undefined || eve === undefined) throw new Error("three are three");
  return { drive, ada, bob, eve };
}

describe("the session at work", () => {
  test("is none before anybody has come", () => {
    expect(sessionAtWork(started("a").run)).toBeUndefined();
  });

  test("is none where a session has nothing in its hands, or only an offer that may come to nothing", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync(NOTHING);
    expect(sessionAtWork(drive.run)).toBeUndefined();
    ada.sync();
    expect(sessionAtWork(drive.run)).toBeUndefined();
    ada.begin("a");
    expect(sessionAtWork(drive.run)).toBe("ada");
  });

  test("is the one that was heard last", () => {
    const { drive, ada, bob } = threeAtWork();
    expect(sessionAtWork(drive.run)).toBe("eve");
    bob.sync(NOTHING);
    expect(sessionAtWork(drive.run)).toBe("bob");
    drive.now += 1;
    ada.sync(NOTHING);
    expect(sessionAtWork(drive.run)).toBe("ada");
  });

  test("is another once it has nothing left", () => {
    const { drive, eve } = threeAtWork();
    const [id = ""] = eve.held.keys();
    eve.sync({ ended: [eve.ended(id, { kind: "returned", reason: "no_slot" })], ...NOTHING });
    expect(sessionAtWork(drive.run)).toBe("bob");
  });

  test("is none after an eviction, until one is heard: it may be dead", () => {
    const { drive, ada } = threeAtWork();
    drive.evict();
    expect(sessionAtWork(drive.run)).toBeUndefined();
    ada.sync(NOTHING);
    expect(sessionAtWork(drive.run)).toBe("ada");
  });

  test("is none of those whose lease has ended", () => {
    const { drive } = threeAtWork();
    drive.wait(2 * drive.run.leaseMs);
    expect(sessionAtWork(drive.run)).toBeUndefined();
  });
});
