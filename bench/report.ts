/** What a benchmark says, and how it is printed. */
import { cpus } from "node:os";
import type { Row } from "./measure.ts";

export type Report = {
  title: string;
  /** In milliseconds. */
  rows: Row[];
  /** Numbers without a unit. */
  ratios: Record<string, number>;
  /** Numbers whose names say the unit. */
  figures?: Record<string, number>;
  tables?: Table[];
  /** What `--picture FILE` writes. */
  picture?: string;
};

/** Cells are numbers, by column; what is nothing everywhere is not shown. */
export type Table = { title: string; columns: string[]; rows: Record<string, number[]> };

type Column = { name: string; of: (row: Row) => number | undefined };

const COLUMNS: Column[] = [
  { name: "median", of: ({ medianMs }) => medianMs },
  { name: "p95", of: ({ p95Ms }) => p95Ms },
  { name: "least", of: ({ leastMs }) => leastMs },
  { name: "most", of: ({ mostMs }) => mostMs },
];
const CELL_CHARS = 10;

export function print({ title, rows, ratios, figures = {}, tables = [] }: Report): void {
  const numbers = { ...ratios, ...figures };
  const names = [...rows.map(({ name }) => name), ...Object.keys(numbers)];
  const width = Math.max(...names.map((name) => name.length));
  const columns = COLUMNS.filter(({ of }) => rows.some((row) => of(row) !== undefined));
  console.log(`${title} (${machine()})\n`);
  if (rows.length > 0)
    console.log(
      line(
        "",
        columns.map(({ name }) => name),
        width,
      ),
    );
  for (const row of rows) {
    console.log(
      line(
        row.name,
        columns.map(({ of }) => of(row)?.toFixed(1) ?? ""),
        width,
      ),
    );
  }
  for (const [name, number] of Object.entries(numbers)) console.log(line(name, [number.toFixed(2)], width));
  console.log();
  for (const table of tables) printTable(table);
}

function printTable({ title, columns, rows }: Table): void {
  const shown = Object.entries(rows).filter(([, cells]) => cells.some((number) => number >= 0.005));
  const width = Math.max(title.length, ...shown.map(([name]) => name.length));
  const cellChars = Math.max(CELL_CHARS, ...columns.map((column) => column.length + 2));
  const row = (name: string, cells: string[]) =>
    name.padEnd(width) + cells.map((cell) => cell.padStart(cellChars)).join("");
  console.log(row(title, columns));
  for (const [name, cells] of shown) {
    console.log(
      row(
        name,
        cells.map((number) => number.toFixed(2)),
      ),
    );
  }
  console.log();
}

export const machine = (): string => `${cpus().length} cores, Node ${process.versions.node}`;

const line = (name: string, cells: string[], width: number): string =>
  name.padEnd(width) + cells.map((cell) => cell.padStart(CELL_CHARS)).join("");
