import { afterEach, describe, expect, test, vi } from "vitest";
import { ECHO, postText, postYaml, problemOf, runOf, send, withObjects } from "../workerd/http.ts";

const UNKNOWN = `run_${"0".repeat(26)}`;

afterEach(() => vi.restoreAllMocks());

describe("an error", () => {
  test("is problem details of RFC 9457 with code, advice and the request's id", async () => {
    const answer = await send("/v1/nothing", { headers: { "X-Request-Id": "mine-1" } });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await answer.json()).toEqual({
      type: "urn:gleitzeit:problem:not_found",
      title: "Not found",
      status: 404,
      detail: "there is nothing at /v1/nothing; see /openapi.json",
      code: "not_found",
      suggestions: ["Check the id; GET /v1/runs lists runs."],
      issues: [],
      requestId: "mine-1",
    });
  });

  test("of ours is 500 without its message or its stack, and is logged with the request's id", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const stub = {
      view: () =>
        Promise.resolve({
          ok: true,
          value: {
            status: "running",
            get body() {
              throw new TypeError("secret");
            },
          },
        }),
    };
    const answer = await send(`/v1/runs/${UNKNOWN}`, {}, withObjects(stub));
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: "internal", issues: [] });
    expect(text).not.toMatch(/secret|at |\.ts/);
    expect(log).toHaveBeenCalledOnce();
    expect(String(log.mock.calls[0])).toContain(answer.headers.get("X-Request-Id"));
  });

  test("of ours does not bring what was sent into the log", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    await postText("/v1/runs", '{"workflow": "hunter2');
    await postYaml("/v1/runs", "tasks: hunter2");
    expect(log).not.toHaveBeenCalled();
  });
});

describe("a method that a path does not have", () => {
  test.each([
    ["DELETE", "/v1/runs", "GET, POST, HEAD, OPTIONS"],
    ["PUT", `/v1/runs/${UNKNOWN}`, "GET, HEAD, OPTIONS"],
    ["GET", `/v1/runs/${UNKNOWN}/cancel`, "POST, OPTIONS"],
    ["GET", "/v1/workflows/check", "POST, OPTIONS"],
    ["POST", "/health", "GET, HEAD, OPTIONS"],
    ["PROPFIND", "/v1/runs", "GET, POST, HEAD, OPTIONS"],
  ])("%s %s is 405 and names those there are", async (method, path, allowed) => {
    const answer = await send(path, { method });
    expect([answer.status, (await problemOf(answer)).code]).toEqual([405, "method_not_allowed"]);
    expect(answer.headers.get("Allow")).toBe(allowed);
  });

  test("OPTIONS names them without fuss", async () => {
    const answer = await send("/v1/runs", { method: "OPTIONS" });
    expect([answer.status, answer.headers.get("Allow")]).toEqual([204, "GET, POST, HEAD, OPTIONS"]);
  });

  test("HEAD is GET without a body", async () => {
    const { id } = await runOf(await postYaml("/v1/runs?wait=30", ECHO));
    for (const path of ["", "/events", "/results"]) {
      const answer = await send(`/v1/runs/${id}${path}`, { method: "HEAD" });
      expect([answer.status, await answer.text()]).toEqual([200, ""]);
    }
  });

  test("HEAD leaves no follower behind", async () => {
    let isCancelled = false;
    const value = new ReadableStream({
      cancel() {
        isCancelled = true;
      },
    });
    const follow = () => Promise.resolve({ ok: true, value });
    await send(`/v1/runs/${UNKNOWN}/events`, { method: "HEAD" }, withObjects({ follow }));
    expect(isCancelled).toBe(true);
  });
});

test.each(["//", "/v1", "/v1/", "/v1/runs/", "/v1/runs//", "/%2e%2e/etc", "/v1/runs/%E0%A4%A"])(
  "nothing is at %s: 404",
  async (path) => {
    expect((await send(`http://localhost${path}`)).status).toBe(404);
  },
);

describe("every answer carries", () => {
  const all = ["/", "/health", "/openapi.json", "/v1/runs/x", "/v1/nothing"];

  test.each(all)("a request id of its own, nosniff and no-store: %s", async (path) => {
    const [first, second] = [await send(path), await send(path)];
    expect(first.headers.get("X-Request-Id")).toMatch(/^[\w-]{36}$/);
    expect(second.headers.get("X-Request-Id")).not.toBe(first.headers.get("X-Request-Id"));
    expect(first.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(first.headers.get("Cache-Control")).toBe("no-store");
  });

  test("the caller's request id where it is a sane one", async () => {
    const idFor = async (id: string) =>
      (await send("/health", { headers: { "X-Request-Id": id } })).headers.get("X-Request-Id");
    expect(await idFor("trace:1.2_3-4")).toBe("trace:1.2_3-4");
    for (const odd of ["", "two words", "<script>", "x".repeat(129)])
      expect(await idFor(odd)).toMatch(/^[\w-]{36}$/);
  });
});

test("/ says where to go on", async () => {
  expect(await (await send("/")).json()).toMatchObject({ name: "gleitzeit", description: "/openapi.json" });
});
