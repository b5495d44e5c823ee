import { beforeAll, describe, expect, test, vi } from "vitest";
import type { RunSummary } from "../../src/contract/run.ts";
import { postJson, problemOf, runOf, send } from "../workerd/http.ts";
import { bindings } from "../workerd/start.ts";

type List = { items: RunSummary[]; nextCursor: string | null };

const list = async (query = "") => await (await send(`/v1/runs${query}`)).json<List>();
const idsOf = ({ items }: List) => items.map(({ id }) => id);
const workflow = { name: "listed", tasks: [{ id: "a", method: "echo/echo" }] };

const ids: string[] = [];
beforeAll(async () => {
  for (const team of ["docs", "docs", "web"]) {
    const answer = await postJson("/v1/runs?wait=30", { workflow, tags: { team, "a:b": "c:d" } });
    ids.unshift((await runOf(answer)).id);
  }
  // The projection is sent a second late.
  await vi.waitFor(async () => expect(idsOf(await list("?status=completed"))).toHaveLength(3), 10_000);
});

describe("GET /v1/runs", () => {
  test("lists runs newest first, without tasks and outputs", async () => {
    const page = await list();
    expect(idsOf(page)).toEqual([...ids].sort().reverse());
    expect(page.nextCursor).toBeNull();
    expect(page.items[0]).toMatchObject({
      status: "completed",
      workflow: { name: "listed" },
      progress: { completed: 1 },
    });
    expect(page.items[0]).not.toHaveProperty("tasks");
    expect(page.items[0]).not.toHaveProperty("outputs");
  });

  test("goes on at the cursor", async () => {
    const first = await list("?limit=2");
    const second = await list(`?limit=2&cursor=${first.nextCursor}`);
    expect([...idsOf(first), ...idsOf(second)]).toEqual(idsOf(await list()));
    expect(second.nextCursor).toBeNull();
  });

  test.each([
    ["tag=team:docs", 2],
    ["tag=a:b", 0],
    ["tag=team:none", 0],
    ["status=failed", 0],
    ["status=completed", 3],
    ["workflow=listed", 3],
    ["workflow=other", 0],
    ["since=2100-01-01T00:00:00Z", 0],
    ["since=2020-01-01T00:00:00%2B02:00", 3],
    ["until=2020-01-01T00:00:00Z", 0],
    ["status=completed&tag=team:web&workflow=listed", 1],
  ])("keeps to ?%s: %i of 3", async (query, count) => {
    expect(idsOf(await list(`?${query}`))).toHaveLength(count);
  });

  test.each([
    "limit=0",
    "limit=201",
    "limit=many",
    "limit=1&limit=2",
    "cursor=x",
    "cursor=",
    "status=done",
    "status=",
    "tag=team",
    "tag=:x",
    "since=yesterday",
    "until=2020-01-01",
    "stauts=failed",
    `workflow=${"x".repeat(201)}`,
  ])("refuses ?%s with 400 and the parameter's name", async (query) => {
    const answer = await send(`/v1/runs?${query}`);
    const { code, detail, issues } = await problemOf(answer);
    const name = query.split("=")[0] ?? "";
    expect([answer.status, code]).toEqual([400, "invalid_request"]);
    expect(issues.map(({ path }) => path)).toEqual([name]);
    expect(detail).toContain(name);
  });

  test("names every parameter that is wrong at once", async () => {
    const { issues } = await problemOf(await send("/v1/runs?limit=0&since=soon&status=done"));
    expect(issues.map(({ path }) => path).sort()).toEqual(["limit", "since", "status"]);
  });

  test("is 503 with Retry-After while all backends fail, and a run is readable all the same", async () => {
    const fail = () => {
      throw new Error("D1_ERROR: secret");
    };
    const env = {
      ...bindings,
      DB: new Proxy(bindings.DB, { get: () => fail }),
      HISTORIES: new Proxy(bindings.HISTORIES, { get: () => fail }),
    };
    const answer = await send("/v1/runs", {}, env);
    const problem = await problemOf(answer);
    expect([answer.status, problem.code, answer.headers.has("Retry-After")]).toEqual([
      503,
      "unavailable",
      true,
    ]);
    expect(JSON.stringify(problem)).not.toContain("secret");
    expect((await send(`/v1/runs/${ids[0]}`, {}, env)).status).toBe(200);
  });
});
