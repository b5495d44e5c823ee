/** Reads the files a workflow names, for its tasks; what cannot be read becomes a problem, and reading goes on. */
import { LIMITS } from "../contract/limits.ts";
import type { Problem } from "../contract/workflow.ts";
import { encodeBase64 } from "./base64.ts";
import { escapeReferences } from "./reference.ts";

/**
 * The files beside the user. `read`: undefined where there is none. `list`: every file under a directory, also in
 * directories below it, as paths relative to it with `/`; undefined where there is no such directory.
 */
export type FileAccess = {
  read(path: string): Promise<Uint8Array | undefined>;
  list(directory: string): Promise<string[] | undefined>;
};

/** Who names a file, and where: `at` is the place in the workflow file, `tasks[1].params.file`. */
export type Mention = { path: string; task: string; at: string };

/** A task's label, and the place of one of its params in the file; of one item, where the param is a list. */
export type Site = { task: string; at: (key: string, index?: number) => string };

/** Text comes escaped: what a file says is never a template. All give undefined after adding a problem. */
export type FileReader = {
  problems: Problem[];
  text(mention: Mention): Promise<string | undefined>;
  base64(mention: Mention): Promise<string | undefined>;
  textOrBase64(mention: Mention): Promise<string | { base64: string } | undefined>;
};

export function makeFileReader(access: FileAccess): FileReader {
  const budget: Budget = { problems: [], bytes: 0 };
  const bytesOf = (mention: Mention) => readBytes(access, budget, mention);
  return {
    problems: budget.problems,
    text: async (mention) => decoded(await bytesOf(mention), () => complainOfBytes(budget.problems, mention)),
    base64: async (mention) => encoded(await bytesOf(mention)),
    textOrBase64: async (mention) => {
      const bytes = await bytesOf(mention);
      return bytes && (decodeText(bytes) ?? { base64: encodeBase64(bytes) });
    },
  };
}

/** Adds an error, as long as the list is no longer than a checker's may be. */
export function complain(problems: Problem[], code: string, path: string, message: string): void {
  if (problems.length < LIMITS.problems) problems.push({ severity: "error", code, path, message });
}

type Budget = { problems: Problem[]; bytes: number };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

async function readBytes(
  access: FileAccess,
  budget: Budget,
  mention: Mention,
): Promise<Uint8Array | undefined> {
  const { path, task, at } = mention;
  if (path.includes("${")) {
    const message = `task "${task}": file "${path}": a path is read before the run and cannot hold a reference`;
    return void complain(budget.problems, "file_path_reference", at, message);
  }
  if (budget.bytes > LIMITS.bodyBytes) return undefined;
  const bytes = await access.read(path);
  if (bytes === undefined) {
    const message = `task "${task}": file "${path}" does not exist`;
    return void complain(budget.problems, "file_not_found", at, message);
  }
  budget.bytes += bytes.length;
  if (budget.bytes <= LIMITS.bodyBytes) return bytes;
  const message = `task "${task}": with file "${path}" the files of this workflow are over ${LIMITS.bodyBytes} bytes`;
  return void complain(
    budget.problems,
    "files_too_large",
    at,
    `${message}; split the work into several runs`,
  );
}

function encoded(bytes: Uint8Array | undefined): string | undefined {
  return bytes && encodeBase64(bytes);
}

function decoded(bytes: Uint8Array | undefined, onBadBytes: () => void): string | undefined {
  const text = bytes && decodeText(bytes);
  if (bytes !== undefined && text === undefined) onBadBytes();
  return text;
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return escapeReferences(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

function complainOfBytes(problems: Problem[], { path, task, at }: Mention): void {
  const message = `task "${task}": file "${path}" is not text in UTF-8; an image goes to llm/vision as image_path`;
  complain(problems, "file_not_text", at, message);
}
