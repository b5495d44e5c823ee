import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runInThisContext } from "node:vm";
import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { ROOT } from "../e2e/process.ts";

type Example = { file: string; name: string; code: string };

const FOLDERS = ["client", "contract", "engine", "local", "runner", "spec"];
const EXPORTED = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport (?:async )?(?:function|class|const) (\w+)/g;

const examples = FOLDERS.flatMap((folder) => filesIn(`src/${folder}`).flatMap(examplesIn));
/** Those that end with what the last line gives. */
const told = examples.flatMap(({ code, ...rest }) => {
  const [, expression, value] = /^([\s\S]*?;)\s*\/\/ (.*)$/.exec(code.trim()) ?? [];
  return expression === undefined || value === undefined ? [] : [{ ...rest, expression, value }];
});

describe("examples in docstrings", () => {
  it("are there", () => expect(examples.length).toBeGreaterThan(5));

  it.each(examples)(
    "of $name ($file) can be compiled, and use it as it is exported",
    async ({ file, name, code }) => {
      transformSync(`async () => {\n${withoutEllipsis(code)}\n}`, { loader: "ts" });
      expect(code).toContain(name);
      expect(Object.keys(await import(join(ROOT, file)))).toContain(name);
    },
  );

  it.each(told)("of $name ($file) give what they say", async ({ file, expression, value }) => {
    const scope = { PROTOCOLS, ...(await import(join(ROOT, file))) };
    expect(evaluate(expression, scope)).toEqual(evaluate(value, scope));
  });
});

function examplesIn(file: string): Example[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(EXPORTED)].flatMap(([, comment = "", name = ""]) => {
    const [, example] = comment.split(/^ \* @example\n/m);
    return example === undefined ? [] : [{ file, name, code: example.replace(/^ ?\* ?/gm, "") }];
  });
}

function filesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".ts"));
  return names.map((name) => `${folder}/${name}`);
}

function evaluate(expression: string, scope: Record<string, unknown>): unknown {
  const body = `return (${withoutEllipsis(expression).replace(/;$/, "")});`;
  const call: (...values: unknown[]) => unknown = runInThisContext(`(${Object.keys(scope)}) => { ${body} }`);
  return call(...Object.values(scope));
}

/** `…` says that there would be more. */
function withoutEllipsis(code: string): string {
  return code.replaceAll(", …", "");
}
