/** `npm run bench [-- NAME …] [--json FILE] [--picture FILE]`: prints a table for each benchmark. */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { benchCost } from "./cost.ts";
import { benchEngine } from "./engine.ts";
import { benchHistory } from "./history.ts";
import { benchHttp } from "./http.ts";
import { benchHub } from "./hub.ts";
import { machine, print, type Report } from "./report.ts";
import { benchSize } from "./size.ts";

const BENCHMARKS: Record<string, () => Promise<Report>> = {
  engine: benchEngine,
  cost: benchCost,
  http: benchHttp,
  history: benchHistory,
  hub: benchHub,
  size: benchSize,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, picture: { type: "string" } },
});
const names = positionals.length === 0 ? Object.keys(BENCHMARKS) : positionals;
const unknown = names.find((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown !== undefined) {
  console.error(`there is no benchmark "${unknown}"; there are: ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exit(2);
}
const reports: Report[] = [];
for (const name of names) {
  const report = await BENCHMARKS[name]?.();
  if (report === undefined) continue;
  print(report);
  reports.push(report);
}
if (values.json !== undefined) await writeFile(values.json, jsonOf(reports));
if (values.picture !== undefined) await writePicture(values.picture);

/** Pictures are files of their own. */
function jsonOf(reports: Report[]): string {
  const withoutPictures = reports.map(({ picture: _, ...report }) => report);
  return `${JSON.stringify({ machine: machine(), reports: withoutPictures }, null, 2)}\n`;
}

async function writePicture(file: string): Promise<void> {
  const picture = reports.find((report) => report.picture !== undefined)?.picture;
  if (picture !== undefined) return await writeFile(file, picture);
  console.error(`--picture ${file}: only the benchmark "engine" draws one; it was not run`);
  process.exitCode = 2;
}
