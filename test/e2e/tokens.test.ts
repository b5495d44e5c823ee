/** Text of a model while it comes: in batches with offsets, for early followers and late ones. */
import { afterAll, expect, it } from "vitest";
import type { JournalEntry, LiveEvent, TokenEvent } from "../../src/contract/event.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { collect, serviceForFile } from "./service.ts";

const WORDS = 150;
const TOKEN_MS = 10;
const TEXT = Array.from({ length: WORDS }, (_, index) => `wörd-${index}`).join(" ");

const ollama = await startFakeOllama({ tokenDelayMs: TOKEN_MS, reply: () => TEXT });
afterAll(() => ollama.close());
const client = await serviceForFile({ python: false, ollamaUrls: [ollama.url] });

const WORKFLOW = {
  name: "talks",
  tasks: [{ id: "talk", method: "llm/chat", params: { prompt: "Say much", model: "llama3.2" } }],
};

const tokensOf = (told: (JournalEntry | LiveEvent)[]) =>
  told.flatMap((one) => (one.type === "task.token" ? one : []));
const textOf = (tokens: TokenEvent[]) => tokens.map(({ text }) => text).join("");

/** Each piece begins where the one before has ended. */
function expectGapless(tokens: TokenEvent[]): void {
  let end = 0;
  for (const { offset, text } of tokens) {
    expect(offset).toBe(end);
    end += text.length;
  }
}

/** Every token event of one connection, as it is sent. */
async function readTokens(body: ReadableStream<Uint8Array> | null): Promise<TokenEvent[]> {
  const lines = (await new Response(body).text()).matchAll(/^data: (.*"task\.token".*)$/gm);
  return [...lines].map(([, data = ""]) => JSON.parse(data));
}

const connectTo = (id: string) => fetch(`${client.url}/v1/runs/${id}/events`);

it("reaches a follower in batches, and what it got is the result to the last character", async () => {
  const { id } = await client.submit({ workflow: WORKFLOW });
  const told = await collect(client.events(id));
  const tokens = tokensOf(told);
  const result = await client.task(id, "talk");
  expect(result.result).toMatchObject({ response: TEXT });
  expect(textOf(tokens)).toBe(TEXT);
  expectGapless(tokens);
  expect(tokens.length).toBeGreaterThan(2);
  expect(tokens.length).toBeLessThan(WORDS / 2);
  // Before the task's end, which comes with the result.
  expect(told.findLastIndex(({ type }) => type === "task.token")).toBeLessThan(
    told.findIndex(({ type }) => type === "task.completed"),
  );
});

it("begins, for one that comes later, with the text so far", async () => {
  const { id } = await client.submit({ workflow: WORKFLOW });
  for await (const event of client.events(id)) if (tokensOf([event]).length > 0) break;
  const early = await connectTo(id);
  const late = connectTo(id);
  for (const tokens of await Promise.all([
    readTokens(early.body),
    late.then(({ body }) => readTokens(body)),
  ])) {
    expectGapless(tokens);
    expect(textOf(tokens)).toBe(TEXT);
  }
});

it("begins with the first word also for one that comes when the call has run for a while unwatched", async () => {
  const before = ollama.requests.length;
  const { id } = await client.submit({ workflow: WORKFLOW });
  await expect.poll(() => ollama.requests.length, { timeout: 10_000 }).toBe(before + 1);
  const tokens = await readTokens((await connectTo(id)).body);
  expectGapless(tokens);
  expect(textOf(tokens)).toBe(TEXT);
});

it("is not told when the call is over: the journal has the result's size, the task its text", async () => {
  const { id } = await client.submit({ workflow: WORKFLOW }, { waitSeconds: 30 });
  expect(tokensOf(await collect(client.events(id)))).toEqual([]);
});
