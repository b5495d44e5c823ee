/** The bridge as the official client sees it, with real servers behind. */
import { expect, it } from "vitest";
import { startBridge } from "../../src/local/mcp-bridge.ts";
import { isRunning, markOf } from "../../src/local/process-mark.ts";
import {
  answerOf,
  bridgeTo,
  callOf,
  connect,
  EVERYTHING,
  post,
  SMALL,
  startLog,
  stdioServer,
  textOf,
} from "./mcp-bridge-fixture.ts";

it("lists and calls the tools of a stdio server over HTTP, for clients of both eras", async () => {
  const { url } = await bridgeTo(EVERYTHING);
  for (const mode of ["auto", "legacy"] as const) {
    const client = await connect(url, mode);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("get-sum");
    const { content } = await client.callTool({ name: "get-sum", arguments: { a: 2, b: 40 } });
    expect(content).toEqual([{ type: "text", text: "The sum of 2 and 40 is 42." }]);
    expect(client.getServerVersion()?.name).toBe("mcp-servers/everything");
    expect((await client.listResources()).resources.length).toBeGreaterThan(0);
    expect((await client.listPrompts()).prompts.length).toBeGreaterThan(0);
  }
});

it("streams the progress of a call to who made it, also where another's token is the same", async () => {
  const { url } = await bridgeTo(EVERYTHING);
  const seen = await Promise.all(
    [2, 3].map(async (steps) => {
      const client = await connect(url);
      const reports: [number, number | undefined][] = [];
      await client.callTool(
        { name: "trigger-long-running-operation", arguments: { duration: 0.2, steps } },
        { onprogress: ({ progress, total }) => reports.push([progress, total]) },
      );
      return reports;
    }),
  );
  expect(seen).toEqual([[1, 2].map((step) => [step, 2]), [1, 2, 3].map((step) => [step, 3])]);
});

it("keeps the calls of two clients apart that use the same ids", async () => {
  const { url } = await bridgeTo(EVERYTHING);
  const answers = await Promise.all(
    [1, 2, 3, 4].map(async (number) => {
      const message = callOf("echo", 7);
      const params = { name: "echo", arguments: { message: `from ${number}` } };
      return await answerOf(await post(url, { ...message, params }));
    }),
  );
  expect(answers.map(({ id }) => id)).toEqual([7, 7, 7, 7]);
  expect(answers.map(({ text }) => text)).toEqual([1, 2, 3, 4].map((number) => `Echo: from ${number}`));
});

it("tells the server when a client cancels a call, or only leaves", async () => {
  const { url, untilLogged } = await bridgeTo(SMALL);
  const client = await connect(url);
  const leaving = new AbortController();
  const call = client.callTool({ name: "hang", arguments: {} }, { signal: leaving.signal });
  const [, hanging] = await untilLogged(/hangs at (\d+)/);
  leaving.abort();
  await expect(call).rejects.toThrow();
  await untilLogged(new RegExp(`cancelled ${hanging}$`));

  const request = new AbortController();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(callOf("hang"));
  const left = fetch(url, { method: "POST", headers, body, signal: request.signal });
  const [, second] = await untilLogged(new RegExp(`hangs at (?!${hanging}$)(\\d+)`));
  request.abort();
  await expect(left).rejects.toThrow();
  await untilLogged(new RegExp(`cancelled ${second}$`));
});

it("ends a call that its session cancels, and leaves the same id of another session alone", async () => {
  const { url, lines, untilLogged } = await bridgeTo(SMALL);
  const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "a" } };
  const [first, second] = ["first", "second"].map((name) => ({ "mcp-session-id": name }));
  const staying = post(url, callOf("hang", "a"), first);
  const [, kept] = await untilLogged(/hangs at (\d+)/);
  const leaving = post(url, callOf("hang", "a"), second);
  const [, ended] = await untilLogged(new RegExp(`hangs at (?!${kept}$)(\\d+)`));
  expect((await post(url, cancelled, second)).status).toBe(202);
  expect(await textOf(await leaving)).toBe("cancelled by its caller");
  await untilLogged(new RegExp(`cancelled ${ended}$`));
  expect(lines).not.toContain(`files: cancelled ${kept}`);
  await post(url, cancelled, first);
  expect(await answerOf(await staying)).toMatchObject({ id: "a", text: "cancelled by its caller" });
});

it("tells a server that asks that its client is there, and offers nothing", async () => {
  const { url } = await bridgeTo(SMALL);
  expect(await textOf(await post(url, callOf("ask")))).toBe(
    '{"code":-32601,"message":"roots/list is not offered by Gleitzeit"}',
  );
  expect(await textOf(await post(url, callOf("ping")))).toBe("{}");
});

it("starts a killed server again at the next call, which needs no new handshake", async () => {
  const { url, untilLogged } = await bridgeTo(SMALL);
  const client = await connect(url);
  const { content } = await client.callTool({ name: "pid", arguments: {} });
  const [first] = content;
  process.kill(Number(first?.type === "text" ? first.text : "x"), "SIGKILL");
  await untilLogged(/MCP server "files" ended: it was ended by SIGKILL/);
  const again = await client.callTool({ name: "pid", arguments: {} });
  expect(again.content).not.toEqual(content);
});

it("refuses what is under way when the server ends with 502, and says why it ended", async () => {
  const { url, lines } = await bridgeTo(SMALL);
  const hanging = post(url, callOf("hang"));
  const crashing = await post(url, callOf("crash"));
  expect([crashing.status, (await hanging).status]).toEqual([502, 502]);
  expect(await textOf(crashing)).toMatch(/^it exited with code 3; it said last: .*out of cheese$/);
  expect(lines).toContain("files: out of cheese");
});

it("tells in the stream that a call with progress was lost", async () => {
  const { url } = await bridgeTo(SMALL);
  const { params, ...call } = callOf("crash");
  const response = await post(url, { ...call, params: { ...params, _meta: { progressToken: "t" } } });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(await response.text()).toMatch(/^event: message\ndata: .*"id":1,.*it exited with code 3/);
});

it("ends a server that says more than can be read", async () => {
  const { url } = await bridgeTo(SMALL);
  const response = await post(url, callOf("flood"));
  expect([response.status, await textOf(response)]).toEqual([
    502,
    "it sent a message of more than 16777216 bytes",
  ]);
});

it("answers 503 with the reason and when to ask again where the command is not to be found", async () => {
  const { url, untilLogged } = await bridgeTo(stdioServer("no-such-command"), () => 0);
  const reason =
    'command "no-such-command" was not found: install it, or give its full path in gleitzeit.yaml';
  const [line] = await untilLogged(/MCP server "files" did not start: .*/);
  expect(line).toBe(`MCP server "files" did not start: ${reason}`);
  const response = await post(url, callOf("echo"));
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await textOf(response)).toBe(`MCP server "files" is not started again for 1 s: ${reason}`);
});

it.each(["/no/such/folder", SMALL.command])("names the folder that is none: %s", async (cwd) => {
  const { url, untilLogged } = await bridgeTo({ ...SMALL, cwd });
  const [line] = await untilLogged(/its folder .*/);
  expect(line).toBe(`its folder ${cwd} does not exist: correct cwd in gleitzeit.yaml`);
  expect((await post(url, callOf("pid"))).status).toBe(503);
});

it("gives a server no variables but the usual ones and its own", async () => {
  const { url } = await bridgeTo({ ...SMALL, env: { API_KEY: "k" } });
  const usual = /^(API_KEY|HOME|LANG|LC_ALL|LOGNAME|PATH|SHELL|TERM|TMPDIR|TZ|USER)$/;
  const names = (await textOf(await post(url, callOf("environment")))).split(" ");
  expect(names).toContain("API_KEY");
  expect(names.filter((name) => !usual.test(name))).toEqual([]);
});

it.each([
  ["politely", "polite"],
  ["by force", "stubborn"],
])("ends the server with all that it started, %s", async (_how, manner) => {
  const { log, untilLogged } = startLog();
  // A shell that stays, as `npx` does, and the server below it.
  const script = 'exec 3<&0; "$0" "$@" <&3 & echo "shell $$" >&2; wait';
  const args = ["-c", script, SMALL.command, ...SMALL.args, manner];
  const bridge = await startBridge("files", { ...SMALL, command: "sh", args }, { log });
  const server = await textOf(await post(bridge.url, callOf("pid")));
  const [, shell] = await untilLogged(/shell (\d+)/);
  const marks = [shell, server].map((pid) => markOf(Number(pid)));
  expect(marks.map(isRunning)).toEqual([true, true]);
  await bridge.close();
  await expect.poll(() => marks.map(isRunning)).toEqual([false, false]);
  await expect(fetch(bridge.url)).rejects.toThrow();
});
