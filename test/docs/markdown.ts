/** README and docs as data: their code blocks, tables, links and headings. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../e2e/process.ts";

/** The first line of a block is ```language marks…: `yaml run numbers.yaml`, `sh skip`. */
export type Block = { page: string; line: number; language: string; marks: string[]; text: string };
export type Page = { name: string; text: string; blocks: Block[] };

export const PAGES: Page[] = ["README.md", ...listDocs()].map((name) => {
  const text = readFileSync(join(ROOT, name), "utf8");
  return { name, text, blocks: blocksOf(name, text) };
});

export function findPage(name: string): Page {
  const page = PAGES.find((one) => one.name === name);
  if (page === undefined) throw new Error(`there is no page ${name}`);
  return page;
}

export const blocksIn = (language: string): Block[] =>
  PAGES.flatMap(({ blocks }) => blocks.filter((block) => block.language === language));

/** What a test of the block is called. */
export const placeOf = ({ page, line }: Block): string => `${page}:${line}`;

/** The rows of all tables under a heading, up to the next one of any level; without their head. */
export function rowsUnder({ name, text }: Page, heading: string): string[][] {
  const [, section] = text.split(new RegExp(`^#+ ${heading}$`, "m"));
  if (section === undefined) throw new Error(`${name} has no heading "${heading}"`);
  const [own = ""] = section.split(/^#+ /m);
  const tables = own.match(/(?:^\|.*\n)+/gm) ?? [];
  return tables.flatMap((table) => table.trimEnd().split("\n").slice(2).map(cellsOf));
}

/** What stands in backticks. */
export const codesIn = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

/** The text around the code blocks. */
export const proseOf = ({ text }: Page): string => text.replace(/^```[\s\S]*?^```$/gm, "");

/** Headings as their links spell them. */
export const anchorsOf = (page: Page): string[] =>
  [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

function listDocs(): string[] {
  const names = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  return names.map((name) => `docs/${name}`);
}

function blocksOf(page: string, text: string): Block[] {
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: info = "", 2: inside = "" }) => {
    const [language = "", ...marks] = info.trim().split(/ +/);
    return { page, line: text.slice(0, index).split("\n").length, language, marks, text: inside };
  });
}

function cellsOf(row: string): string[] {
  return row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}
