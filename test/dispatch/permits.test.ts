/** Calls whose headers have not come: six at a time, whoever makes them. */
import { describe, expect, onTestFinished, test } from "vitest";
import { fetchWith, makePermits } from "../../src/dispatch/permits.ts";
import { serveWith } from "../providers/http-server.ts";

const never = new AbortController().signal;

/** Whether it has come to an end by now, without waiting for it. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  await new Promise(setImmediate);
  return (await Promise.race([promise.catch(() => {}), Promise.resolve(pending)])) === pending;
}

describe("permits", () => {
  test("are had at once while there are any, then in the order of asking", async () => {
    const permits = makePermits(2);
    const giveBack = await permits.acquire(never);
    await permits.acquire(never);
    const order: string[] = [];
    const named = async (name: string) => {
      const back = await permits.acquire(never);
      order.push(name);
      return back;
    };
    const third = named("third");
    const fourth = named("fourth");
    expect(await isPending(third)).toBe(true);
    giveBack();
    (await third)();
    await fourth;
    expect(order).toEqual(["third", "fourth"]);
  });

  test("count those who wait: they will take what comes free", async () => {
    const permits = makePermits(1);
    const giveBack = await permits.acquire(never);
    const waiting = permits.acquire(never);
    expect(permits.free).toBe(-1);
    giveBack();
    (await waiting)();
    expect(permits.free).toBe(1);
  });

  test("are given back once, however often that is done", async () => {
    const permits = makePermits(1);
    const giveBack = await permits.acquire(never);
    giveBack();
    giveBack();
    expect(permits.free).toBe(1);
  });

  test("are not waited for after an abort, and the place in the queue is free", async () => {
    const permits = makePermits(1);
    const giveBack = await permits.acquire(never);
    const abort = new AbortController();
    const waiting = permits.acquire(abort.signal);
    const next = permits.acquire(never);
    abort.abort(new Error("dropped"));
    await expect(waiting).rejects.toThrow("dropped");
    giveBack();
    (await next)();
    expect(permits.free).toBe(1);
  });

  test("are not given to a call that was aborted before it asked", async () => {
    const permits = makePermits(1);
    await expect(permits.acquire(AbortSignal.abort(new Error("dropped")))).rejects.toThrow("dropped");
    expect(permits.free).toBe(1);
  });
});

describe("fetch under permits", () => {
  test("holds one until the headers have come, not until the body has", async () => {
    const { promise: mayEnd, resolve: letEnd } = Promise.withResolvers<void>();
    const server = await serveWith((_, response) => {
      response.writeHead(200).write("first");
      void mayEnd.then(() => response.end("last"));
    });
    const permits = makePermits(1);
    let answered = 0;
    const response = await fetchWith(permits, () => answered++)(server.url);
    expect([permits.free, answered]).toEqual([1, 1]);
    letEnd();
    expect(await response.text()).toBe("firstlast");
  });

  test("lets no more than six calls wait for headers, and all through in the end", async () => {
    const held: (() => void)[] = [];
    const server = await serveWith((_, response) => held.push(() => response.end("ok")));
    const permits = makePermits(6);
    const limited = fetchWith(permits, () => {});
    const answers = Array.from({ length: 10 }, async () => (await limited(server.url)).text());
    await expect.poll(() => held.length).toBe(6);
    expect(permits.free).toBe(-4);
    // Each answer lets one more in: at no time do seven wait.
    for (let answered = 0; answered < 10; answered++) {
      await expect.poll(() => held.length).toBe(Math.min(10, 6 + answered));
      held[answered]?.();
      await Promise.race(answers.slice(answered));
    }
    expect(await Promise.all(answers)).toEqual(Array(10).fill("ok"));
    expect(permits.free).toBe(6);
  });

  test("gives its permit back where there is no answer, or it was aborted", async () => {
    const server = await serveWith((request) => void request.socket.destroy());
    const silent = await serveWith(() => {});
    const permits = makePermits(1);
    const limited = fetchWith(permits, () => {});
    await expect(limited(server.url)).rejects.toThrow();
    const abort = new AbortController();
    onTestFinished(() => abort.abort());
    const waiting = limited(silent.url, { signal: abort.signal });
    await expect.poll(() => silent.requests.length).toBe(1);
    abort.abort(new Error("dropped"));
    await expect(waiting).rejects.toThrow("dropped");
    expect(permits.free).toBe(1);
  });
});
