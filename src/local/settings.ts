/** What the Worker on this machine is told: what the environment says, and what the service has started itself. */
import { ADDRESS_VARIABLES, type AddressedKind, AUTO } from "../addresses.ts";
import { settingsOf } from "../settings.ts";

export type Told = {
  /** Lists that stand for the environment's variables. */
  urls: Partial<Record<AddressedKind, string[]>>;
  /** The runner that was started here. */
  runnerUrl: string | undefined;
  runnerSecret: string | undefined;
  /** MCP servers that were started here, by name. */
  mcpUrls: Record<string, string>;
  rootKey: string | undefined;
  secretKey: string;
};

/** The settings of src/env.ts. Throws what is wrong with the environment's, by name. */
export function settingsFor(told: Told): Record<string, string> {
  const settings = given({
    GLEITZEIT_LOCAL: "1",
    GLEITZEIT_ROOT_KEY: told.rootKey,
    GLEITZEIT_RUNNER_SECRET: told.runnerSecret,
    GLEITZEIT_SECRET_KEY: told.secretKey,
    GLEITZEIT_HISTORY: process.env["GLEITZEIT_HISTORY"],
    GLEITZEIT_OBJECT_DAYS: process.env["GLEITZEIT_OBJECT_DAYS"],
    GLEITZEIT_HISTORY_DAYS: process.env["GLEITZEIT_HISTORY_DAYS"],
    GLEITZEIT_EXECUTORS: process.env["GLEITZEIT_EXECUTORS"],
    [ADDRESS_VARIABLES.ollama]: said(told, "ollama"),
    [ADDRESS_VARIABLES.mcp]: mcpUrls(told),
    [ADDRESS_VARIABLES.python]: pythonUrls(told),
  });
  settingsOf(settings); // malformed ones are noticed here, not by the first request
  return settings;
}

/** Servers of `gleitzeit.yaml` stand before the others, whom they do not keep from being found. */
function mcpUrls(told: Told): string | undefined {
  // A comma would end the address.
  const own = Object.entries(told.mcpUrls).map(([name, url]) => `${name}=${url.replaceAll(",", "%2C")}`);
  const others = said(told, "mcp");
  return own.length === 0 ? others : [...own, others ?? AUTO].join(",");
}

/** Our runner is the first. With it no other is looked for: whoever answered at the usual port would be sent scripts. */
function pythonUrls(told: Told): string | undefined {
  const others = said(told, "python");
  return told.runnerUrl === undefined ? others : [told.runnerUrl, others ?? ""].join(",");
}

function said({ urls }: Told, kind: AddressedKind): string | undefined {
  return urls[kind]?.join(",") ?? ENVIRONMENT[kind]();
}

const ENVIRONMENT: Record<AddressedKind, () => string | undefined> = {
  ollama: () => process.env["GLEITZEIT_OLLAMA_URLS"],
  mcp: () => process.env["GLEITZEIT_MCP_URLS"],
  python: () => process.env["GLEITZEIT_PYTHON_URLS"],
};

function given(settings: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
