/** A model to show something with, of whatever Ollama the service was told of or has found. */
import * as z from "zod";
import type { Client } from "../client/client.ts";

const WAIT_SECONDS = 20;
const workflow = {
  name: "models",
  tasks: [{ id: "list", method: "llm/list_models", timeout: 10, retry: { maxAttempts: 1 } }],
};
const results = z.object({ list: z.object({ models: z.array(z.string()) }) });

/** The first that talks; those that only embed are named so. */
export async function findModel(client: Client): Promise<string | undefined> {
  const run = await client.submit({ workflow }, { waitSeconds: WAIT_SECONDS });
  if (run.status !== "completed") return undefined;
  const { list } = results.parse(await client.results(run.id));
  return list.models.find((name) => !name.includes("embed"));
}
