/** All that a round of chaos needs: a model host and a desk of troubles, which are not killed, and a service, which is. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promptOf } from "../fake-ollama/exchange.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import type { Chance } from "../sim/chance.ts";
import { type Keeper, keepService, type Program } from "./keep-service.ts";
import { askedBy, MODEL, replyTo } from "./plan-runs.ts";
import { openTroubleDesk, type TroubleDesk } from "./trouble-desk.ts";

export type House = {
  folder: string;
  keeper: Keeper;
  desk: TroubleDesk;
  /** How often the model was asked, by run key and task id. */
  calls(): Map<string, number>;
  /** The folder stays where somebody has to look into it. */
  close(keepsFolder: boolean): Promise<void>;
};

const CALL_MS = 300;
const CALLS_AT_ONCE = 8;

/** `chance` decides which calls of the database fail; without it the service is the usual one. */
export async function openHouse(chance: Chance, hasFaultyDatabase: boolean): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), "gleitzeit-chaos-"));
  const ollama = await startFakeOllama({
    models: [MODEL],
    replyDelayMs: CALL_MS,
    reply: (request) => replyTo(promptOf(request)),
  });
  const desk = await openTroubleDesk(chance);
  const state = join(folder, "state");
  const keeper = keepService(hasFaultyDatabase ? faultyService(state, desk.url) : service(state), folder);
  const house: House = {
    folder,
    keeper,
    desk,
    calls: () => countBy(ollama.requests.map((request) => askedBy(promptOf(request)))),
    async close(keepsFolder) {
      await keeper.end();
      await Promise.all([ollama.close(), desk.close()]);
      if (!keepsFolder) await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await register(await keeper.url(), ollama.url);
    return house;
  } catch (error) {
    await house.close(true);
    throw new Error(`the service does not start; see ${folder}/service.log`, { cause: error });
  }
}

/** Nobody looks for servers at the usual addresses of this machine. */
const NOWHERE = { GLEITZEIT_OLLAMA_URLS: "", GLEITZEIT_MCP_URLS: "", GLEITZEIT_PYTHON_URLS: "" };

const service = (state: string): Program => ({
  entry: new URL("../../src/local/main.ts", import.meta.url),
  parameters: ["--port", "0", "--no-python", "--state", state],
  environment: NOWHERE,
});

const faultyService = (state: string, deskUrl: string): Program => ({
  entry: new URL("faulty-service.ts", import.meta.url),
  parameters: [state, deskUrl],
  environment: NOWHERE,
});

/** Once: the hub remembers it. */
async function register(serviceUrl: string, ollamaUrl: string): Promise<void> {
  const response = await fetch(`${serviceUrl}/v1/providers/model-host`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      protocol: "llm/v1",
      kind: "ollama",
      url: ollamaUrl,
      maxConcurrent: CALLS_AT_ONCE,
    }),
  });
  if (!response.ok)
    throw new Error(`registering the model host: ${response.status} ${await response.text()}`);
}

function countBy(names: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
