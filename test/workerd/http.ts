/** Requests to the API in this isolate: real routes, real objects, no network. */
import { beforeAll } from "vitest";
import type { ProblemDetails } from "../../src/contract/api.ts";
import type { RunView } from "../../src/contract/run.ts";
import type { Env } from "../../src/env.ts";
import { app } from "../../src/ingress/app.ts";
import { emptyDatabase } from "./history-database.ts";
import { bindings } from "./start.ts";

/** Runs are written to history a second later, in every file that starts some. */
beforeAll(async () => {
  await emptyDatabase();
});

export const ECHO =
  "name: greeting\ntasks:\n  - id: hello\n    method: echo/echo\n    params: { message: hi }\n";
/** Its task fails and is tried again a minute later, so that a run of it stands still. */
export const STUCK = {
  name: "stuck",
  tasks: [
    {
      id: "over",
      method: "mcp/tool.multiply",
      params: { a: 1e200, b: 1e200 },
      retry: { baseDelay: 60, jitter: false },
    },
    { id: "after", method: "echo/echo", dependencies: ["over"] },
  ],
};

export async function send(path: string, init: RequestInit = {}, env: Env = bindings): Promise<Response> {
  return await app.request(path, init, env);
}

type Headers = Record<string, string>;

export function postYaml(path: string, body: string, headers: Headers = {}): Promise<Response> {
  return send(path, { method: "POST", body, headers: { "Content-Type": "application/yaml", ...headers } });
}

export function postJson(path: string, value: unknown, headers: Headers = {}): Promise<Response> {
  return postText(path, JSON.stringify(value), headers);
}

export function postText(path: string, body: BodyInit, headers: Headers = {}): Promise<Response> {
  return send(path, { method: "POST", body, headers: { "Content-Type": "application/json", ...headers } });
}

export async function runOf(answer: Response): Promise<RunView> {
  return await answer.json();
}

export async function problemOf(answer: Response): Promise<ProblemDetails> {
  return await answer.json();
}

/** The bindings; `asked` names the objects that were asked for. */
export function watchObjects(): { env: Env; asked: string[] } {
  const asked: string[] = [];
  const RUNS = new Proxy(bindings.RUNS, {
    get: (target, key) => (name: string) => {
      asked.push(name);
      return Reflect.get(target, key).call(target, name);
    },
  });
  return { env: { ...bindings, RUNS }, asked };
}

/** The bindings, with run objects that answer like this. */
export function withObjects(stub: object): Env {
  const RUNS = new Proxy(bindings.RUNS, { get: () => () => stub });
  return { ...bindings, RUNS };
}
