/** Shows a run's progress: on a terminal in place, else a line for each thing that happens. */
import type { JournalEntry, LiveEvent } from "../contract/event.ts";
import { frameOf } from "./frame.ts";
import { makeProgress, takeEvent } from "./progress.ts";
import { taskLine } from "./task-line.ts";
import { paintFor } from "./terminal.ts";

export type View = {
  take(event: JournalEntry | LiveEvent): void;
  /** Draws what is left to draw; the cursor is below it then. */
  end(): void;
};

/** Standard error, mostly: results alone go to standard output. */
export type Screen = {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
};

/** Fast runs give thousands of events a second; eyes do with this. */
const DRAW_MS = 80;
/** Where the terminal does not say. */
const SIZE_DEFAULT = { columns: 80, rows: 24 };

export function showProgress(ids: string[], screen: Screen): View {
  const isLive = screen.isTTY === true && process.env["TERM"] !== "dumb";
  return isLive ? drawInPlace(ids, screen) : writeLines(ids, screen);
}

function writeLines(ids: string[], screen: Screen): View {
  const progress = makeProgress(ids);
  const line = { paint: paintFor(screen), columns: Number.POSITIVE_INFINITY };
  return {
    take(event) {
      const task = takeEvent(progress, event);
      const isNews = "seq" in event && event.type !== "task.queued";
      if (task !== undefined && isNews) screen.write(`${taskLine(task, line)}\n`);
    },
    end() {},
  };
}

function drawInPlace(ids: string[], screen: Screen): View {
  const progress = makeProgress(ids);
  const paint = paintFor(screen);
  let drawn = 0;
  const draw = () => {
    const { columns = SIZE_DEFAULT.columns, rows = SIZE_DEFAULT.rows } = screen;
    // The last column stays free, or some terminals wrap; the last row too, since the cursor stands there.
    const size = { columns: columns - 1, rows: rows - 1 };
    const lines = frameOf(progress, { ...size, paint, now: Date.now() });
    const up = drawn > 0 ? `\u001b[${drawn}A` : "";
    screen.write(`${up}\r\u001b[J${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, DRAW_MS);
  return {
    take: (event) => void takeEvent(progress, event),
    end() {
      clearInterval(timer);
      draw();
    },
  };
}
