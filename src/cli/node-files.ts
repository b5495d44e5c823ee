/** The files beside the user: looked up from the current folder, then from the workflow's, and in no other place. */
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { GleitzeitError } from "../contract/error.ts";
import type { FileAccess } from "../spec/inline-files.ts";

export type Folders = {
  current: string;
  /** The workflow file's. */
  own: string;
  /** Files elsewhere too. A workflow that somebody else wrote could otherwise send any file to a model. */
  allowOutside: boolean;
};

/** A batch over a whole disk is a slip; its pattern would take minutes to find out. */
const LISTED_MAX = 100_000;

/** Throws `forbidden` for a file that lies outside both folders; symbolic links are followed first. */
export function nodeFiles(folders: Folders): FileAccess {
  return {
    async read(path) {
      const found = await find(path, folders, (entry) => entry.isFile());
      return found === undefined ? undefined : await readFile(found);
    },
    async list(directory) {
      const found = await find(directory, folders, (entry) => entry.isDirectory());
      return found === undefined ? undefined : await listBelow(found, directory);
    },
  };
}

type Kind = (entry: { isFile(): boolean; isDirectory(): boolean }) => boolean;

async function find(path: string, folders: Folders, isRight: Kind): Promise<string | undefined> {
  for (const folder of [folders.current, folders.own]) {
    const real = await realpath(resolve(folder, path)).catch(() => undefined);
    if (real === undefined || !isRight(await stat(real))) continue;
    if (folders.allowOutside || (await isInside(real, folders))) return real;
    const message = `"${path}" lies outside ${folders.current} and the workflow's own folder; --allow-outside permits it`;
    throw new GleitzeitError("forbidden", message);
  }
  return undefined;
}

async function isInside(real: string, { current, own }: Folders): Promise<boolean> {
  const roots = await Promise.all([realpath(current), realpath(own)]);
  return roots.some((root) => {
    const way = relative(root, real);
    return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  });
}

/** Links to folders are not followed, so this ends. */
async function listBelow(folder: string, named: string): Promise<string[]> {
  const paths: string[] = [];
  for (const rest = [""]; rest.length > 0; ) {
    const below = rest.pop() ?? "";
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) rest.push(path);
      else paths.push(path);
    }
    if (paths.length > LISTED_MAX) {
      throw new GleitzeitError(
        "too_large",
        `directory "${named}" holds over ${LISTED_MAX} files; name one below it`,
      );
    }
  }
  return paths;
}
