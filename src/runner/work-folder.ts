import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ScriptFile } from "./files.ts";

/** Gives `use` a new folder holding the files, and removes it whatever happens. */
export async function withFolder<T>(files: ScriptFile[], use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "gleitzeit-script-"));
  try {
    for (const { path, bytes } of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), bytes);
    }
    return await use(folder);
  } finally {
    await remove(folder).catch((cause) => process.emitWarning(`${folder} stays behind: ${cause.message}`));
  }
}

async function remove(folder: string): Promise<void> {
  const everything = { recursive: true, force: true, maxRetries: 3 };
  try {
    await rm(folder, everything);
  } catch {
    await unlock(folder);
    await rm(folder, everything);
  }
}

/** A folder the script made unreadable or read-only could not be emptied. */
async function unlock(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await unlock(join(folder, entry.name));
  }
}
