/** `node test/chaos/faulty-service.ts STATE_FOLDER DESK_URL`: a service whose database fails as the desk says. */
import { fileURLToPath } from "node:url";
import { bundleWorker } from "../../src/local/bundle.ts";
import { startWorkerd } from "../../src/local/workerd.ts";

const WORKER = fileURLToPath(new URL("../workerd/faulty-worker.ts", import.meta.url));

const TICK_MS = 60_000;

const [stateFolder, deskUrl] = process.argv.slice(2);
if (stateFolder === undefined || deskUrl === undefined) {
  console.error("usage: node test/chaos/faulty-service.ts STATE_FOLDER DESK_URL");
  process.exit(2);
}
const settings = {
  GLEITZEIT_LOCAL: "1",
  GLEITZEIT_OLLAMA_URLS: "",
  GLEITZEIT_MCP_URLS: "",
  GLEITZEIT_PYTHON_URLS: "",
  CHAOS_URL: deskUrl,
};
const place = { host: "127.0.0.1", port: 0, stateFolder };
const workerd = await startWorkerd(place, { script: bundleWorker(WORKER), settings }, console.error);
// As src/local/service.ts does.
await workerd.fire("started");
setInterval(() => workerd.fire("* * * * *").catch(console.error), TICK_MS);
console.log(workerd.url);
