import { describe, expect, test } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import { ECHO, postJson, postText, postYaml, problemOf, send } from "../workerd/http.ts";

const CHECK = "/v1/workflows/check";

/** A body of so many bytes in chunks of 1 MiB; `pulled` tells how much of it was asked for. */
function endless(bytes: number) {
  const chunk = new TextEncoder().encode(" ".repeat(1024 * 1024));
  const state = { pulled: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (state.pulled >= bytes) return controller.close();
      state.pulled += chunk.byteLength;
      controller.enqueue(chunk);
    },
    cancel() {
      state.isCancelled = true;
    },
  });
  return { body, state };
}

describe("a body too large is refused with 413 and the limit", () => {
  test.each([
    ["application/yaml", LIMITS.yamlBytes],
    ["application/json", LIMITS.bodyBytes],
  ])("as %s beyond %i bytes, and no more of it is read", async (type, limit) => {
    const { body, state } = endless(4 * limit);
    const answer = await send("/v1/runs", { method: "POST", body, headers: { "Content-Type": type } });
    const { code, detail } = await problemOf(answer);
    expect([answer.status, code]).toEqual([413, "too_large"]);
    expect(detail).toContain(String(limit));
    expect(state.pulled).toBeLessThan(limit + 3 * 1024 * 1024);
    expect(state.isCancelled).toBe(true);
  });

  test("by its Content-Length before any of it is read", async () => {
    const { body, state } = endless(4 * LIMITS.yamlBytes);
    const headers = { "Content-Type": "application/yaml", "Content-Length": String(4 * LIMITS.yamlBytes) };
    expect((await send("/v1/runs", { method: "POST", body, headers })).status).toBe(413);
    expect(state.pulled).toBeLessThanOrEqual(1024 * 1024);
  });

  test("when it is YAML text inside JSON", async () => {
    const answer = await postJson("/v1/runs", { workflow: `${ECHO}#${"x".repeat(LIMITS.yamlBytes)}` });
    expect([answer.status, (await problemOf(answer)).code]).toEqual([413, "too_large"]);
  });

  test("and one of just the limit is taken", async () => {
    const text = ECHO + "#".repeat(LIMITS.yamlBytes - ECHO.length);
    expect((await postYaml(CHECK, text)).status).toBe(200);
    expect((await postYaml(CHECK, `${text}#`)).status).toBe(413);
  });
});

describe("JSON that is none is refused with 400, its line and its column", () => {
  test.each([
    ["{", 1, 2, "too early"],
    ["{\n  name: 1}", 2, 3, '"n"'],
    ['{"a": 1,}', 1, 9, '"}"'],
    ['{"a": tru}', 1, 7, '"t"'],
    ['{"a": "\n"}', 1, 8, '"\\n"'],
    ['{"a": "\\x"}', 1, 8, '"\\\\"'],
    ['{"a": 1} {', 1, 10, '"{"'],
    ["[1, 2", 1, 6, "too early"],
    ["[1 2]", 1, 4, '"2"'],
    ["]", 1, 1, '"]"'],
    ['{"a" 1}', 1, 6, '"1"'],
    ['{"a": 01}', 1, 8, '"1"'],
    ['{"a": "\u{1f600}" \u{1f600}}', 1, 12, '"\u{1f600}"'],
  ])("%j", async (text, line, column, found) => {
    expect(() => JSON.parse(text)).toThrow();
    const answer = await postText("/v1/runs", text);
    const { code, detail, issues } = await problemOf(answer);
    expect([answer.status, code]).toEqual([400, "invalid_request"]);
    expect(issues).toMatchObject([{ code: "json_syntax", line, column }]);
    expect(detail).toContain(found);
  });
});

test("JSON nested too deeply is refused before it is parsed, with its line and column", async () => {
  const answer = await postText("/v1/runs", `{"tasks":\n${"[".repeat(5_000_000)}`);
  const { issues } = await problemOf(answer);
  expect(answer.status).toBe(422);
  expect(issues).toMatchObject([{ code: "too_deep", line: 2, column: LIMITS.depth + 1 }]);
});

test("brackets in strings are no nesting", async () => {
  const message = `${"[".repeat(1000)}\\"\\\\"${"{".repeat(1000)}`;
  const answer = await postJson(CHECK, { name: "x", tasks: [{ method: "echo/echo", params: { message } }] });
  expect(await answer.json()).toMatchObject({ valid: true });
});

test("a depth within the limit passes, one level more is the checker's", async () => {
  const nested = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
  const taskOf = (depth: number) => ({ method: "echo/echo", params: { message: nested(depth) } });
  // The workflow, its tasks, the task and its params are four levels themselves.
  const bodyOf = (depth: number) => ({ workflow: { name: "x", tasks: [taskOf(depth - 4)] } });
  expect(await (await postJson(CHECK, bodyOf(LIMITS.depth))).json()).toMatchObject({ valid: true });
  const report = await (await postJson(CHECK, bodyOf(LIMITS.depth + 1))).json();
  expect(report).toMatchObject({ valid: false, issues: [{ code: "too_deep" }] });
});

test.each(["application/json", "application/yaml"])("an empty %s body is refused with 400", async (type) => {
  for (const body of ["", " \n"]) {
    const answer = await postText("/v1/runs", body, { "Content-Type": type });
    const { detail } = await problemOf(answer);
    expect([answer.status, detail]).toEqual([400, "the body is empty: send a workflow"]);
  }
});

test("bytes that are not UTF-8 are refused with 400", async () => {
  const answer = await postText("/v1/runs", new Uint8Array([0x7b, 0xff, 0xfe]));
  expect([answer.status, (await problemOf(answer)).code]).toEqual([400, "invalid_request"]);
});

test("a byte order mark is no part of the text", async () => {
  expect(
    await (await postText(CHECK, `\uFEFF{"workflow": "tasks: [{method: echo/echo}]"}`)).json(),
  ).toMatchObject({
    valid: true,
  });
});

describe("415 is the answer", () => {
  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=latin1",
    "application/jsonp",
    "json",
  ])("to a body as %s", async (type) => {
    const answer = await postText("/v1/runs", "{}", { "Content-Type": type });
    const { code, suggestions } = await problemOf(answer);
    expect([answer.status, code]).toEqual([415, "unsupported_media_type"]);
    expect(suggestions[0]).toBe("Send application/json or application/yaml.");
  });

  test("to a body without a content type", async () => {
    const answer = await send("/v1/runs", { method: "POST", body: new TextEncoder().encode("{}") });
    expect(answer.status).toBe(415);
  });

  test("to a compressed body", async () => {
    const answer = await postText("/v1/runs", "{}", { "Content-Encoding": "gzip" });
    expect([answer.status, (await problemOf(answer)).detail]).toEqual([415, expect.stringContaining("gzip")]);
  });

  test("also where a form's content type comes with a command that needs no body", async () => {
    const path = `/v1/runs/run_${"0".repeat(26)}/cancel`;
    expect((await send(path, { method: "POST", headers: { "Content-Type": "text/plain" } })).status).toBe(
      415,
    );
  });
});
