import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import { collect } from "../e2e/service.ts";

const ID = `run_${"0".repeat(26)}`;
const AT = "2026-11-01T00:00:00.000Z";

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

it("goes on behind the last event when a connection breaks, with nothing lost and nothing twice", async () => {
  const server = await serve([
    (response) => breakOff(stream(response, entry(1, "run.started"), queued(2))),
    (response) => breakOff(stream(response)),
    // What it has given already is not given again, whatever the service repeats.
    (response) => stream(response, queued(2), queued(3), entry(4, "run.completed")).end(),
  ]);
  const events = await collect(server.client.events(ID));
  expect(events.map((event) => "seq" in event && event.seq)).toEqual([1, 2, 3, 4]);
  expect(server.lastEventIds).toEqual([undefined, "2", "2"]);
});

it("reads on where a run that had ended was retried", async () => {
  const server = await serve([
    (response) => {
      const failed = entry(1, "run.failed", { error: { code: "timeout", message: "m", retryable: true } });
      stream(response, failed, entry(2, "run.retried", { generation: 2 }), entry(3, "run.completed")).end();
    },
  ]);
  expect((await collect(server.client.events(ID))).length).toBe(3);
});

it("leaves out the text that a new connection repeats", async () => {
  const server = await serve([
    (response) => breakOff(stream(response, token(0, "It is"), token(5, " rai"))),
    (response) => stream(response, token(0, "It is raining"), entry(1, "run.completed")).end(),
  ]);
  const events = await collect(server.client.events(ID));
  const texts = events.flatMap((event) => (event.type === "task.token" ? event.text : []));
  expect(texts).toEqual(["It is", " rai", "ning"]);
});

it("gives the text of a call that is made again elsewhere from its beginning, and none of it twice", async () => {
  const server = await serve([
    (response) => breakOff(stream(response, token(0, "It is raining"), token(0, "Good", 2))),
    (response) => stream(response, token(0, "Good day", 2), entry(1, "run.completed")).end(),
  ]);
  const events = await collect(server.client.events(ID));
  const texts = events.flatMap((event) =>
    event.type === "task.token" ? [[event.call, event.offset, event.text]] : [],
  );
  expect(texts).toEqual([
    [1, 0, "It is raining"],
    [2, 0, "Good"],
    [2, 4, " day"],
  ]);
});

it("tells how far a call is, and goes on behind the last event of the journal all the same", async () => {
  const server = await serve([
    (response) => breakOff(stream(response, entry(1, "run.started"), progress({ progress: 1, total: 3 }))),
    (response) => stream(response, progress({ progress: 2, message: "m" }), entry(2, "run.completed")).end(),
  ]);
  const events = await collect(server.client.events(ID));
  const event = { type: "task.progress", taskId: "a", attempt: 1 };
  expect(events).toMatchObject([
    { seq: 1 },
    { ...event, progress: 1, total: 3 },
    { ...event, progress: 2, message: "m" },
    { seq: 2 },
  ]);
  expect(server.lastEventIds).toEqual([undefined, "1"]);
});

it("says so where it does not understand an event of a newer service", async () => {
  const server = await serve([(response) => stream(response, progress({ progress: "half" })).end()]);
  const message = expect.stringContaining("task.progress");
  await expect(collect(server.client.events(ID))).rejects.toMatchObject({ code: "invalid_result", message });
});

it("tries again where the service cannot answer now, and does not where it says no", async () => {
  const server = await serve([
    (response) => response.writeHead(503).end("restarting"),
    (response) => problem(response, 404, "not_found"),
  ]);
  await expect(collect(server.client.events(ID))).rejects.toMatchObject({
    code: "not_found",
    message: "why",
  });
});

it("ends without an error when it is aborted", async () => {
  const stop = new AbortController();
  const server = await serve([(response) => stream(response, entry(1, "run.started"))]);
  const events = server.client.events(ID, { signal: stop.signal });
  expect((await events.next()).value).toMatchObject({ seq: 1 });
  stop.abort();
  expect((await events.next()).done).toBe(true);
});

it("says where no service answers, and how to start one", async () => {
  const server = await serve([]);
  await server.close();
  const unreachable = {
    code: "unavailable",
    message: expect.stringMatching(/no service answers at .*npm start$/),
  };
  await expect(server.client.run(ID)).rejects.toMatchObject(unreachable);
});

it("names the address where something else answers", async () => {
  const server = await serve([(response) => response.end("<html>")]);
  await expect(server.client.run(ID)).rejects.toThrow(/is no Gleitzeit service: <html>/);
});

it("refuses a body that no service takes before it sends it", async () => {
  const workflow = { tasks: [], padding: "é".repeat(13 * 1024 * 1024) };
  const client = connect({ url: "http://127.0.0.1:1" });
  await expect(client.submit({ workflow })).rejects.toMatchObject({ code: "too_large" });
});

/** Answers the first request with the first answer, and so on. */
async function serve(answers: Answer[]) {
  const lastEventIds: unknown[] = [];
  const server = createServer((request, response) => {
    lastEventIds.push(request.headers["last-event-id"]);
    answers.shift()?.(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(() => void close());
  return { client: connect({ url: `http://127.0.0.1:${port}/` }), lastEventIds, close };
}

function stream(response: ServerResponse, ...pieces: string[]): ServerResponse {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(`: \n\n${pieces.join("")}`);
  return response;
}

/** After what was written has left: a reset would take it along. */
function breakOff(response: ServerResponse): void {
  response.write(": \n\n", () => setImmediate(() => response.socket?.end()));
}

const entry = (seq: number, type: string, more: object = {}) =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ seq, at: AT, runId: ID, type, actor: "local", ...more })}\n\n`;

const queued = (seq: number) => entry(seq, "task.queued", { taskId: "a" });

const token = (offset: number, text: string, call = 1) =>
  `event: task.token\ndata: ${JSON.stringify({ type: "task.token", taskId: "a", attempt: 1, call, offset, text })}\n\n`;

const progress = (more: object) =>
  `event: task.progress\ndata: ${JSON.stringify({ type: "task.progress", taskId: "a", attempt: 1, ...more })}\n\n`;

function problem(response: ServerResponse, status: number, code: string): void {
  const body = {
    type: "t",
    title: "t",
    status,
    detail: "why",
    code,
    suggestions: [],
    issues: [],
    requestId: "r",
  };
  response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(body));
}
