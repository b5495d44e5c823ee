/** docs/settings.md names every environment variable of ours, with who reads it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../e2e/process.ts";
import { codesIn, findPage, rowsUnder } from "./markdown.ts";

/** Where each reader's code is. */
const READERS = {
  Worker: "settings.ts",
  "npm start": "local",
  "command line": "cli",
  "Python runner": "runner",
};
/** `npm start` says it to its Worker; nobody else sets it. */
const INTERNAL = "GLEITZEIT_LOCAL";

const rows = rowsUnder(findPage("docs/settings.md"), "Settings").map(([name = "", readers = ""]) => ({
  name: codesIn(name)[0] ?? name,
  readers: readers.replaceAll("`", "").split(", "),
}));

it.each(Object.entries(READERS))("names what is read by the %s", (reader, place) => {
  const documented = rows.filter(({ readers }) => readers.includes(reader)).map(({ name }) => name);
  const read = reader === "Worker" ? schemaKeys() : environmentOf(place);
  // It starts the runner in its own process.
  if (reader === "npm start") read.add("GLEITZEIT_PYTHON");
  expect(new Set(documented)).toEqual(read);
});

it("knows no other readers", () => {
  const known = Object.keys(READERS);
  expect(rows.flatMap(({ readers }) => readers).filter((reader) => !known.includes(reader))).toEqual([]);
});

function schemaKeys(): Set<string> {
  const text = sourceOf(READERS.Worker);
  const keys = [...text.matchAll(/^ {2}(GLEITZEIT_\w+): /gm)].map(([, name = ""]) => name);
  return new Set(keys.filter((name) => name !== INTERNAL));
}

/** `process.env["NAME"]` and `const { NAME, … } = process.env`. */
function environmentOf(place: string): Set<string> {
  const text = sourceOf(place);
  const one = [...text.matchAll(/process\.env\["(\w+)"\]/g)].map(([, name = ""]) => name);
  const several = [...text.matchAll(/const \{ ([\w, ]+) \} = process\.env/g)].flatMap(([, names = ""]) =>
    names.split(", "),
  );
  return new Set([...one, ...several].filter((name) => name.startsWith("GLEITZEIT_")));
}

function sourceOf(place: string): string {
  const path = join(ROOT, "src", place);
  if (path.endsWith(".ts")) return readFileSync(path, "utf8");
  return readdirSync(path)
    .map((name) => readFileSync(join(path, name), "utf8"))
    .join("\n");
}
