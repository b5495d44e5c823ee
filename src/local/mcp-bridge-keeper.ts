/** Keeps one stdio MCP server running: one that ended is started again when it is next asked, with bounds. */
import { type Life, startLife } from "./mcp-bridge-life.ts";
import type { StdioServer } from "./mcp-bridge-process.ts";
import { BridgeRefusal } from "./mcp-bridge-refusal.ts";
import { countStarts } from "./mcp-bridge-starts.ts";

export type Keeper = {
  /** The server once it has answered its handshake; refused with 503 where it does not run and may not start yet. */
  living(): Promise<Life>;
  /** Without starting it. */
  cancel: Life["cancel"];
  close(): Promise<void>;
};

export type Keeping = {
  log: (line: string) => void;
  /** Processes that are to be ended if this one cannot do it any more. */
  note?: { started(pid: number): void; ended(pid: number): void };
  now?: () => number;
};

/** Starts it at once, so that the first who asks does not wait, and so that the log tells early what is wrong. */
export function keepServer(name: string, server: StdioServer, keeping: Keeping): Keeper {
  const { log, note, now = Date.now } = keeping;
  const starts = countStarts();
  let lastReason = "";
  let isClosed = false;
  let over: Promise<void> = Promise.resolve();
  let life: Life | undefined = begin();

  function begin(): Life {
    starts.started(now());
    const begun = startLife(server, (line) => log(`${name}: ${line}`));
    if (begun.pid !== undefined) note?.started(begun.pid);
    const wasReady = begun.ready.then(starts.succeeded).then(
      () => true,
      () => false,
    );
    over = begun.ended.then(async (reason) => end(begun, reason, await wasReady));
    return begun;
  }

  function end(ended: Life, reason: string, wasReady: boolean): void {
    if (ended.pid !== undefined) note?.ended(ended.pid);
    life = undefined;
    lastReason = reason;
    if (isClosed) return;
    if (!wasReady) starts.failed(now());
    log(`MCP server "${name}" ${wasReady ? "ended" : "did not start"}: ${reason}`);
  }

  async function living(): Promise<Life> {
    if (isClosed) throw new BridgeRefusal(503, `MCP server "${name}" is being ended`);
    life ??= again();
    const [current, currentOver] = [life, over];
    try {
      await current.ready;
      return current;
    } catch {
      await currentOver;
      throw new BridgeRefusal(503, `MCP server "${name}" did not start: ${lastReason}`, starts.waitMs(now()));
    }
  }

  function again(): Life {
    const waitMs = starts.waitMs(now());
    if (waitMs === 0) return begin();
    const message = `MCP server "${name}" is not started again for ${Math.ceil(waitMs / 1000)} s: ${lastReason}`;
    throw new BridgeRefusal(503, message, waitMs);
  }

  async function close(): Promise<void> {
    isClosed = true;
    await life?.stop("the service is being stopped");
    await over;
  }

  return { living, cancel: (session, request) => life?.cancel(session, request), close };
}
