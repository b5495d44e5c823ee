import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new, empty folder. */
export const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "gleitzeit-script-"));

/** Removes it with all that is in it; where that fails it says so and goes on. */
export async function removeFolder(folder: string): Promise<void> {
  const everything = { recursive: true, force: true, maxRetries: 3 };
  try {
    await rm(folder, everything).catch(async () => {
      await unlock(folder);
      await rm(folder, everything);
    });
  } catch (cause) {
    process.emitWarning(`${folder} stays behind: ${cause instanceof Error ? cause.message : cause}`);
  }
}

/** A folder the script made unreadable or read-only could not be emptied. */
async function unlock(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await unlock(join(folder, entry.name));
  }
}
