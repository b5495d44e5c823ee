import { describe, expect, test } from "vitest";
import type { JournalEntry } from "../../src/contract/event.ts";
import { ECHO, postJson, postYaml, problemOf, runOf, STUCK, send } from "../workerd/http.ts";

type Message = { id: string | undefined; event: string | undefined; data: JournalEntry };

/** The messages of a whole stream: it has to end by itself. */
async function messagesOf(answer: Response): Promise<Message[]> {
  const blocks = (await answer.text()).split("\n\n").filter((block) => /^(id|event|data):/m.test(block));
  return blocks.map((block) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
    return { id: field("id"), event: field("event"), data: JSON.parse(field("data") ?? "") };
  });
}

const startEnded = async () => (await runOf(await postYaml("/v1/runs?wait=30", ECHO))).id;
const follow = (id: string, headers: Record<string, string> = {}, query = "") =>
  send(`/v1/runs/${id}/events${query}`, { headers });
const JSON_PAGE = { Accept: "application/json" };

describe("GET …/events", () => {
  test("streams the journal from its start, gapless, and closes when the run has ended", async () => {
    const id = await startEnded();
    const answer = await follow(id);
    expect(answer.headers.get("Content-Type")).toBe("text/event-stream");
    const messages = await messagesOf(answer);
    expect(messages.map(({ event }) => event)).toEqual([
      "run.started",
      "task.queued",
      "task.started",
      "task.completed",
      "run.completed",
    ]);
    expect(messages.map((message) => message.id)).toEqual(messages.map((_, index) => String(index + 1)));
    for (const { event, data } of messages) expect(data).toMatchObject({ type: event, runId: id });
  });

  test("streams what happens while it is open", async () => {
    const { id } = await runOf(await postJson("/v1/runs", STUCK));
    const answer = await follow(id);
    await send(`/v1/runs/${id}/cancel`, { method: "POST" });
    expect((await messagesOf(answer)).at(-1)?.event).toBe("run.cancelled");
  });

  test.each([
    ["a Last-Event-ID", { "Last-Event-ID": "2" }, ""],
    ["?after", {}, "?after=2"],
    ["both, of which the header wins", { "Last-Event-ID": "2" }, "?after=4"],
  ])("goes on after %s with nothing lost or twice", async (_what, headers, query) => {
    const messages = await messagesOf(await follow(await startEnded(), headers, query));
    expect(messages.map(({ id }) => id)).toEqual(["3", "4", "5"]);
  });

  test("starts from the beginning for an empty Last-Event-ID, which is that of a new browser", async () => {
    expect(await messagesOf(await follow(await startEnded(), { "Last-Event-ID": "" }))).toHaveLength(5);
  });

  test("ends at once after the last event of a run that has ended", async () => {
    expect(await messagesOf(await follow(await startEnded(), { "Last-Event-ID": "5" }))).toEqual([]);
    expect(await messagesOf(await follow(await startEnded(), { "Last-Event-ID": "500" }))).toEqual([]);
  });

  test.each(["x", "-1", "1.5", "99999999999999999999"])("refuses Last-Event-ID %s with 400", async (text) => {
    const answer = await follow(await startEnded(), { "Last-Event-ID": text });
    expect([answer.status, (await problemOf(answer)).issues[0]?.path]).toEqual([400, "Last-Event-ID"]);
  });

  test.each(["*/*", "text/event-stream", "text/*", "text/html, */*;q=0.1"])(
    "streams for Accept: %s",
    async (Accept) => {
      const answer = await follow(await startEnded(), { Accept });
      expect(answer.headers.get("Content-Type")).toBe("text/event-stream");
      await messagesOf(answer);
    },
  );
});

describe("with Accept: application/json", () => {
  test("it is a page of the journal", async () => {
    const answer = await follow(await startEnded(), JSON_PAGE);
    expect(answer.headers.get("Content-Type")).toMatch(/^application\/json/);
    const { items, nextCursor } = await answer.json<{ items: JournalEntry[]; nextCursor: null }>();
    expect(items.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(nextCursor).toBeNull();
  });

  test("pages follow each other by cursor, each event in one of them", async () => {
    const id = await startEnded();
    const seen: number[] = [];
    let cursor: string | null = "0";
    for (let pages = 0; cursor !== null && pages < 10; pages++) {
      const answer: Response = await follow(id, JSON_PAGE, `?limit=2&cursor=${cursor}`);
      const page: { items: JournalEntry[]; nextCursor: string | null } = await answer.json();
      seen.push(...page.items.map(({ seq }) => seq));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  test.each(["limit=0", "limit=201", "limit=1.5", "cursor=x", "after=-1"])(
    "?%s is refused with 400",
    async (query) => {
      const answer = await follow(await startEnded(), JSON_PAGE, `?${query}`);
      expect([answer.status, (await problemOf(answer)).issues[0]?.path]).toEqual([400, query.split("=")[0]]);
    },
  );
});
