/** `/openapi.json`, from the routes as they are declared. Nothing in it is written by hand twice. */
import type { RouteConfig } from "@hono/zod-openapi";
import { version } from "../../package.json";
import type { Router } from "./router.ts";
import { namedSchemas, refTo, type SchemaName } from "./schemas.ts";

const ABOUT = {
  openapi: "3.1.0",
  info: {
    title: "Gleitzeit",
    version,
    description: "Declarative LLM workflows: submit one, follow its run, read its results.",
    license: { name: "MIT", identifier: "MIT" },
  },
};

/** Makes the document when it is first asked for: it costs more than a request, and few ask. */
export function serveOpenApi(app: Router): void {
  let document: string | undefined;
  app.get("/openapi.json", (c) => {
    document ??= describe(app);
    return c.body(document, 200, { "Content-Type": "application/json" });
  });
}

/** A route's answers by status; those to errors are the same everywhere. */
export function answers(described: Record<number, [SchemaName, string]>): RouteConfig["responses"] {
  const responses: RouteConfig["responses"] = {
    default: {
      description: "What went wrong (RFC 9457)",
      content: { "application/problem+json": { schema: refTo("ProblemDetails") } },
    },
  };
  for (const [status, [name, description]] of Object.entries(described)) {
    responses[status] = { description, content: { "application/json": { schema: refTo(name) } } };
  }
  return responses;
}

/** The body of what takes a workflow. */
export const WORKFLOW_BODY = {
  required: true,
  description: "A workflow as YAML; or as JSON, bare or with what a run is given.",
  content: {
    "application/json": { schema: { anyOf: [refTo("StartRequest"), { type: "object" as const }] } },
    "application/yaml": { schema: { type: "string" as const } },
  },
};

function describe(app: Router): string {
  for (const [name, schema] of Object.entries(namedSchemas())) {
    app.openAPIRegistry.registerComponent("schemas", name, schema);
  }
  return JSON.stringify(app.getOpenAPI31Document(ABOUT));
}
