/** /api/pull: the manifest, the layers as they come, and then the model is there. */
import type { ServerResponse } from "node:http";
import type { JsonObject } from "../../src/contract/json.ts";
import { type Shop, sendJson } from "./exchange.ts";
import { pause, writeLine } from "./generate.ts";
import { findModel, fullName, weight } from "./library.ts";

const PIECES = 4;

/** What goes wrong comes as a line: the first, which says 200, is sent before the library is asked. */
export async function pull(shop: Shop, body: JsonObject, response: ServerResponse): Promise<void> {
  const model = fullName(String(body["model"] ?? body["name"]));
  const isThere = shop.library === undefined || findModel(shop.library, model) !== undefined;
  if (body["stream"] === false) {
    if (!isThere) return sendJson(response, 500, missing);
    addModel(shop, model);
    return sendJson(response, 200, { status: "success" });
  }
  await writeLine(response, { status: "pulling manifest" });
  if (!isThere) {
    await writeLine(response, missing);
    return void response.end();
  }
  for (const line of linesFor(model)) {
    await pause(shop.tokenDelayMs);
    // Whoever leaves ends the pull, unless others wait for it too.
    if (response.destroyed) return;
    await writeLine(response, line);
  }
  addModel(shop, model);
  await writeLine(response, { status: "success" });
  response.end();
}

const missing = { error: "pull model manifest: file does not exist" };

/** The newest comes first. */
function addModel(shop: Shop, model: string): void {
  if (findModel(shop.models, model) === undefined) shop.models.unshift(model);
}

function linesFor(model: string): JsonObject[] {
  const { size, digest } = weight(model);
  const layer = { status: `pulling ${digest.slice(-12)}`, digest: `sha256:${digest}`, total: size };
  const layers: JsonObject[] = [layer];
  for (let piece = 1; piece <= PIECES; piece++) {
    layers.push({ ...layer, completed: Math.round((size * piece) / PIECES) });
  }
  return [...layers, { status: "verifying sha256 digest" }, { status: "writing manifest" }];
}
