/** What every provider does, whatever it speaks. Each provider's test runs it, over real HTTP servers. */
import { expect, test } from "vitest";
import { GleitzeitError, retryingOf } from "../../src/contract/error.ts";
import type { Json } from "../../src/contract/json.ts";
import { findMethod } from "../../src/providers/protocols/index.ts";
import type { Call, Provider } from "../../src/providers/provider.ts";
import { checkAgainstSchema } from "../../src/spec/schema.ts";
import { contextFor, failureOf } from "./context.ts";
import { deadUrl, type Handler, serveWith } from "./http-server.ts";

export type Subject = { provider: Provider; call: Call; expected: Json };

/** `answer` serves the call, and health; `flood` is the beginning of a good answer, and a piece that repeats for ever. */
export type RemoteSubject = Subject & { answer: Handler; flood: { head: string; piece: string } };

/** For those that need no server. */
export function specifyLocal({ provider, call, expected }: Subject): void {
  test("a call completes with a result that the protocol allows", async () => {
    const { result } = await provider.execute(call, contextFor(""));
    expect(result).toEqual(expected);
    expect(problemsOf(call, result)).toEqual([]);
  });

  test("a call that was aborted before it began does nothing", async () => {
    const context = contextFor("", { signal: AbortSignal.abort("gone") });
    await expect(provider.execute(call, context)).rejects.toBe("gone");
  });

  test("an unknown method is never tried again", async () => {
    const asked = provider.execute({ ...call, method: "no/such" }, contextFor(""));
    expect((await failureOf(asked)).code).toBe("unknown_method");
  });
}

export function specifyRemote({ provider, call, expected, answer, flood }: RemoteSubject): void {
  const execute = async (handler: Handler) => {
    const server = await serveWith(handler);
    return { server, failure: await failureOf(provider.execute(call, contextFor(server.url))) };
  };

  test("a call completes with a result that the protocol allows", async () => {
    const { url } = await serveWith(answer);
    const { result } = await provider.execute(call, contextFor(url));
    expect(result).toMatchObject(Object(expected));
    expect(problemsOf(call, result)).toEqual([]);
  });

  test("a call that was aborted before it began sends nothing", async () => {
    const server = await serveWith(answer);
    const context = contextFor(server.url, { signal: AbortSignal.abort("gone") });
    await expect(provider.execute(call, context)).rejects.toBe("gone");
    expect(server.requests).toEqual([]);
  });

  test("an abort ends a call that waits for headers, and its connection", async () => {
    const controller = new AbortController();
    const server = await serveWith(() => controller.abort("no longer wanted"));
    const context = contextFor(server.url, { signal: controller.signal });
    await expect(provider.execute(call, context)).rejects.toBe("no longer wanted");
    await server.left;
  });

  test("an abort ends a call that waits for a place to connect", async () => {
    const controller = new AbortController();
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const waiting: typeof fetch = () => {
      resolve();
      return new Promise(() => {});
    };
    const context = contextFor("http://127.0.0.1:1", { signal: controller.signal, fetch: waiting });
    const ended = expect(provider.execute(call, context)).rejects.toBe("no longer wanted");
    await asked;
    controller.abort("no longer wanted");
    await ended;
  });

  test("an abort ends a call whose answer has begun, and its connection", async () => {
    const controller = new AbortController();
    const server = await serveWith((_, response) => response.write(flood.head));
    const answered: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      setImmediate(() => controller.abort("no longer wanted"));
      return response;
    };
    const context = contextFor(server.url, { signal: controller.signal, fetch: answered });
    await expect(provider.execute(call, context)).rejects.toBe("no longer wanted");
    await server.left;
  });

  test("a refused connection names the instance, where it should be and how to start it", async () => {
    const url = await deadUrl();
    const failure = await failureOf(provider.execute(call, contextFor(`${url}/?key=secret`)));
    expect(failure.code).toBe("connection_failed");
    expect(failure.message).toContain(`instance "one" (${url}) gives no answer (ECONNREFUSED); start `);
    expect(failure.message).not.toContain("secret");
  });

  test("a result over the limit is cut off, and the provider told", async () => {
    const { server, failure } = await execute((_, response) => {
      response.write(flood.head);
      const write = () => {
        while (!response.destroyed && response.write(flood.piece));
      };
      response.on("drain", write);
      write();
    });
    expect(failure.code).toBe("result_too_large");
    await server.left;
  });

  test("what is no answer of this kind is said to be none, with its first words", async () => {
    const { failure } = await execute((_, response) => response.end("<html> <h1>Welcome</h1>"));
    expect(failure.code).toBe("invalid_answer");
    expect(failure.message).toContain("<html> <h1>Welcome</h1>");
  });

  test("an empty answer is a failure too", async () => {
    const { failure } = await execute((_, response) => response.end());
    expect(["invalid_answer", "stream_broken"]).toContain(failure.code);
  });

  test("an answer that breaks off is tried again", async () => {
    const { failure } = await execute((_, response) => response.write(flood.head, () => response.destroy()));
    expect(failure.code).toBe("stream_broken");
  });

  test("429 is tried again when Retry-After says", async () => {
    const { failure } = await execute((_, response) =>
      response.writeHead(429, { "retry-after": "7" }).end('{"error":"too many requests"}'),
    );
    expect(failure).toMatchObject({
      code: "provider_unavailable",
      retryAfterMs: 7000,
      details: { status: 429 },
    });
    expect(failure.message).toContain("is busy (429): too many requests");
  });

  test.each([408, 425, 429, 500, 502, 503, 504])("%i is tried again", async (status) => {
    const { failure } = await execute((_, response) => response.writeHead(status).end("not now"));
    expect(retryingOf(failure.code)).toBe("way");
    expect(failure.details).toEqual({ status });
  });

  test.each([400, 401, 403, 404, 405, 413, 422])("%i is not tried again", async (status) => {
    const { failure } = await execute((_, response) => response.writeHead(status).end('{"error":"never"}'));
    expect(failure.code).toBe("provider_rejected");
    expect(failure.message).toMatch(new RegExp(`${status}.*: never`));
  });

  test("what the executor's fetch refuses is passed on as it says it", async () => {
    const refusal = new GleitzeitError("provider_rejected", "private addresses are not called from here");
    const context = contextFor("http://127.0.0.1:1", { fetch: () => Promise.reject(refusal) });
    await expect(provider.execute(call, context)).rejects.toBe(refusal);
  });

  test("a redirect is not followed, since it would take our headers along", async () => {
    const elsewhere = await serveWith(answer);
    const location = `${elsewhere.url}/login?token=abc`;
    const { failure } = await execute((_, response) => response.writeHead(307, { location }).end());
    expect(failure.code).toBe("provider_rejected");
    expect(failure.message).toContain(`redirects (307) to ${elsewhere.url}; `);
    expect(failure.message).not.toContain("token");
    expect(elsewhere.requests).toEqual([]);
  });

  test("an error's body is read for its beginning only", async () => {
    const { server, failure } = await execute((_, response) => {
      response.writeHead(500);
      response.write("x".repeat(100_000));
    });
    expect(failure.message.length).toBeLessThan(600);
    await server.left;
  });

  test("headers are sent, and never shown, not even where the server says them back", async () => {
    const server = await serveWith((request, response) =>
      response.writeHead(400).end(`bad request with ${request.headers.authorization}`),
    );
    const instance = { id: "one", url: server.url, headers: { authorization: "Bearer s3cr3t-key" } };
    const failure = await failureOf(provider.execute(call, contextFor(server.url, { instance })));
    expect(server.requests[0]?.headers.authorization).toBe("Bearer s3cr3t-key");
    expect(failure.message).toContain("bad request with •••");
    expect(JSON.stringify([failure.message, failure.details, failure.stack])).not.toContain("s3cr3t");
  });

  test.each([
    ["a header that HTTP does not allow", "http://127.0.0.1:1", { authorization: "Bearer s3cr3t\n" }],
    ["credentials in the URL", "http://user:s3cr3t@127.0.0.1:1", {}],
    ["another scheme", "ftp://127.0.0.1/s3cr3t", {}],
    ["no URL", "s3cr3t", {}],
  ])("%s is refused without being shown", async (_, url, headers: Record<string, string>) => {
    const context = contextFor(url, { instance: { id: "one", url, headers } });
    const failure = await failureOf(provider.execute(call, context));
    expect(failure.code).toMatch(/provider_rejected|connection_failed/);
    expect(failure.message).not.toContain("s3cr3t");
  });

  test("health says yes, or why not", async () => {
    const { url } = await serveWith(answer);
    expect(await provider.health(contextFor(url))).toMatchObject({ healthy: true });
    const dead = await provider.health(contextFor(await deadUrl()));
    expect(dead).toMatchObject({ healthy: false, reason: expect.stringContaining("gives no answer") });
    const ill = await serveWith((_, response) => response.writeHead(503).end());
    expect(await provider.health(contextFor(ill.url))).toMatchObject({ healthy: false });
    const aborted = contextFor(url, { signal: AbortSignal.abort("gone") });
    await expect(provider.health(aborted)).rejects.toBe("gone");
  });
}

function problemsOf({ protocol, method }: Call, result: Json) {
  return checkAgainstSchema(findMethod(protocol, method)?.result ?? { not: {} }, result, { name: "result" });
}
