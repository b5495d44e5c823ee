/** Files in memory, for tests of what reads files. */
import type { FileAccess } from "../../src/spec/inline-files.ts";

export function memoryFiles(files: Record<string, string | Uint8Array>): FileAccess & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    read: async (path) => {
      asked.push(path);
      const content = files[path];
      return typeof content === "string" ? new TextEncoder().encode(content) : content;
    },
    list: async (directory) => {
      const inside = Object.keys(files).filter((path) => path.startsWith(`${directory}/`));
      return inside.length === 0
        ? undefined
        : inside.map((path) => path.slice(directory.length + 1)).reverse();
    },
  };
}
