/** Talks to a service over HTTP. Nothing but `fetch` is needed: browsers, Node and Workers alike. */
import type * as z from "zod";
import {
  type CheckReport,
  checkReport,
  type ServiceStatus,
  serviceStatus,
  type startRequest,
  type TransferProgress,
  type TransferRequest,
  transferProgress,
} from "../contract/api.ts";
import type { JournalEntry, LiveEvent } from "../contract/event.ts";
import type { RunId } from "../contract/id.ts";
import type { JsonObject } from "../contract/json.ts";
import { type RunView, runView, type TaskDetail, taskDetail } from "../contract/run.ts";
import { followEvents } from "./events.ts";
import { type Connection, objectOf, readJson, send } from "./http.ts";

export type ClientOptions = {
  /** Without a path: `http://127.0.0.1:8787`. */
  url: string;
  apiKey?: string;
};

export type SubmitOptions = {
  /** The same key and body give the same run. */
  idempotencyKey?: string;
  /** Answer when the run has ended, at most so much later; 0 to 60. */
  waitSeconds?: number;
};

export type EventsOptions = { after?: number; signal?: AbortSignal };

/** Every method throws a `GleitzeitError`; its code is `unavailable` where no service answers. */
export type Client = {
  url: string;
  submit(request: z.input<typeof startRequest>, options?: SubmitOptions): Promise<RunView>;
  run(id: RunId, options?: Pick<SubmitOptions, "waitSeconds">): Promise<RunView>;
  task(id: RunId, taskId: string): Promise<TaskDetail>;
  /** `{taskId: result}` of the tasks that completed. */
  results(id: RunId): Promise<JsonObject>;
  /** What happened after event `after` (from the start without it) and what happens, until the run has ended. */
  events(id: RunId, options?: EventsOptions): AsyncGenerator<JournalEntry | LiveEvent, void>;
  /** `source`: YAML text, or a workflow object. */
  check(source: string | JsonObject): Promise<CheckReport>;
  /** How the service is: where history is written to, and runs by status. */
  status(): Promise<ServiceStatus>;
  /** One step of a copy of history: what it answers is the `progress` of the next, until `isDone`. */
  migrate(request: TransferRequest, options?: Pick<EventsOptions, "signal">): Promise<TransferProgress>;
};

/**
 * @example
 * const client = connect({ url: "http://127.0.0.1:8787" });
 * const workflow = { name: "hello", tasks: [{ method: "echo/echo", params: { message: "hi" } }] };
 * const run = await client.submit({ workflow }, { waitSeconds: 30 });
 */
export function connect({ url, apiKey }: ClientOptions): Client {
  const connection: Connection = { url: url.replace(/\/+$/, ""), apiKey };
  const run = async (id: RunId, { waitSeconds = 0 }: Pick<SubmitOptions, "waitSeconds"> = {}) =>
    runView.parse(await readJson(await send(connection, `/v1/runs/${id}${waitFor(waitSeconds)}`)));
  return {
    url: connection.url,
    run,
    async submit(request, { idempotencyKey, waitSeconds = 0 } = {}) {
      const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
      const post = { method: "POST", headers, json: request };
      return runView.parse(await readJson(await send(connection, `/v1/runs${waitFor(waitSeconds)}`, post)));
    },
    async task(id, taskId) {
      const path = `/v1/runs/${id}/tasks/${encodeURIComponent(taskId)}`;
      return taskDetail.parse(await readJson(await send(connection, path)));
    },
    async results(id) {
      return objectOf(await readJson(await send(connection, `/v1/runs/${id}/results`)));
    },
    events: (id, options = {}) => followEvents({ connection, id, run: () => run(id) }, options),
    async check(source) {
      const body = typeof source === "string" ? { yaml: source } : { json: source };
      return checkReport.parse(
        await readJson(await send(connection, "/v1/workflows/check", { method: "POST", ...body })),
      );
    },
    async status() {
      return serviceStatus.parse(await readJson(await send(connection, "/v1/status")));
    },
    async migrate(request, { signal } = {}) {
      const post = { method: "POST", json: request, signal };
      return transferProgress.parse(await readJson(await send(connection, "/v1/history/migrate", post)));
    },
  };
}

const waitFor = (seconds: number): string => (seconds > 0 ? `?wait=${seconds}` : "");
