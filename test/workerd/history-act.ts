/** What the filler of history is asked to do with one backend. */
import * as z from "zod";
import { runId } from "../../src/contract/id.ts";
import { runStatus } from "../../src/contract/run.ts";

const number = z.int().min(0);
export const historyAct = z.discriminatedUnion("type", [
  z.object({ type: z.literal("nothing") }),
  /** Runs of the past, two an hour: the higher the number, the older. */
  z.object({ type: z.literal("fill"), first: number, count: z.int().min(1).max(1000) }),
  /** Runs that ended now. */
  z.object({ type: z.literal("write"), first: number, count: z.int().min(1).max(50) }),
  /** One that goes on. */
  z.object({ type: z.literal("rewrite"), number, createdAt: z.int(), revision: z.int() }),
  z.object({
    type: z.literal("list"),
    limit: z.int(),
    filter: z.object({
      status: runStatus.optional(),
      workflow: z.string().optional(),
      tag: z.object({ key: z.string(), value: z.string() }).optional(),
    }),
  }),
  z.object({ type: z.literal("read"), id: runId }),
  z.object({ type: z.literal("count") }),
  z.object({ type: z.literal("prune"), before: z.int(), limit: z.int() }),
]);
export type HistoryAct = z.infer<typeof historyAct>;
