/** One executor serving one run, as data: what it says, what it does with answers, what comes too late. */
import { describe, expect, test } from "vitest";
import { encodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { AttemptRef, Outcome, SyncAnswer } from "../../src/contract/sync.ts";
import {
  type Call,
  dropAll,
  end,
  giveBack,
  grant,
  hasNews,
  isIdle,
  makeSession,
  nextSync,
  type Offer,
  type Session,
  takeAnswer,
  unsaidBytes,
} from "../../src/dispatch/session.ts";

const A: AttemptRef = { taskId: "a", attempt: 1 };
const B: AttemptRef = { taskId: "b", attempt: 1 };
const ROOM = { calls: 6, instant: 48 };
const DONE: Outcome = { kind: "completed", result: encodeJson(1) };
const PARKED: Outcome = { kind: "returned", reason: "parked" };

const callOf = (ref: AttemptRef): Call => ({
  ...ref,
  kind: "call",
  protocol: "llm/v1",
  method: "llm/chat",
  params: encodeJson({}),
  timeoutMs: 1000,
  idempotencyKey: "run:a:1",
});

const offerOf = (ref: AttemptRef): Offer => ({
  ...ref,
  kind: "offer",
  need: { protocol: "llm/v1" },
  lane: "llm",
  priority: "normal",
  avoid: [],
});

/** The session says what it has to say, and this is the answer. */
function hear(session: Session, answer: Partial<SyncAnswer> = {}) {
  nextSync(session, ROOM);
  return takeAnswer(session, { work: [], drop: [], follow: false, more: false, ...answer });
}

/** A session that was offered task a. */
function offered(): Session {
  const session = makeSession("executor-1.x");
  hear(session, { work: [offerOf(A)] });
  return session;
}

/** A session that carries task a out, with a slot of instance "spark". */
function called(): Session {
  const session = offered();
  grant(session, A, "spark");
  hear(session, { work: [callOf(A)] });
  return session;
}

describe("what a session says", () => {
  test("first is that it was invited, and how much it takes", () => {
    const first = nextSync(makeSession("executor-1.x"), ROOM);
    expect(first).toEqual({
      session: "executor-1.x",
      seq: 1,
      ended: [],
      begun: [],
      holding: [],
      room: ROOM,
      invitations: 1,
    });
  });

  test("is all that it holds, offers included, and begun what it has a slot for", () => {
    const session = offered();
    hear(session, { work: [callOf(B)] });
    expect(nextSync(session, ROOM)).toMatchObject({ seq: 3, begun: [], holding: [A, B] });
    hear(session);
    grant(session, A, "spark");
    expect(nextSync(session, ROOM)).toMatchObject({
      seq: 4,
      begun: [{ ...A, instance: "spark" }],
      holding: [B],
    });
  });

  test("is repeated as it was until it is answered, whatever has happened meanwhile", () => {
    const session = called();
    const said = structuredClone(nextSync(session, ROOM));
    end(session, A, DONE);
    session.invitations++;
    expect(nextSync(session, { calls: 0, instant: 0 })).toEqual(said);
    expect(nextSync(session, ROOM)).toEqual(said);
  });

  test("is next what ended and who invited after the unanswered sync", () => {
    const session = called();
    nextSync(session, ROOM);
    end(session, A, DONE);
    session.invitations++;
    hear(session);
    expect(nextSync(session, ROOM)).toMatchObject({
      seq: 4,
      ended: [{ ...A, outcome: DONE }],
      holding: [],
      invitations: 1,
    });
  });

  test("is an end once: what was answered is not said again", () => {
    const session = called();
    end(session, A, DONE);
    hear(session);
    expect(nextSync(session, ROOM).ended).toEqual([]);
  });
});

describe("results that are too large for one sync", () => {
  const C: AttemptRef = { taskId: "c", attempt: 1 };
  const half: Outcome = { kind: "completed", result: new Uint8Array(LIMITS.syncBytes / 2 + 1) };
  const full = () => {
    const session = makeSession("executor-1.x");
    hear(session, { work: [A, B, C].map(callOf) });
    for (const ref of [A, B, C]) end(session, ref, half);
    return session;
  };

  test("are said one after the other, and held meanwhile", () => {
    const session = full();
    expect(nextSync(session, ROOM)).toMatchObject({ ended: [A], holding: [B, C] });
    hear(session);
    expect(nextSync(session, ROOM)).toMatchObject({ ended: [B], holding: [C] });
    hear(session);
    expect(nextSync(session, ROOM)).toMatchObject({ ended: [C], holding: [] });
    hear(session);
    expect(isIdle(session)).toBe(true);
  });

  test("weigh what they are until they are said", () => {
    const session = full();
    expect(unsaidBytes(session)).toBe(3 * (LIMITS.syncBytes / 2 + 1));
    hear(session);
    expect(unsaidBytes(session)).toBe(2 * (LIMITS.syncBytes / 2 + 1));
  });
});

describe("what a session is told", () => {
  test("to do, it does once", () => {
    const session = makeSession("executor-1.x");
    expect(hear(session, { work: [callOf(A)] }).calls).toEqual([callOf(A)]);
    expect(hear(session, { work: [callOf(A)] }).calls).toEqual([]);
  });

  test("to ask the hub for, it asks once, also when the slot is there and the run does not know yet", () => {
    const session = offered();
    expect(hear(session, { work: [offerOf(A)] }).offers).toEqual([]);
    grant(session, A, "spark");
    expect(hear(session, { work: [offerOf(A)] }).offers).toEqual([]);
    expect(nextSync(session, ROOM).begun).toEqual([{ ...A, instance: "spark" }]);
  });

  test("to drop, it drops if it has it", () => {
    const session = called();
    expect(hear(session, { drop: [A, B] }).drops).toEqual([A]);
    expect(nextSync(session, ROOM)).toMatchObject({ begun: [], holding: [], ended: [] });
  });

  test("that there is more, it remembers until the next answer", () => {
    const session = makeSession("executor-1.x");
    hear(session, { more: true });
    expect(session.more).toBe(true);
    hear(session);
    expect(session.more).toBe(false);
  });
});

describe("an answer of the hub", () => {
  test("begins the offer it was asked for", () => {
    expect(grant(offered(), A, "spark")).toBe("taken");
  });

  test("that comes twice, since the offer was dropped and made again, counts once", () => {
    const session = offered();
    dropAll(session, [A]);
    hear(session, { work: [offerOf(A)] });
    expect(grant(session, A, "spark")).toBe("taken");
    expect(grant(session, A, "other")).toBe("known");
    expect(nextSync(session, ROOM).begun).toEqual([{ ...A, instance: "spark" }]);
  });

  test("that comes when the offer was dropped is unwanted: the slot goes back", () => {
    const session = offered();
    dropAll(session, [A]);
    expect(grant(session, A, "spark")).toBe("unwanted");
    expect(isIdle(session)).toBe(true);
  });

  test("that comes when the offer has become a call changes nothing", () => {
    const session = called();
    expect(grant(session, A, "other")).toBe("known");
    giveBack(session, A, PARKED);
    expect(hasNews(session)).toBe(false);
    expect(nextSync(session, ROOM)).toMatchObject({ begun: [], holding: [A], ended: [] });
  });

  test("that there is no slot changes nothing when another has given one", () => {
    const session = offered();
    grant(session, A, "spark");
    giveBack(session, A, PARKED);
    expect(nextSync(session, ROOM)).toMatchObject({ begun: [{ ...A, instance: "spark" }], ended: [] });
  });

  test("that there is no slot gives the offer back", () => {
    const session = offered();
    giveBack(session, A, PARKED);
    expect(nextSync(session, ROOM)).toMatchObject({ holding: [], ended: [{ ...A, outcome: PARKED }] });
  });

  test("that there is no slot is not reported of an offer that was dropped", () => {
    const session = offered();
    dropAll(session, [A]);
    giveBack(session, A, PARKED);
    expect(isIdle(session)).toBe(true);
  });
});

describe("the end of a call", () => {
  test("is reported", () => {
    const session = called();
    expect(end(session, A, DONE)).toBe(true);
    expect(hasNews(session)).toBe(true);
  });

  test("is not reported where the run has dropped it", () => {
    const session = called();
    dropAll(session, [A]);
    expect(end(session, A, DONE)).toBe(false);
    expect(isIdle(session)).toBe(true);
  });

  test("is reported once", () => {
    const session = called();
    end(session, A, DONE);
    expect(end(session, A, DONE)).toBe(false);
    expect(nextSync(session, ROOM).ended).toHaveLength(1);
  });

  test("of an earlier attempt says nothing of the next", () => {
    const session = called();
    const second = { taskId: "a", attempt: 2 };
    hear(session, { drop: [A], work: [callOf(second)] });
    expect(end(session, A, DONE)).toBe(false);
    expect(nextSync(session, ROOM)).toMatchObject({ holding: [second], ended: [] });
  });
});

describe("a session", () => {
  test("is over when it has nothing in its hands and nothing to say", () => {
    const session = called();
    expect(isIdle(session)).toBe(false);
    end(session, A, DONE);
    expect(isIdle(session)).toBe(false);
    hear(session);
    expect(isIdle(session)).toBe(true);
  });

  test("is not over while a sync is unanswered, or an invitation not passed on", () => {
    const session = makeSession("executor-1.x");
    expect(isIdle(session)).toBe(false);
    nextSync(session, ROOM);
    expect(isIdle(session)).toBe(false);
    hear(session);
    session.invitations++;
    expect(isIdle(session)).toBe(false);
  });

  test("has no news while it only waits for calls and for the hub", () => {
    expect(hasNews(offered())).toBe(false);
    expect(hasNews(called())).toBe(false);
  });
});
