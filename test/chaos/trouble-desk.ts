/**
 * Says what becomes of each call of the database, which the Worker of test/workerd/faulty-worker.ts asks for. It is
 * outside the service, so that it survives kills and its mood changes for all of the service at once.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { Chance } from "../sim/chance.ts";

/** Of all calls: none fail; a share fails; all fail, some of them after a long while. */
export type Mood = "well" | "failing" | "refusing";

/** `refused`: nothing is done. `lost`: it is done, and the answer does not arrive. */
export type Fate = "answered" | "refused" | "lost";

export type TroubleDesk = {
  url: string;
  mood: Mood;
  /** `performance.now()` */
  refusingSince: number;
  counts: Record<Fate, number>;
  close(): Promise<void>;
};

const FAILING_SHARE = 0.3;
const HANGING_SHARE = 0.1;
const HANG_MS = 10_000;

export async function openTroubleDesk(chance: Chance): Promise<TroubleDesk> {
  const server = createServer((_, response) => {
    const fate = fateOf(desk.mood, chance);
    desk.counts[fate]++;
    const hangMs = desk.mood === "refusing" && chance.is(HANGING_SHARE) ? HANG_MS : 0;
    setTimeout(() => response.end(fate), hangMs).unref();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const desk: TroubleDesk = {
    url: `http://127.0.0.1:${port}`,
    mood: "well",
    refusingSince: 0,
    counts: { answered: 0, refused: 0, lost: 0 },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return desk;
}

function fateOf(mood: Mood, chance: Chance): Fate {
  if (mood === "refusing") return "refused";
  if (mood === "well" || !chance.is(FAILING_SHARE)) return "answered";
  return chance.pick(["refused", "lost"]);
}
