/**
 * Runs and tasks as bytes for clients, never more of them than RPC carries: what is large is left out, piece by piece,
 * in the order that contract/run.ts promises.
 */
import { GleitzeitError } from "../contract/error.ts";
import { encodeJson, type Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { omitInputs, type RunView, type TaskDetail } from "../contract/run.ts";
import { mapError, shorten } from "../engine/view.ts";

export function encodeRun(view: RunView): Uint8Array {
  return encodeLighter(view, [withoutOutputs, shortenErrors, withoutErrors, withoutInputs]);
}

/** Params beyond their limit were never carried out, and are the only part of a task without one of its own. */
export function encodeTask(view: TaskDetail): Uint8Array {
  return encodeLighter(view, [({ params, ...rest }) => rest]);
}

function encodeLighter<View extends RunView | TaskDetail>(
  view: View,
  lighter: ((view: View) => View)[],
): Uint8Array {
  const bytes = encodeJson(view as Json);
  if (bytes.byteLength <= LIMITS.viewBytes) return bytes;
  const [lighten, ...others] = lighter;
  if (lighten !== undefined) return encodeLighter(lighten(view), others);
  throw new GleitzeitError("too_large", `${view.id} is too large to be shown: ${bytes.byteLength} bytes`);
}

function withoutOutputs({ outputs, ...rest }: RunView): RunView {
  return rest;
}

function shortenErrors(view: RunView): RunView {
  return { ...view, tasks: view.tasks.map((task) => mapError(task, shorten)) };
}

function withoutErrors(view: RunView): RunView {
  return { ...view, tasks: view.tasks.map(({ error, ...rest }) => rest) };
}

function withoutInputs(view: RunView): RunView {
  return omitInputs(view, "the inputs are too large to be shown beside so many tasks");
}
