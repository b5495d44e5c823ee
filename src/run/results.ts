/** The results of a run as one JSON object, read one by one while it is sent: together they may be larger than memory. */
import type { Run } from "../engine/run.ts";

type Storage = { readResultBytes(taskId: string, attempt: number): Uint8Array };

const encoder = new TextEncoder();

export function streamResults(run: Run, storage: Storage): ReadableStream<Uint8Array> {
  // Noted now: the run may be retried while its results are read, and keeps them.
  const attempts = [...run.tasks].flatMap(([id, { state }]) =>
    state.status === "completed" ? [{ id, attempt: state.attempt }] : [],
  );
  let separator = "{";
  return new ReadableStream({
    pull(controller) {
      const next = attempts.shift();
      if (next === undefined) {
        controller.enqueue(encoder.encode(separator === "{" ? "{}" : "}"));
        return controller.close();
      }
      controller.enqueue(encoder.encode(`${separator}${JSON.stringify(next.id)}:`));
      controller.enqueue(storage.readResultBytes(next.id, next.attempt));
      separator = ",";
    },
  });
}
