/** Requests to the API in this isolate: real routes, real objects, no network. */
import type { ProblemDetails } from "../../src/contract/api.ts";
import type { RunView } from "../../src/contract/run.ts";
import type { Env } from "../../src/env.ts";
import { app } from "../../src/ingress/app.ts";
import { bindings } from "./start.ts";

export const ECHO =
  "name: greeting\ntasks:\n  - id: hello\n    method: echo/echo\n    params: { message: hi }\n";
/** Nobody answers it, so that a run of it stands still. */
export const STUCK = {
  name: "stuck",
  tasks: [{ id: "ask", method: "llm/chat", params: { prompt: "hi", model: "none" } }],
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

/** The bindings, with objects that nobody may ask; `asked` tells who was. */
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
