/** The world outside of the Worker: hosts that answer as a test says. Everybody else refuses the connection. */
import { vi } from "vitest";

type Answer = (path: string, headers: Headers) => unknown;
export type Asked = { host: string; path: string; headers: Headers };

/** `hosts` by `host:port`; what they answer is sent as JSON, undefined as 404. Gives what was asked of them. */
export function playOutside(hosts: Record<string, Answer>): Asked[] {
  const asked: Asked[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const { host, pathname: path } = new URL(request.url);
    const { headers } = request;
    const answer = hosts[host];
    if (answer === undefined) throw new TypeError("Network connection lost.");
    asked.push({ host, path, headers });
    const body = answer(path, headers);
    return body === undefined ? new Response("not here", { status: 404 }) : Response.json(body);
  });
  return asked;
}

/** An Ollama with these models. */
export const ollamaWith =
  (...models: string[]): Answer =>
  (path) => {
    const listed = models.map((name) => ({ name, model: name }));
    switch (path) {
      case "/api/version":
        return { version: "0.9.0" };
      case "/api/tags":
        return { models: listed };
      case "/api/ps":
        return { models: listed.slice(0, 1) };
      default:
        return undefined;
    }
  };
