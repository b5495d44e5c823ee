/** The Worker as one module: what `wrangler deploy` would upload, made by esbuild in some 100 ms. */
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const ENTRY = fileURLToPath(new URL("../worker.ts", import.meta.url));

/** The text of an ES module with its source map inside. Throws what esbuild finds wrong. */
export function bundleWorker(entry: string = ENTRY): string {
  // Not `build`, which leaves a process of esbuild running beside the service.
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    // Those of wrangler, so that packages with an entry for workerd give the same one here.
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`${entry}: esbuild made nothing of it`);
  return file.text;
}
