/** One whole service for the tests of a file, on a free port and in a folder of its own. */
import { rmSync } from "node:fs";
import { afterAll } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import { type ServiceOptions, startService } from "../../src/local/service.ts";
import { temporaryFolder } from "./process.ts";

/** To be awaited at the top of a test file. */
export async function serviceForFile(options: Partial<ServiceOptions> = {}): Promise<Client> {
  const stateFolder = temporaryFolder(afterAll);
  const started = startService({
    port: 0,
    stateFolder,
    ollamaUrls: [],
    mcpUrls: [],
    pythonUrls: [],
    ...options,
  });
  // Where the top of a file fails, vitest calls no afterAll.
  const service = await started.catch((error) => {
    rmSync(stateFolder, { recursive: true, force: true });
    throw error;
  });
  afterAll(() => service.close());
  return connect({ url: service.url });
}

/** Puts it there (`/providers/NAME`, `/protocols/NAME/VERSION`), and says what the service answered. */
export async function put({ url }: Client, path: string, body: object): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/v1${path}`, { method: "PUT", headers, body: JSON.stringify(body) });
  const said = await answer.text();
  if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${said}`);
  return JSON.parse(said);
}

/** All that an iterator gives. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
