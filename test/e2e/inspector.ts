/** Asks a Worker in workerd how much it holds in memory, by the protocol that debuggers speak. */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";

/** In bytes: JavaScript's own, and what buffers hold outside. */
export type Inspector = {
  /** What is left when garbage has been collected. */
  heldBytes(): Promise<number>;
  /** Looks again and again, garbage included, until `most` is asked for. */
  sample(): { most(): Promise<number> };
  close(): void;
};

const target = z.object({ webSocketDebuggerUrl: z.string() });
const answer = z
  .object({ id: z.int(), result: z.unknown(), error: z.unknown() })
  .partial({ result: true, error: true });
const usage = z.object({ usedSize: z.number(), backingStorageSize: z.number().default(0) });

const PAUSE_MS = 25;

export async function openInspector(url: URL): Promise<Inspector> {
  const [found] = z
    .array(target)
    .parse(await (await fetch(new URL("/json", url.href.replace(/^ws/, "http")))).json());
  if (found === undefined) throw new Error(`${url}: there is no Worker to be inspected`);
  const socket = new WebSocket(found.webSocketDebuggerUrl);
  await once(socket, "open");
  const ask = askOver(socket);
  const bytes = async () => {
    const { usedSize, backingStorageSize } = usage.parse(await ask("Runtime.getHeapUsage"));
    return usedSize + backingStorageSize;
  };
  return {
    async heldBytes() {
      await ask("HeapProfiler.collectGarbage");
      return await bytes();
    },
    sample() {
      const end = new AbortController();
      const sampled = mostOf(bytes, end.signal);
      return {
        most: () => {
          end.abort();
          return sampled;
        },
      };
    },
    close: () => socket.close(),
  };
}

async function mostOf(bytes: () => Promise<number>, end: AbortSignal): Promise<number> {
  let most = await bytes();
  while (!end.aborted) {
    await delay(PAUSE_MS);
    most = Math.max(most, await bytes());
  }
  return most;
}

function askOver(socket: WebSocket): (method: string) => Promise<unknown> {
  let last = 0;
  const waiting = new Map<number, (said: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const parsed = answer.safeParse(JSON.parse(String(data)));
    if (!parsed.success) return; // what is told unasked has no id
    waiting.get(parsed.data.id)?.(parsed.data.result);
    waiting.delete(parsed.data.id);
  });
  return (method) =>
    new Promise((resolve) => {
      waiting.set(++last, resolve);
      socket.send(JSON.stringify({ id: last, method }));
    });
}
