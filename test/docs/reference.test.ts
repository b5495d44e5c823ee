import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { problemDetails } from "../../src/contract/api.ts";
import { adviceFor, errorCode, retryingOf, statusOf } from "../../src/contract/error.ts";
import { event, progressEvent, tokenEvent } from "../../src/contract/event.ts";
import { isJsonObject } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { LIMITS as RUNNER_LIMITS } from "../../src/runner/limits.ts";
import { PROBLEM_CODES } from "../../src/spec/problems.ts";
import { RETRY_KEYS, TASK_KEYS, WORKFLOW_KEYS } from "../../src/spec/spellings.ts";
import { ROOT } from "../e2e/process.ts";
import { anchorsOf, blocksIn, codesIn, findPage, PAGES, placeOf, proseOf, rowsUnder } from "./markdown.ts";

const FORMAT = findPage("docs/workflow-format.md");
const API = findPage("docs/http-api.md");
const RUNNER = findPage("docs/python-runner.md");

describe("the tables of the docs", () => {
  it("name every error code with its status, its retries and its advice", () => {
    const codes = z.array(errorCode).parse(z.toJSONSchema(errorCode).enum);
    const wanted = codes.map((code) => [
      `\`${code}\``,
      String(statusOf(code)),
      retryingOf(code),
      adviceFor(code),
    ]);
    expect(rowsUnder(API, "Errors")).toEqual(wanted);
  });

  it.each([
    ["Shape", WORKFLOW_KEYS],
    ["Tasks", TASK_KEYS],
    ["Retries", RETRY_KEYS],
  ])("name every key under %s", (heading, { known }) => {
    const documented = rowsUnder(FORMAT, heading).flatMap(([key = ""]) => codesIn(key));
    expect(documented.filter((key) => known.has(key)).toSorted()).toEqual(
      [...new Set(known.values())].toSorted(),
    );
  });

  it("name every spelling that is not snake_case of its key", () => {
    const known = [...WORKFLOW_KEYS.known, ...TASK_KEYS.known, ...RETRY_KEYS.known];
    const others = known.filter(([key, canonical]) => key !== canonical && key !== snakeCase(canonical));
    const rows = rowsUnder(FORMAT, "Spellings").flatMap(([key = "", also = ""]) =>
      codesIn(also).map((one) => [one, key.replaceAll("`", "").replace(/^retry\./, "")]),
    );
    expect(rows.toSorted()).toEqual(others.toSorted());
  });

  it("name every problem of the checker, and those of whoever reads files", () => {
    const named = rowsUnder(FORMAT, "Checking").flatMap(([code = ""]) => codesIn(code));
    expect(named.toSorted()).toEqual([...PROBLEM_CODES, ...fileProblemCodes()].toSorted());
  });

  it("name every event with what it has", () => {
    const named = rowsUnder(API, "Events").flatMap(([types = "", has = ""]) =>
      codesIn(types).map((type): [string, string[]] => [type, codesIn(has)]),
    );
    const schemas = [...event.options, tokenEvent, progressEvent].map(({ shape }) => shape);
    expect(named.map(([type]) => type).toSorted()).toEqual(schemas.map(({ type }) => type.value).toSorted());
    for (const [type, has] of named) {
      const shape = schemas.find((one) => one.type.value === type) ?? {};
      const keys = Object.keys(shape).filter((key) => key !== "type");
      expect(has.filter((key) => !OUTCOMES.includes(key)).toSorted(), type).toEqual(keys.toSorted());
    }
  });

  it.each([
    ["docs/workflow-format.md", FORMAT, LIMITS],
    ["docs/http-api.md", API, LIMITS],
    ["docs/python-runner.md", RUNNER, RUNNER_LIMITS],
  ])("give the limits in %s as they are in the code", (_, page, limits) => {
    const values = new Map<string, unknown>(Object.entries(limits));
    const rows = rowsUnder(page, "Limits");
    const wanted = rows.map(([what, , name = ""]) => {
      const [key = ""] = codesIn(name);
      return [what, formatLimit(key, values.get(key)), name];
    });
    expect(rows).toEqual(wanted);
  });

  it("name every method that is served without an MCP server, and every param of llm, python and echo", () => {
    const methods = PROTOCOLS.flatMap((protocol) => Object.entries(protocol.methods));
    for (const [method, { params }] of methods) {
      if (!/^mcp\/(tool\.\*|resources|prompts)/.test(method)) expect(FORMAT.text).toContain(`\`${method}\``);
      const properties = method.startsWith("mcp/") ? {} : params["properties"];
      const names = isJsonObject(properties) ? Object.keys(properties) : [];
      const documented = codesIn(proseOf(FORMAT));
      expect(
        names.filter((name) => !documented.includes(name)),
        method,
      ).toEqual([]);
    }
  });
});

describe("the code blocks of the docs", () => {
  it("are in languages that are tested", () => {
    const languages = new Set(PAGES.flatMap(({ blocks }) => blocks.map(({ language }) => language)));
    // Drawings have none. What is new here needs a test first.
    expect([...languages].filter((language) => !["", "yaml", "sh", "json"].includes(language))).toEqual([]);
  });

  it.each(blocksIn("json").map((block) => [placeOf(block), block.text]))(
    "show a problem as it is sent: %s",
    (_, text) => {
      const shown = JSON.parse(text);
      expect(problemDetails.strict().parse(shown)).toEqual(shown);
      expect(shown).toMatchObject({ status: statusOf(shown.code), suggestions: [adviceFor(shown.code)] });
    },
  );
});

describe.each(PAGES.map((page) => [page.name, page] as const))("the links of %s", (name, page) => {
  it("lead to files and headings that are there", () => {
    const targets = [
      ...proseOf(page)
        .replace(/`[^`]*`/g, "")
        .matchAll(/\]\(([^)]+)\)/g),
    ].map(([, target = ""]) => target);
    const local = targets.filter((target) => !/^https?:/.test(target));
    expect(local.filter((target) => !isThere(name, target))).toEqual([]);
  });

  it("and the paths in its text do as well", () => {
    const paths = codesIn(proseOf(page)).filter((code) =>
      /^(src|test|docs|examples|bench|migrations)\/[\w./-]+$/.test(code),
    );
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

const OUTCOMES = ["failed", "lost", "returned"];

const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** They have no list of their own: they are what `complain` is called with. */
function fileProblemCodes(): string[] {
  const folder = join(ROOT, "src/spec");
  const text = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  return [...new Set([...text.matchAll(/complain\(\s*[\w.]+,\s*"(\w+)"/g)].map(([, code = ""]) => code))];
}

/** 25165824 of `bodyBytes` is "24 MiB". */
function formatLimit(key: string, limit: unknown): string {
  const value = Number(limit);
  const written = value.toLocaleString("en-US");
  if (key === "tokenTextBytes" || key === "errorChars") return `${value / 1024} Ki characters`;
  if (key.endsWith("Chars")) return `${written} characters`;
  if (key.endsWith("Seconds")) return `${written} s`;
  if (!key.endsWith("Bytes")) return written;
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = value % 1024 === 0 ? Math.floor(Math.log2(value) / 10) : 0;
  return key.startsWith("file") && value < 1e6
    ? `${written} bytes`
    : `${value / 1024 ** power} ${units[power]}`;
}

function isThere(from: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? from : join(dirname(from), path);
  if (!existsSync(join(ROOT, file))) return false;
  return anchor === undefined || anchorsOf(findPage(file)).includes(anchor);
}
