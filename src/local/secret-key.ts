/** The key that secret headers of instances are encrypted with on this machine: made once, kept beside what it encrypts. */
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "secret-key";
const BYTES = 32;

// As src/providers/secret.ts has it, which would say so only when somebody registers headers.
const CHARS_MIN = 32;

/** The one that is given, else that of the folder; made where there is none. To be called by who holds its lock. */
export function secretKeyOf(folder: string, given?: string): string {
  if (given !== undefined && given.length < CHARS_MIN) {
    throw new Error(
      `GLEITZEIT_SECRET_KEY is too short: give it ${CHARS_MIN} characters or more, or leave it out`,
    );
  }
  const file = join(folder, FILE);
  return given ?? readKey(file) ?? makeKey(file);
}

function readKey(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Written aside, so that there is never half a key. Nobody else on this machine may read it. */
function makeKey(file: string): string {
  const key = randomBytes(BYTES).toString("hex");
  writeFileSync(`${file}.new`, `${key}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return key;
}
