/** Workflows of echo tasks: nothing is measured but the engine and its way through queue, objects and storage. */
import type { JsonObject } from "../src/contract/json.ts";

export const SHAPES = ["chain", "fan-out"] as const;
export type Shape = (typeof SHAPES)[number];

export const shaped = (shape: Shape, count: number): JsonObject =>
  shape === "chain" ? chain(count) : fanOut(count);

type EchoTask = { id: string; method: string; params: JsonObject; dependencies?: string[] };

/** Each task waits for the one before and hears its answer. */
export function chain(count: number): JsonObject {
  return workflow(
    "chain",
    Array.from({ length: count }, (_, index) =>
      index === 0 ? echo(0, "first") : echo(index, `\${t${index - 1}.response}`, [`t${index - 1}`]),
    ),
  );
}

/** Tasks that wait for nothing. */
function fanOut(count: number): JsonObject {
  return workflow(
    "fan-out",
    Array.from({ length: count }, (_, index) => echo(index, "side by side")),
  );
}

function echo(index: number, message: string, dependencies: string[] = []): EchoTask {
  return { id: `t${index}`, method: "echo/echo", params: { message }, dependencies };
}

function workflow(name: string, tasks: EchoTask[]): JsonObject {
  return { name, maxParallelTasks: 1000, tasks };
}
