/** `POST /v1/history/migrate` between the real backends. */
import { beforeEach, describe, expect, test } from "vitest";
import {
  type HistoryBackend,
  type TransferProgress,
  type TransferRequest,
  transferProgress,
} from "../../src/contract/api.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { openHistory } from "../../src/history/open.ts";
import type { Projection } from "../../src/history/run-history.ts";
import { sampleRun } from "../history/sample.ts";
import { postJson, postText, problemOf, send } from "../workerd/http.ts";
import { bindings } from "../workerd/start.ts";

const PATH = "/v1/history/migrate";
const RUNS = LIMITS.historyBatchRuns + 10;
const runs = Array.from({ length: RUNS }, (_, number) => projectionOf(number));

function projectionOf(number: number, revision = 5): Projection {
  const record = new TextEncoder().encode(JSON.stringify({ number, revision }));
  return { revision, summary: sampleRun(number, { tags: { number: `${number}` } }), record };
}

async function step(request: TransferRequest): Promise<TransferProgress> {
  const answer = await postJson(PATH, request);
  expect(answer.status).toBe(200);
  return transferProgress.strict().parse(await answer.json());
}

async function migrate(from: HistoryBackend, to: HistoryBackend): Promise<TransferProgress> {
  let progress = await step({ from, to });
  for (let steps = 1; !progress.isDone; steps++) {
    expect(steps).toBeLessThan(10);
    progress = await step({ from, to, progress });
  }
  return progress;
}

async function allOf(backend: HistoryBackend): Promise<Projection[]> {
  const history = openHistory(bindings, backend);
  return await Promise.all(
    runs.map(async ({ summary }) => {
      const found = await history.read(summary.id);
      return found ?? { revision: 0, summary, record: new Uint8Array() };
    }),
  );
}

beforeEach(async () => {
  for (const backend of ["d1", "durable", "memory"] as const) {
    const history = openHistory(bindings, backend);
    for (let page = await history.page(undefined); page.length > 0; page = await history.page(undefined)) {
      await history.remove(page.map(({ revision, summary }) => ({ id: summary.id, revision })));
    }
  }
  const history = openHistory(bindings, "d1");
  await history.write(runs.slice(0, LIMITS.historyBatchRuns));
  await history.write(runs.slice(LIMITS.historyBatchRuns));
});

describe("POST /v1/history/migrate", () => {
  test.each([["durable"], ["memory"]] as const)(
    "copies D1 to %s and back, step by step, to the byte",
    async (backend) => {
      const there = await migrate("d1", backend);
      expect(there).toMatchObject({ copied: RUNS, isEqual: true, from: { runs: RUNS }, to: { runs: RUNS } });
      expect(there.from).toEqual(there.to);
      expect(await allOf(backend)).toEqual(runs);
      expect(await migrate(backend, "d1")).toEqual({ ...there, copied: 0 });
      expect(await allOf("d1")).toEqual(runs);
    },
  );

  test("goes on where it broke off, and begun anew writes only what is missing", async () => {
    const request = { from: "d1", to: "durable" } as const;
    const progress = await step(request);
    expect(progress).toMatchObject({ copied: LIMITS.historyBatchRuns, isDone: false });
    expect(await step({ ...request, progress })).toMatchObject({ copied: RUNS, to: { runs: RUNS } });
    await openHistory(bindings, "durable").remove([{ id: runs[3]?.summary.id ?? "", revision: 5 }]);
    expect(await migrate("d1", "durable")).toMatchObject({ copied: 1, isEqual: true });
  });

  test("leaves runs alone that went on at the target, and says so by the digests", async () => {
    await migrate("d1", "durable");
    await openHistory(bindings, "durable").write([projectionOf(7, 9)]);
    const done = await migrate("d1", "durable");
    expect(done).toMatchObject({ copied: 0, isEqual: true });
    expect(done.from.digest).not.toBe(done.to.digest);
    expect((await openHistory(bindings, "durable").read(runs[7]?.summary.id ?? ""))?.revision).toBe(9);
  });

  const side = { runs: 1, digest: "0".repeat(64) };
  const progress = { after: null, copied: 0, from: side, to: side, isDone: false, isEqual: true };
  test.each([
    [{ from: "d1", to: "d1" }, "to", "must be another backend than from"],
    [{ from: "d1" }, "to", "is missing"],
    [{ from: "d1", to: "d2" }, "to", "must be d1, durable or memory"],
    [{ from: "d1", to: "durable", after: "x" }, "after", "is not known here"],
    [{ from: "d1", to: "durable", progress: {} }, "progress.after", "is missing"],
    [
      { from: "d1", to: "durable", progress: { ...progress, after: "zz" } },
      "progress.after",
      "progress.after",
    ],
    [
      { from: "d1", to: "durable", progress: { ...progress, to: { ...side, digest: "-1" } } },
      "progress.to.digest",
      "must be 64 hexadecimal digits",
    ],
  ])("refuses %j with 400", async (body, path, message) => {
    const answer = await postJson(PATH, body);
    const { code, issues } = await problemOf(answer);
    expect([answer.status, code]).toEqual([400, "invalid_request"]);
    expect(issues[0]).toMatchObject({ path, message: expect.stringContaining(message) });
  });

  test("takes JSON alone", async () => {
    expect((await postText(PATH, "from: d1", { "Content-Type": "application/yaml" })).status).toBe(415);
  });

  test("is 503 while a backend fails, and a step that failed can be made again", async () => {
    const body = JSON.stringify({ from: "d1", to: "durable" });
    const get = () => () => {
      throw new Error("D1_ERROR: secret");
    };
    const env = { ...bindings, DB: new Proxy(bindings.DB, { get }) };
    const init = { method: "POST", body, headers: { "Content-Type": "application/json" } };
    const answer = await send(PATH, init, env);
    expect([answer.status, (await problemOf(answer)).code]).toEqual([503, "unavailable"]);
    expect(await migrate("d1", "durable")).toMatchObject({ copied: RUNS, isEqual: true });
  });
});
