/** The hub's own part of a call: acquire and release, timed inside workerd, where HTTP is not in the way. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { bundleWorker } from "../src/local/bundle.ts";
import { startWorkerd } from "../src/local/workerd.ts";
import { startFakeOllama } from "../test/fake-ollama/server.ts";
import { register } from "./pool.ts";

const WORKER = fileURLToPath(new URL("../test/workerd/hub-timer.ts", import.meta.url));

/** Milliseconds of a pair; each is the mean of some. */
export async function timePairs(): Promise<number[]> {
  const stateFolder = await mkdtemp(join(tmpdir(), "gleitzeit-bench-"));
  const host = await startFakeOllama();
  const settings = { GLEITZEIT_LOCAL: "1", GLEITZEIT_OLLAMA_URLS: "" };
  const place = { host: "127.0.0.1", port: 0, stateFolder };
  const workerd = await startWorkerd(place, { script: bundleWorker(WORKER), settings }, () => {});
  try {
    await register(workerd.url, "host", host.url, 1);
    const response = await fetch(`${workerd.url}/bench/hub`);
    if (!response.ok) throw new Error(`timing the hub failed: ${await response.text()}`);
    return z.array(z.number()).parse(await response.json());
  } finally {
    await workerd.close();
    await host.close();
    await rm(stateFolder, { recursive: true, force: true });
  }
}
