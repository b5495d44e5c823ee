/** `npm run chaos -- --seed S [--database-trouble]`: runs, kills, and what came of them. */
import { parseArgs } from "node:util";
import { makeChaos } from "./chaos.ts";

const KILL_WITHIN_MS = 5_000;
const REFUSAL_MS = 20_000;
const SHOWN_MOST = 30;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "200" },
    kills: { type: "string", default: "5" },
    "database-trouble": { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const hasTrouble = values["database-trouble"];
// Also then no service is left behind.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
const { broken, summary, folder } = await makeChaos({
  seed,
  runs: Number(values.runs),
  kills: Number(values.kills),
  killWithinMs: KILL_WITHIN_MS,
  refusalMs: hasTrouble ? REFUSAL_MS : undefined,
  say: (line) => console.log(line),
});
for (const what of broken.slice(0, SHOWN_MOST)) console.error(`BROKEN: ${what}`);
console.log(`seed ${seed}: ${broken.length} things are broken; ${summary}`);
if (broken.length > 0) {
  console.error(
    `  try again with: npm run chaos -- --seed ${seed}${hasTrouble ? " --database-trouble" : ""}; ` +
      "kills meet other moments each time, so it may take several tries",
  );
  console.error(`  state and log of the service: ${folder}`);
  process.exitCode = 1;
}
