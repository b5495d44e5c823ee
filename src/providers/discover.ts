/** Which instances there are by configuration, and where discovery looks for others. Pure. */
import type { AddressedKind, Addresses, NamedUrl } from "../addresses.ts";
import { hash } from "../contract/id.ts";
import type { Candidate, Found, InstanceSpec } from "./hub/spec.ts";

type Settings = { isLocal: boolean; addresses: Record<AddressedKind, Addresses> };

const KINDS = new Map<string, AddressedKind>([
  ["llm/v1", "ollama"],
  ["mcp/v1", "mcp"],
  ["python/v1", "python"],
]);

/** The kind of provider that settings and discovery know for a protocol. */
export const kindOf = (protocol: string): AddressedKind | undefined => KINDS.get(protocol);

/** The instances that settings name: there from the start, healthy or not, for as long as the setting says so. */
export function configuredInstances(protocol: string, settings: Settings): InstanceSpec[] {
  const kind = kindOf(protocol);
  if (kind === undefined) return [];
  return settings.addresses[kind].urls.map((named) => specOf(kind, named, "configured"));
}

/** The usual addresses on this machine, unless the setting names others. A deployed Worker has no such machine. */
export function candidatesOf(protocol: string, { isLocal, addresses }: Settings): Candidate[] {
  const kind = kindOf(protocol);
  if (kind === undefined || !isLocal || !addresses[kind].isAuto) return [];
  return USUAL_PORTS[kind].map((port) => ({ kind, url: `http://127.0.0.1:${port}${USUAL_PATHS[kind]}` }));
}

/** Whoever answers at an address is the same instance each time it is found. */
export function discoveredInstance({ kind, url }: Found): InstanceSpec {
  return specOf(kind, { id: idOf({ kind, url }), url }, "discovered");
}

const USUAL_PORTS: Record<AddressedKind, number[]> = {
  ollama: [11434, 11435, 11436, 11437, 11438],
  mcp: [3000, 3001],
  python: [8765],
};
const USUAL_PATHS: Record<AddressedKind, string> = { ollama: "", mcp: "/mcp", python: "" };

function specOf(
  kind: InstanceSpec["kind"],
  { id, url }: NamedUrl,
  source: InstanceSpec["source"],
): InstanceSpec {
  return { id, kind, url, source, weight: 1, tags: [], allowPull: false };
}

const ID_CHARS = 64;
const HASH_CHARS = 8;

/** `ollama-127-0-0-1-11434`: the kind, the host, the port, and the path where it is not the usual one. */
function idOf({ kind, url }: Candidate): string {
  const { hostname, port, protocol, pathname } = new URL(url);
  const path = kind === "mcp" && pathname === USUAL_PATHS.mcp ? "" : pathname;
  const address = [kind, hostname, port || (protocol === "https:" ? "443" : "80"), path].join("-");
  const id = address
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/-$/, "");
  if (id.length <= ID_CHARS) return id;
  const tail = hash(url).toString(16).padStart(HASH_CHARS, "0");
  return `${id.slice(0, ID_CHARS - HASH_CHARS - 1)}-${tail}`;
}
