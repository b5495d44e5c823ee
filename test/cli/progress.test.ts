import { describe, expect, it } from "vitest";
import { type FrameOptions, frameOf } from "../../src/cli/frame.ts";
import { makeProgress, type Progress, takeEvent } from "../../src/cli/progress.ts";
import { type Screen, showProgress } from "../../src/cli/progress-view.ts";
import { widthOf } from "../../src/cli/terminal.ts";
import { type JournalEntry, journalEntry } from "../../src/contract/event.ts";

const START = Date.parse("2026-11-01T00:00:00Z");
const SIZE: FrameOptions = { columns: 60, rows: 10, paint: (_, text) => text, now: START + 2500 };

describe("what a terminal shows", () => {
  it("is a line for each task in the order of the file, with the time of what runs", () => {
    const progress = progressOf(
      ["fetch", "sum", "tell"],
      [
        [0, { type: "task.started", taskId: "fetch", attempt: 1, session: "s" }],
        [35, { type: "task.completed", taskId: "fetch", attempt: 1, bytes: 2 }],
        [100, { type: "task.started", taskId: "sum", attempt: 1, session: "s" }],
      ],
    );
    expect(frameOf(progress, SIZE)).toEqual([
      "✓ fetch completed 35 ms",
      "▸ sum   running 2.4 s",
      "· tell  waiting",
    ]);
  });

  it("says why a task waits for another try, failed or was skipped", () => {
    const error = { code: "timeout", message: "too\nslow", retryable: true };
    const progress = progressOf(
      ["a", "b", "c"],
      [
        [0, { type: "task.retrying", taskId: "a", attempt: 1, outcome: "failed", delayMs: 1500, error }],
        [0, { type: "task.failed", taskId: "b", error }],
        [0, { type: "task.skipped", taskId: "c", reason: { kind: "dependency", taskId: "b" } }],
      ],
    );
    expect(frameOf(progress, SIZE)).toEqual([
      "↻ a retrying too slow; again in 1.5 s",
      "✗ b failed timeout: too slow",
      "- c skipped b did not complete",
    ]);
  });

  it("keeps within the terminal: no line is wider, none too many, and those that run are there", () => {
    const ids = Array.from({ length: 300 }, (_, index) => `猫-${index}-${"long".repeat(12)}`);
    const progress = progressOf(ids, [
      [0, { type: "task.started", taskId: ids[250] ?? "", attempt: 1, session: "s" }],
      [0, { type: "task.completed", taskId: ids[0] ?? "", attempt: 1, bytes: 1 }],
    ]);
    for (const [columns, rows] of [
      [60, 10],
      [20, 2],
      [7, 1],
      [1, 1],
    ] as const) {
      const lines = frameOf(progress, { ...SIZE, columns, rows });
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      expect(lines.some((line) => line.startsWith("▸") || line === "…")).toBe(true);
    }
    const lines = frameOf(progress, SIZE);
    expect(lines.at(-1)).toBe("… 291 more; of all 300: 1 running, 298 waiting, 1 completed");
  });

  it("is what a model says, as far as it has come; a call that is made again elsewhere begins anew", () => {
    const progress = progressOf(["a"], []);
    const say = (call: number, offset: number, text: string) =>
      takeEvent(progress, { type: "task.token", taskId: "a", attempt: 1, call, offset, text });
    say(1, 0, "It is");
    say(1, 5, " raining");
    expect(frameOf(progress, SIZE)).toEqual(["· a waiting It is raining"]);
    say(2, 0, "Good");
    say(2, 4, " day");
    expect(frameOf(progress, SIZE)).toEqual(["· a waiting Good day"]);
  });

  it.each([
    [{ progress: 3, total: 10, message: "reading pages" }, "3 of 10: reading pages"],
    [{ progress: 3, total: 10 }, "3 of 10"],
    [{ progress: 0.5, message: "half" }, "0.5: half"],
    [{ progress: 3 }, "3"],
  ])("is how far a call is: %j", (told, shown) => {
    const progress = progressOf(
      ["a"],
      [[0, { type: "task.started", taskId: "a", attempt: 1, session: "s" }]],
    );
    takeEvent(progress, { type: "task.progress", taskId: "a", attempt: 1, progress: 1, message: "before" });
    takeEvent(progress, { type: "task.progress", taskId: "a", attempt: 1, ...told });
    expect(frameOf(progress, SIZE)).toEqual([`▸ a running 2.5 s ${shown}`]);
  });

  it("lets nothing through that moves the cursor", () => {
    const progress = progressOf(["a"], []);
    const text = "\u001b[2Jboo\u0007\rx\u202e";
    takeEvent(progress, { type: "task.token", taskId: "a", attempt: 1, call: 1, offset: 0, text });
    expect(frameOf(progress, SIZE)).toEqual(["· a waiting ·[2Jboo· x·"]);
  });
});

describe("progress", () => {
  const started = { type: "task.started", taskId: "a", attempt: 1, session: "s" };
  const completed = { type: "task.completed", taskId: "a", attempt: 1, bytes: 1 };
  const events = [started, completed].map((event, index) => entryOf(index, 10 * index, event));

  it("is drawn over itself on a terminal", () => {
    const { screen, written } = screenOf({ isTTY: true, columns: 40, rows: 5 });
    const view = showProgress(["a"], screen);
    for (const event of events) view.take(event);
    view.end();
    view.end();
    const frame = (text: string) => expect.stringMatching(text);
    expect(written).toEqual([frame("^\\r\u001b\\[J.*a completed 10 ms\n$"), frame("^\u001b\\[1A")]);
  });

  it("is a line for each thing that happens elsewhere", () => {
    const { screen, written } = screenOf({});
    const view = showProgress(["a"], screen);
    for (const event of events) view.take(event);
    view.end();
    expect(written).toEqual(["▸ a running\n", "✓ a completed 10 ms\n"]);
  });
});

describe("a line for each thing that happens", () => {
  it("is none for text or for how far a call is: these are shown while they come, or not at all", () => {
    const { screen, written } = screenOf({});
    const view = showProgress(["a"], screen);
    view.take({ type: "task.token", taskId: "a", attempt: 1, call: 1, offset: 0, text: "It" });
    view.take({ type: "task.progress", taskId: "a", attempt: 1, progress: 1 });
    view.end();
    expect(written).toEqual([]);
  });
});

function screenOf(kind: Omit<Screen, "write">) {
  const written: string[] = [];
  return { screen: { ...kind, write: (text: string) => written.push(text) }, written };
}

function progressOf(ids: string[], events: [atMs: number, event: object][]): Progress {
  const progress = makeProgress(ids);
  for (const [index, [atMs, event]] of events.entries()) takeEvent(progress, entryOf(index, atMs, event));
  return progress;
}

function entryOf(index: number, atMs: number, event: object): JournalEntry {
  const at = new Date(START + atMs).toISOString();
  return journalEntry.parse({ seq: index + 1, at, runId: `run_${"0".repeat(26)}`, ...event });
}
