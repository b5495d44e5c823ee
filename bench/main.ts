/** `npm run bench [-- NAME] [--json FILE]`: prints a table for each benchmark. */
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchEngine, type Report } from "./engine.ts";
import { benchHub } from "./hub.ts";

const BENCHMARKS: Record<string, () => Promise<Report>> = { engine: benchEngine, hub: benchHub };

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } });
const names = positionals.length === 0 ? Object.keys(BENCHMARKS) : positionals;
const reports: Report[] = [];
for (const name of names) {
  const run = BENCHMARKS[name];
  if (run === undefined) {
    console.error(`there is no benchmark "${name}"; there are: ${Object.keys(BENCHMARKS).join(", ")}`);
    process.exit(2);
  }
  const report = await run();
  print(report);
  reports.push(report);
}
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ machine: machine(), reports }, null, 2)}\n`);

function print({ title, rows, ratios }: Report): void {
  const width = Math.max(
    ...[...rows.map(({ name }) => name), ...Object.keys(ratios)].map((name) => name.length),
  );
  const cell = (value: number, digits: number) => value.toFixed(digits).padStart(10);
  console.log(`${title} (${machine()})\n`);
  console.log(`${"".padEnd(width)}${"median".padStart(10)}${"least".padStart(10)}${"most".padStart(10)}`);
  for (const { name, medianMs, leastMs, mostMs } of rows) {
    console.log(`${name.padEnd(width)}${[medianMs, leastMs, mostMs].map((ms) => cell(ms, 1)).join("")}`);
  }
  for (const [name, ratio] of Object.entries(ratios)) console.log(`${name.padEnd(width)}${cell(ratio, 2)}`);
  console.log();
}

function machine(): string {
  return `${cpus().length} cores, Node ${process.versions.node}`;
}
