/**
 * Protocols: those that ship, and those that people registered, which D1 owns (decision 11). An isolate remembers the
 * latter for a minute, and for ten where D1 fails; then only what ships is known, and who asks for more is told why.
 */
import { asc } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import { GleitzeitError } from "../contract/error.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";
import type { Protocol } from "../contract/protocol.ts";
import { PROTOCOLS } from "../providers/protocols/index.ts";
import { familyOf } from "../spec/methods.ts";
import { protocols } from "./tables.ts";

type Store = { DB: D1Database };

type Remembered = { readAt: number; registered: Protocol[] };
const remembered = new WeakMap<D1Database, Remembered>();

/** The protocol, where it is one of those that ship: no question to D1. */
export function findShipped(name: string): Protocol | undefined {
  return PROTOCOLS.find((protocol) => protocol.name === name);
}

/** All there are, those that ship first, the others by name. Throws `unavailable` where only the former are known. */
export async function protocolsOf({ DB }: Store): Promise<Protocol[]> {
  const known = remembered.get(DB);
  const age = known === undefined ? Infinity : Date.now() - known.readAt;
  if (known !== undefined && age < TIMING.catalogFreshMs) return [...PROTOCOLS, ...known.registered];
  try {
    const registered = await read(DB);
    // Somebody has put one while this was read: his list has it.
    const current = remembered.get(DB);
    if (current !== undefined && current !== known) return [...PROTOCOLS, ...current.registered];
    remembered.set(DB, { readAt: Date.now(), registered });
    return [...PROTOCOLS, ...registered];
  } catch (error) {
    if (known !== undefined && age < TIMING.catalogStaleMs) return [...PROTOCOLS, ...known.registered];
    throw error;
  }
}

/** `isNew` is false where it replaced one. It is known at once here, and within a minute everywhere. */
export async function saveProtocol({ DB }: Store, protocol: Protocol): Promise<{ isNew: boolean }> {
  refuseShipped(protocol.name);
  const before = await read(DB);
  const others = before.filter(({ name }) => name !== protocol.name);
  refuseMany([...others, protocol]);
  const row = { protocol, updatedAt: Date.now() };
  const values = { name: protocol.name, ...row };
  const target = protocols.name;
  await answered(
    "save",
    drizzle(DB).insert(protocols).values(values).onConflictDoUpdate({ target, set: row }),
  );
  const registered = [...others, protocol].sort((one, other) => (one.name < other.name ? -1 : 1));
  remembered.set(DB, { readAt: Date.now(), registered });
  return { isNew: others.length === before.length };
}

/** `llm/v2` would be called by the same methods as `llm/v1`. */
function refuseShipped(name: string): void {
  const shipped = PROTOCOLS.find((protocol) => familyOf(protocol.name) === familyOf(name));
  if (shipped === undefined) return;
  const message = `"${name}": ${shipped.name} is Gleitzeit's own and cannot be replaced; choose another name than "${familyOf(name)}"`;
  throw new GleitzeitError("conflict", message);
}

function refuseMany(registered: Protocol[]): void {
  const bytes = new TextEncoder().encode(JSON.stringify(registered)).length;
  if (registered.length <= LIMITS.protocols && bytes <= LIMITS.protocolsBytes) return;
  const message = `all registered protocols together would be ${registered.length} of ${bytes} bytes: at most ${LIMITS.protocols} of ${LIMITS.protocolsBytes} bytes are possible; replace one, or say less in schemas`;
  throw new GleitzeitError("too_large", message);
}

async function read(database: D1Database): Promise<Protocol[]> {
  const rows = drizzle(database)
    .select({ protocol: protocols.protocol })
    .from(protocols)
    .orderBy(asc(protocols.name))
    .limit(LIMITS.protocols);
  return (await answered("read", rows)).map(({ protocol }) => protocol);
}

/** The cause is for logs alone: drizzle's messages repeat the values of the statement, which are somebody's data. */
async function answered<Result>(what: "read" | "save", work: PromiseLike<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    const message = `catalog: the database failed to ${what} registered protocols; those that ship work without it`;
    throw new GleitzeitError("unavailable", message, { cause });
  }
}
