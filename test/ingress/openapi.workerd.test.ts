import { beforeAll, expect, test } from "vitest";
import { app } from "../../src/ingress/app.ts";
import { send } from "../workerd/http.ts";

type Node = { [key: string]: unknown };
type Operation = {
  responses: Record<string, Node>;
  parameters?: { name: string; in: string }[];
  requestBody?: Node;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Node> };
};

let document: Document;
beforeAll(async () => {
  document = await (await send("/openapi.json")).json();
});

const operations = () => Object.values(document.paths).flatMap((path) => Object.values(path));

function* valuesIn(node: unknown, key: string): Generator<unknown> {
  if (typeof node !== "object" || node === null) return;
  for (const [name, value] of Object.entries(node)) {
    if (name === key) yield value;
    yield* valuesIn(value, key);
  }
}

test("it is OpenAPI 3.1", () => {
  expect(document.openapi).toBe("3.1.0");
});

test("it has every route under /v1 that is served, and no other", () => {
  const served = app.routes.filter(({ method, path }) => method !== "ALL" && path.startsWith("/v1"));
  const routes = served.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.filter((route) => route.includes(" /v1")).sort()).toEqual([...new Set(routes)].sort());
});

test("every reference leads to a schema, and none is unused", () => {
  const known = Object.keys(document.components.schemas);
  const used = new Set(
    [...valuesIn(document, "$ref")].map((ref) => String(ref).replace("#/components/schemas/", "")),
  );
  expect([...used].filter((name) => !known.includes(name))).toEqual([]);
  const live = ["TokenEvent", "ProgressEvent"];
  expect(known.filter((name) => !used.has(name) && !live.includes(name))).toEqual([]);
});

test("every operation says how it fails", () => {
  for (const { responses } of operations()) {
    expect(responses["default"]).toMatchObject({ content: { "application/problem+json": {} } });
  }
});

test("every parameter in a path is declared", () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const { parameters = [] } of Object.values(methods)) {
      expect(parameters.filter((one) => one.in === "path").map(({ name }) => name)).toEqual(named);
    }
  }
});

test("what takes a workflow takes JSON and YAML", () => {
  for (const path of ["/v1/runs", "/v1/workflows/check"]) {
    const body = document.paths[path]?.["post"]?.requestBody;
    expect(Object.keys(body?.["content"] ?? {})).toEqual(["application/json", "application/yaml"]);
  }
});

test("schemas say what zod says: a run's statuses, a list's limits", () => {
  expect([...valuesIn(document.components.schemas["Run"], "enum")]).toContainEqual([
    "pending",
    "running",
    "paused",
    "completed",
    "failed",
    "cancelled",
  ]);
  const limit = document.paths["/v1/runs"]?.["get"]?.parameters?.find(({ name }) => name === "limit");
  expect(limit).toMatchObject({
    required: false,
    schema: { type: "integer", minimum: 1, maximum: 200, default: 50 },
  });
});

test("what has a default may be left out of a request", () => {
  expect(document.components.schemas["StartRequest"]?.["required"]).toEqual(["workflow"]);
});
