/**
 * Addresses of instances as settings name them: `http://10.0.0.5:11434, gpu=http://10.0.0.6:11434, auto`.
 * `auto` stands for the usual addresses on this machine, at which discovery looks; a setting that is not set means it.
 */
import { CAPACITY, LIMITS } from "./contract/limits.ts";
import { resourceName } from "./contract/provider.ts";

/** The kinds of provider that settings name, and their variables. */
export const ADDRESS_VARIABLES = {
  ollama: "GLEITZEIT_OLLAMA_URLS",
  mcp: "GLEITZEIT_MCP_URLS",
  python: "GLEITZEIT_PYTHON_URLS",
} as const;
export type AddressedKind = keyof typeof ADDRESS_VARIABLES;
const ADDRESSED_KINDS = ["ollama", "mcp", "python"] as const satisfies AddressedKind[];

/** `id`: the name that the setting gives, else the kind and its place among those without a name: `ollama-1`. */
export type NamedUrl = { id: string; url: string };
export type Addresses = { urls: NamedUrl[]; isAuto: boolean };

export const AUTO = "auto";

/** What the environment says of each kind. Throws an error that names the variable, and no more of a URL than its name. */
export function addressesIn(
  environment: Partial<Record<(typeof ADDRESS_VARIABLES)[AddressedKind], string | undefined>>,
): Record<AddressedKind, Addresses> {
  const read = (kind: AddressedKind) => parseAddresses(kind, environment[ADDRESS_VARIABLES[kind]]);
  const found = { ollama: read("ollama"), mcp: read("mcp"), python: read("python") };
  refuseSameNames(found);
  return found;
}

function parseAddresses(kind: AddressedKind, text: string | undefined): Addresses {
  const variable = ADDRESS_VARIABLES[kind];
  const items = (text ?? AUTO).split(",").flatMap((item) => item.trim() || []);
  const given = items.filter((item) => item !== AUTO);
  if (given.length > CAPACITY.candidates) {
    throw new Error(`${variable} names ${given.length} addresses: ${CAPACITY.candidates} is the most`);
  }
  let unnamed = 0;
  const urls = given.map((item, index) => {
    const { name, url } = splitName(item);
    const id = name ?? `${kind}-${++unnamed}`;
    const problem = problemWith(id, url);
    if (problem !== undefined) throw new Error(`${variable}, address ${index + 1}: ${problem}`);
    return { id, url };
  });
  return { urls, isAuto: given.length < items.length };
}

/** A name ends at the first `=`; what has a colon or a slash before it is a URL, whose query may hold one too. */
function splitName(item: string): { name?: string; url: string } {
  const [, name, url] = /^([^:/?#=]*)=(.*)$/s.exec(item) ?? [];
  return name === undefined || url === undefined ? { url: item } : { name: name.trim(), url: url.trim() };
}

function problemWith(id: string, url: string): string | undefined {
  if (!resourceName.safeParse(id).success) {
    return `"${id.slice(0, 64)}" is no name; use a-z, 0-9, _ and -, beginning with a letter or digit`;
  }
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    return `"${id}" is no URL of http or https; write http://HOST:PORT, or NAME=http://HOST:PORT`;
  }
  if (parsed.username !== "" || parsed.password !== "") {
    return `"${id}" has credentials in its URL; register it with headers instead: PUT /v1/providers/${id}`;
  }
  return url.length > LIMITS.urlChars ? `"${id}" is longer than ${LIMITS.urlChars} characters` : undefined;
}

/** One name, one instance, whatever its protocol: `/v1/providers/{id}` names no protocol. */
function refuseSameNames(found: Record<AddressedKind, Addresses>): void {
  const variableOf = new Map<string, string>();
  for (const kind of ADDRESSED_KINDS) {
    const variable = ADDRESS_VARIABLES[kind];
    for (const { id } of found[kind].urls) {
      const other = variableOf.get(id);
      if (other !== undefined) throw new Error(`${variable}: "${id}" names another address in ${other}`);
      variableOf.set(id, variable);
    }
  }
}
