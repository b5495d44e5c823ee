/** One real executor, real runs and a hub with slots in plenty: what holds it back is connections without headers. */
import { runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { RunId } from "../../src/contract/id.ts";
import { CAPACITY } from "../../src/contract/limits.ts";
import type { Acquire, Grant, SyncAnswer } from "../../src/contract/sync.ts";
import { ExecutorObject } from "../../src/dispatch/executor-object.ts";
import { HubObject } from "../../src/providers/hub-object.ts";
import { RunObject } from "../../src/run/run-object.ts";
import { executorFor } from "../../src/stubs.ts";
import { emptyDatabase } from "../workerd/history-database.ts";
import { chat, muteExecutors } from "../workerd/player.ts";
import { bindings, chain, finished, start, workflowOf } from "../workerd/start.ts";

const SIX = CAPACITY.unansweredCalls;
const INSTANCE = { id: "spark", kind: "ollama", url: "http://ollama.test" };
const LAST = `${JSON.stringify({ message: { content: "late" }, done: true })}\n`;
const chats = (count: number) =>
  Array.from({ length: count }, (_, index) => chat(`c${index}`, [], { params: { prompt: "?", model: "m" } }));

/** An executor of its own for each test. */
let name: string;
let provider: ReturnType<typeof makeProvider>;
const { go, push } = ExecutorObject.prototype;

/** Runs are written to history a second later. */
beforeAll(async () => {
  await emptyDatabase();
});

beforeEach(() => {
  // Invitations go where the test says, and nowhere else.
  muteExecutors();
  name = `executor-${crypto.randomUUID()}`;
  provider = makeProvider();
  const acquire = (asked: Acquire[]): Grant[] => asked.map(() => ({ kind: "granted", instance: INSTANCE }));
  const spies = [
    vi.spyOn(HubObject.prototype, "acquire").mockImplementation(acquire),
    vi.spyOn(HubObject.prototype, "renew").mockReturnValue(),
    vi.spyOn(HubObject.prototype, "release").mockReturnValue(),
    vi.spyOn(globalThis, "fetch").mockImplementation(provider.fetch),
  ];
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
});

test("no more than six calls wait for their headers, though there are slots for all, and all are made in the end", async () => {
  const id = await start(workflowOf(chats(20)));
  expect(await invite(id)).toBe("taken");
  for (let answered = 0; answered < 20; answered++) {
    await expect.poll(() => provider.begun).toBe(Math.min(20, SIX + answered));
    await inside(provider.answerNext);
    await inside(provider.endNext);
  }
  expect(await finished(id)).toMatchObject({ status: "completed", progress: { completed: 20 } });
  expect(provider.mostUnanswered).toBe(SIX);
});

test("calls whose headers have come are not counted: more than six answers are read at once", async () => {
  const id = await start(workflowOf(chats(20)));
  await invite(id);
  for (let answered = 0; answered < 20; answered++) {
    await expect.poll(() => provider.unanswered).toBeGreaterThan(0);
    await inside(provider.answerNext);
  }
  expect([provider.begun, provider.open]).toEqual([20, 20]);
  for (let ended = 0; ended < 20; ended++) await inside(provider.endNext);
  expect((await finished(id)).status).toBe("completed");
  expect(provider.mostUnanswered).toBeLessThanOrEqual(SIX);
});

test("two runs share the six", async () => {
  const ids = [await start(workflowOf(chats(10))), await start(workflowOf(chats(10)))];
  for (const id of ids) await invite(id);
  await expect.poll(() => provider.unanswered).toBe(SIX);
  for (let answered = 0; answered < 20; answered++) {
    await expect.poll(() => provider.unanswered).toBeGreaterThan(0);
    await inside(provider.answerNext);
    await inside(provider.endNext);
    // What one of them has left to do it says to whoever is invited again.
    for (const id of ids) await invite(id);
  }
  for (const id of ids) expect((await finished(id)).status).toBe("completed");
  expect(provider.mostUnanswered).toBe(SIX);
});

test("instant tasks go on beside six calls that wait, and another run is sent on to the next executor", async () => {
  const id = await start(workflowOf([...chats(10), ...chain(20)]));
  const other = await start(workflowOf(chain(20)));
  await invite(id);
  await expect.poll(() => provider.unanswered).toBe(SIX);
  const done = () => finished(id, 0).then(({ progress }) => progress);
  await expect.poll(done).toMatchObject({ completed: 20, running: SIX });
  expect(await invite(other)).toBe("full");
  expect(await invite(other, `executor-${crypto.randomUUID()}`)).toBe("taken");
  expect((await finished(other)).status).toBe("completed");
  expect([provider.begun, provider.unanswered]).toEqual([SIX, SIX]);
});

test("what answers on their way may bring does not make it full: runs invited at once are all taken, and complete", async () => {
  const ids = await Promise.all(Array.from({ length: 12 }, () => start(workflowOf(chats(1)))));
  expect(await inviteAtOnce(ids)).toEqual(ids.map(() => "taken"));
  await expect.poll(() => provider.unanswered).toBe(SIX);
  await answerAll(12);
  for (const id of ids) expect((await finished(id)).status).toBe("completed");
  expect(provider.mostUnanswered).toBe(SIX);
});

test("it takes as many runs at once as it can have sessions, and no more", async () => {
  const most = CAPACITY.callsPerExecutor;
  const ids = await Promise.all(Array.from({ length: most + 4 }, () => start(workflowOf(chats(1)))));
  const answers = await inviteAtOnce(ids);
  expect(answers).toEqual(ids.map((_, index) => (index < most ? "taken" : "full")));
  await expect.poll(() => provider.unanswered).toBe(SIX);
  await answerAll(most);
  for (const id of ids.slice(0, most)) expect((await finished(id)).status).toBe("completed");
  expect(provider.mostUnanswered).toBe(SIX);
});

test("instant tasks of many runs invited at once are all done", async () => {
  const ids = await Promise.all(Array.from({ length: 40 }, () => start(workflowOf(chain(3)))));
  expect(new Set(await inviteAtOnce(ids))).toEqual(new Set(["taken"]));
  for (const id of ids) expect((await finished(id)).status).toBe("completed");
});

test("a run whose executor waits for another run's answer asks another executor, and not again and again", async () => {
  const [silent, other] = [await start(workflowOf(chats(1))), await start(workflowOf(chats(1)))];
  const answer = Promise.withResolvers<SyncAnswer>();
  // The object waits as it would for anything.
  const silence = answer.promise as unknown as SyncAnswer;
  const sync = vi.spyOn(RunObject.prototype, "sync").mockImplementationOnce(() => silence);
  vi.mocked(globalThis.fetch).mockImplementation(async () => new Response(LAST));
  name = executorFor(bindings, other, 0, 0);
  await invite(silent);
  await expect.poll(() => sync.mock.calls.length).toBe(1);
  // From now on runs ask by themselves.
  vi.mocked(ExecutorObject.prototype.go).mockRestore();
  await invite(other);
  expect((await finished(other)).status).toBe("completed");
  expect(sync.mock.calls.length).toBeLessThan(20);
  answer.resolve({ work: [], drop: [], follow: false, more: false });
  sync.mockRestore();
});

test("a session whose run has more than there was room for stays, and takes it without being invited again", async () => {
  const [first, second] = [await start(workflowOf(chats(6))), await start(workflowOf(chats(6)))];
  await inviteAtOnce([first, second]);
  await expect.poll(() => provider.unanswered).toBe(SIX);
  await answerAll(12);
  for (const id of [first, second]) expect((await finished(id)).status).toBe("completed");
});

test("a session that stays says nothing while there is no room", async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, () => start(workflowOf(chats(3)))));
  await inviteAtOnce(ids);
  await expect.poll(() => provider.unanswered).toBe(SIX);
  const sync = vi.spyOn(RunObject.prototype, "sync");
  onTestFinished(() => sync.mockRestore());
  // Each of them has been answered by now; whoever spoke in circles would go on to.
  for (let round = 0; round < 50; round++) for (const id of ids) await finished(id, 0);
  expect(sync.mock.calls.length).toBeLessThanOrEqual(2 * ids.length);
  await answerAll(24);
  for (const id of ids) expect((await finished(id)).status).toBe("completed");
});

test("a session is there as long as it works, and not any more when it is over", async () => {
  const id = await start(workflowOf(chats(1)));
  const sync = vi.spyOn(RunObject.prototype, "sync");
  onTestFinished(() => sync.mockRestore());
  await invite(id);
  await expect.poll(() => provider.unanswered).toBe(1);
  const session = sync.mock.calls[0]?.[0].session ?? "";
  expect(await pushTo(session)).toBe(true);
  expect(await pushTo(`${name}.${crypto.randomUUID()}`)).toBe(false);
  await answerAll(1);
  expect((await finished(id)).status).toBe("completed");
  await expect.poll(() => pushTo(session)).toBe(false);
});

/** All invitations before any of the runs has answered. */
function inviteAtOnce(ids: RunId[]): Promise<("taken" | "full")[]> {
  return runInDurableObject(bindings.EXECUTORS.getByName(name), (object) => {
    if (!(object instanceof ExecutorObject)) throw new Error(`${name} is no executor`);
    return ids.map((id) => go.call(object, id));
  });
}

function pushTo(session: string): Promise<boolean> {
  return runInDurableObject(bindings.EXECUTORS.getByName(name), (object) => {
    if (!(object instanceof ExecutorObject)) throw new Error(`${name} is no executor`);
    return push.call(object, { session, drop: [], follow: false });
  });
}

/** So many calls are answered, and end, one after the other. */
async function answerAll(count: number): Promise<void> {
  for (let answered = 0; answered < count; answered++) {
    await expect.poll(() => provider.unanswered, { timeout: 5000 }).toBeGreaterThan(0);
    await inside(provider.answerNext);
    await inside(provider.endNext);
  }
}

function invite(id: RunId, executor = name): Promise<"taken" | "full"> {
  return runInDurableObject(bindings.EXECUTORS.getByName(executor), (object) => {
    if (!(object instanceof ExecutorObject)) throw new Error(`${executor} is no executor`);
    return go.call(object, id);
  });
}

/** Answers belong to the object whose calls they answer. */
const inside = (act: () => void): Promise<void> =>
  runInDurableObject(bindings.EXECUTORS.getByName(name), act);

/** An Ollama that answers, and ends its answers, when the test says so. */
function makeProvider() {
  const waiting: (() => void)[] = [];
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = [];
  const provider = {
    begun: 0,
    mostUnanswered: 0,
    get unanswered() {
      return waiting.length;
    },
    get open() {
      return bodies.length;
    },
    answerNext: () => waiting.shift()?.(),
    endNext: () => {
      const body = bodies.shift();
      body?.enqueue(new TextEncoder().encode(LAST));
      body?.close();
    },
    fetch: () =>
      new Promise<Response>((resolve) => {
        provider.begun++;
        const start = (body: ReadableStreamDefaultController<Uint8Array>) => void bodies.push(body);
        waiting.push(() => resolve(new Response(new ReadableStream({ start }))));
        provider.mostUnanswered = Math.max(provider.mostUnanswered, waiting.length);
      }),
  };
  return provider;
}
