/** docs/deploying.md: its commands are wrangler's, its names those of wrangler.toml, and what it deploys can be built. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { ROOT, temporaryFolder } from "../e2e/process.ts";
import { findPage } from "./markdown.ts";

const { text } = findPage("docs/deploying.md");
const configuration = readFileSync(join(ROOT, "wrangler.toml"), "utf8");

/** `d1 create gleitzeit`: command, and what it is given. */
const commands = [...text.matchAll(/\bwrangler ((?:d1|queues|secret) [a-z]+|[a-z]+)(?: ([\w-]+))?/g)].map(
  ([, command = "", name = ""]) => ({ command, name }),
);
/** What a reader is to type. */
const npxCommands = new Set(
  [...text.matchAll(/\bnpx wrangler ((?:d1|queues|secret) [a-z]+|[a-z]+)/g)].map(
    ([, command = ""]) => command,
  ),
);

it.each([...npxCommands])("wrangler has the command it names: %s", async (command) => {
  const { stdout } = await wrangler(...command.split(" "), "--help");
  expect(stdout).toMatch(new RegExp(`^wrangler ${command}\\b`, "m"));
});

it("makes the database and the queues that wrangler.toml names, and no others", () => {
  const made = (what: string) =>
    new Set(commands.flatMap(({ command, name }) => (command === what ? [name] : [])));
  expect(made("d1 create")).toEqual(named("database_name"));
  expect(made("queues create")).toEqual(named("queue"));
});

it("sets variables that the Worker is then given, and what is deployed can be built", async () => {
  const variables = [...text.matchAll(/--var (\S+)/g)].flatMap(([, variable = ""]) => ["--var", variable]);
  expect(variables).toHaveLength(4);
  const { stdout } = await wrangler("deploy", "--dry-run", "--outdir", temporaryFolder(), ...variables);
  for (const binding of ["RUNS", "EXECUTORS", "HUBS", "TASKS", "HISTORY", "DB"]) {
    expect(stdout).toContain(`env.${binding} `);
  }
  for (const variable of ["GLEITZEIT_OLLAMA_URLS", "GLEITZEIT_PYTHON_URLS"]) {
    expect(stdout).toMatch(new RegExp(`env\\.${variable} .*Environment Variable`));
  }
});

function named(key: string): Set<string> {
  return new Set(
    [...configuration.matchAll(new RegExp(`^${key} = "(.+)"$`, "gm"))].map(([, name = ""]) => name),
  );
}

/** Says nothing to anybody, and leaves no logs behind. */
async function wrangler(...parameters: string[]) {
  const env = {
    ...process.env,
    CI: "1",
    NO_COLOR: "1",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_LOG_PATH: temporaryFolder(),
    WRANGLER_SEND_METRICS: "false",
  };
  return await promisify(execFile)(join(ROOT, "node_modules/.bin/wrangler"), parameters, { cwd: ROOT, env });
}
