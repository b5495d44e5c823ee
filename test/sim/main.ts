/** `npm run sim -- --seeds N --from S`: more seeds than the tests run. */
import { parseArgs } from "node:util";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "2000" }, from: { type: "string", default: "1" } },
});
const from = Number(values.from);
const count = Number(values.seeds);
const began = Date.now();
let events = 0;
let failed = 0;
for (let seed = from; seed < from + count; seed++) {
  try {
    events += simulate(seed).events;
  } catch (error) {
    failed++;
    console.error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    console.error(`  repeat it with: npm run sim -- --seeds 1 --from ${seed}`);
    if (failed === 5) break;
  }
}
const seconds = ((Date.now() - began) / 1000).toFixed(1);
console.log(`${count} seeds from ${from}: ${failed} failed, ${events} events, ${seconds} s`);
process.exitCode = failed > 0 ? 1 : 0;
