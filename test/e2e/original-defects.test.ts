/** Defects of the original that must not come back, shown on the whole service: one named test each. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { hasEnded, type RunView } from "../../src/contract/run.ts";
import { type FakeFailure, promptOf } from "../fake-ollama/exchange.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { runProgram, temporaryFolder } from "./process.ts";
import { serviceForFile } from "./service.ts";

const BUSY: FakeFailure = { status: 503, error: "server busy" };
let refusals = 0;
const ollama = await startFakeOllama({ fail: () => (refusals-- > 0 ? BUSY : undefined) });
afterAll(() => ollama.close());
// Scripts tell of themselves through files of this machine.
const client = await serviceForFile({ ollamaUrls: [ollama.url], sandbox: "process" });

beforeEach(() => {
  refusals = 0;
  ollama.requests.length = 0;
});

/** The run when it has ended. */
async function run(tasks: JsonObject[], settings: JsonObject = {}): Promise<RunView> {
  const workflow = { name: "defect", ...settings, tasks };
  let seen = await client.submit({ workflow }, { waitSeconds: 60 });
  while (!hasEnded(seen.status)) seen = await client.run(seen.id, { waitSeconds: 60 });
  return seen;
}

const script = (id: string, code: string, more: JsonObject = {}): JsonObject => ({
  id,
  method: "python/execute",
  params: { code },
  ...more,
});
const ask = (id: string, prompt: string, more: JsonObject = {}): JsonObject => ({
  id,
  method: "llm/chat",
  params: { model: "llama3.2", prompt },
  ...more,
});
const echo = (id: string, message: string, more: JsonObject = {}): JsonObject => ({
  id,
  method: "echo/echo",
  params: { message },
  ...more,
});
/** t0 ← t1 ← …: each says what the one before it said. */
const chain = (length: number): JsonObject[] =>
  Array.from({ length }, (_, index) =>
    echo(`t${index}`, index === 0 ? "said" : `\${t${index - 1}.response}`),
  );
const statuses = ({ tasks }: RunView) => Object.fromEntries(tasks.map(({ id, status }) => [id, status]));

it("dependents of a failed task do not run, theirs neither, and the others do", async () => {
  const ended = await run([
    script("bad", "raise ValueError('no')"),
    ask("after", "Sum up", { dependencies: ["bad"] }),
    ask("later", "Sum up ${after.response}"),
    ask("beside", "Hello"),
  ]);
  expect(ended.status).toBe("failed");
  expect(statuses(ended)).toEqual({ bad: "failed", after: "skipped", later: "skipped", beside: "completed" });
  expect(ollama.requests.map(promptOf)).toEqual(["Hello"]);
});

it("a failed script does not count as completed, however it fails", async () => {
  const ways = {
    raises: "raise ValueError('no')",
    exits: "import sys; sys.exit(3)",
    dies: "import os; os._exit(0)",
    unparsable: "def (",
    unfit: "result = object()",
  };
  const ended = await run(Object.entries(ways).map(([id, code]) => script(id, code)));
  expect([ended.status, ended.progress.failed, ended.progress.completed]).toEqual(["failed", 5, 0]);
  expect(ended.tasks.map(({ error }) => error?.code)).toEqual(Array(5).fill("script_failed"));
  expect(await client.results(ended.id)).toEqual({});
});

it("an unresolved reference reaches no provider as text: the task fails and names the keys there are", async () => {
  const ended = await run([
    script("made", "result = {'title': 'x', 'pages': 3}"),
    ask("asked", "Sum up ${made.result.text}"),
    script("given", "result = context", {
      params: { code: "result = context", context: { x: "${made.no}" } },
    }),
  ]);
  expect(statuses(ended)).toEqual({ made: "completed", asked: "failed", given: "failed" });
  const [, asked, given] = ended.tasks;
  expect(asked?.error).toMatchObject({ code: "reference_unresolved", retryable: false });
  expect(asked?.error?.message).toMatch(/\$\{made\.result\.text\}.*title, pages/);
  expect(given?.error).toMatchObject({ code: "reference_unresolved" });
  expect([ollama.requests, asked?.attemptCount, given?.attemptCount]).toEqual([[], 0, 0]);
});

it("a reference to a task that does not exist is refused before anything runs", async () => {
  const refused = run([ask("first", "Hello"), ask("second", "Sum up ${frist.response}")]);
  await expect(refused).rejects.toMatchObject({
    code: "invalid_workflow",
    details: { issues: [{ code: "unknown_reference", suggestion: 'did you mean "first"?' }] },
  });
  expect(ollama.requests).toEqual([]);
});

it("retries have an effect: a provider that is busy twice is asked a third time, all attempts on record", async () => {
  refusals = 2;
  const ended = await run([ask("asked", "Hello", { retry: { baseDelay: 0 } })]);
  expect(ended.status).toBe("completed");
  const { attempts, result } = await client.task(ended.id, "asked");
  expect(attempts).toMatchObject([
    { number: 1, status: "failed", instance: "ollama-1", error: { code: "provider_unavailable" } },
    { number: 2, status: "failed", instance: "ollama-1", error: { code: "provider_unavailable" } },
    { number: 3, status: "completed", instance: "ollama-1" },
  ]);
  expect(result).toMatchObject({ response: "You said: Hello" });
  expect(ollama.requests).toHaveLength(3);
});

it("retries of scripts have an effect, where the task asks for them", async () => {
  const folder = temporaryFolder();
  const code = `
with open(context["log"], "a+") as log:
    log.write("tried\\n")
    log.seek(0)
    tries = len(log.readlines())
if tries < 3:
    raise ValueError("not yet")
result = tries
`;
  const task = (id: string, more: JsonObject) =>
    script(id, code, { params: { code, context: { log: join(folder, id) } }, ...more });
  const ended = await run([task("once", {}), task("thrice", { retry: { maxAttempts: 3, baseDelay: 0 } })]);
  expect(statuses(ended)).toEqual({ once: "failed", thrice: "completed" });
  expect(ended.tasks.map(({ attemptCount }) => attemptCount)).toEqual([1, 3]);
  expect(await client.results(ended.id)).toMatchObject({ thrice: { result: 3 } });
});

it("the delay between retries has an effect", async () => {
  refusals = 1;
  const retry = { backoff: "fixed", baseDelay: 0.5, jitter: false };
  const ended = await run([ask("asked", "Hello", { retry })]);
  const [first, second] = (await client.task(ended.id, "asked")).attempts;
  const pauseMs = Date.parse(second?.startedAt ?? "") - Date.parse(first?.finishedAt ?? "");
  expect(pauseMs).toBeGreaterThanOrEqual(500);
});

it("a task's timeout has an effect: it ends a slow script, its process included", async () => {
  const file = join(temporaryFolder(), "pid");
  const code = "import os, time; open(context['file'], 'w').write(str(os.getpid())); time.sleep(60)";
  const slow = script("slow", code, {
    params: { code, context: { file } },
    timeout: 2,
    retry: { maxAttempts: 1 },
  });
  const ended = await run([slow, echo("after", "${slow.result}")]);
  expect(statuses(ended)).toEqual({ slow: "failed", after: "skipped" });
  expect(ended.tasks[0]?.error).toMatchObject({ code: "timeout" });
  const pid = Number(readFileSync(file, "utf8"));
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
});

it("a run's timeout has an effect", async () => {
  const ended = await run([script("slow", "import time; time.sleep(60)"), echo("after", "${slow.result}")], {
    timeout: 1,
  });
  expect(ended).toMatchObject({ status: "failed", error: { code: "run_timeout" } });
  expect(statuses(ended)).toEqual({ slow: "cancelled", after: "cancelled" });
});

it("a chain longer than the concurrency limit does not stall", async () => {
  const ended = await run(chain(200), { maxParallelTasks: 1 });
  expect([ended.status, ended.progress.completed]).toEqual(["completed", 200]);
});

it("a chain of 10,000 listed last-first overflows nothing and completes", { timeout: 180_000 }, async () => {
  const ended = await run(chain(10_000).toReversed(), { timeout: 170 });
  expect([ended.status, ended.progress.completed]).toEqual(["completed", 10_000]);
  expect(ended.outputs).toMatchObject({ t9999: { response: "said" } });
});

it("null results are results", async () => {
  const ended = await run([
    script("nothing", "result = None"),
    script("silent", "pass"),
    { id: "echoed", method: "echo/echo", params: { message: "${nothing.result}" } },
    {
      id: "told",
      method: "python/execute",
      params: {
        code: "result = [context['a'] is None, context['b'] is None, context['text']]",
        context: { a: "${nothing.result}", b: "${silent.result}", text: "it is ${echoed.response}" },
      },
    },
  ]);
  expect(ended.status).toBe("completed");
  expect(await client.results(ended.id)).toMatchObject({
    nothing: { result: null, success: true },
    echoed: { response: null },
    told: { result: [true, true, "it is null"] },
  });
});

it("results of runs at the same time do not mix, though their tasks have the same ids", async () => {
  const tasks = [
    script("make", "result = context['who']", {
      params: { code: "result = context['who']", context: { who: "${inputs.who}" } },
    }),
    ask("ask", "I am ${make.result}"),
    echo("tell", "${inputs.who}: ${make.result}: ${ask.response}"),
  ];
  const workflow = { name: "same", inputs: { who: { type: "integer" } }, tasks };
  const runs = Array.from({ length: 12 }, (_, who) =>
    client.submit({ workflow, inputs: { who } }, { waitSeconds: 60 }),
  );
  const said = (await Promise.all(runs)).map(({ outputs }) => outputs?.["tell"]);
  expect(said).toMatchObject(said.map((_, who) => ({ response: `${who}: ${who}: You said: I am ${who}` })));
});

it("the command line's exit code is 0 only when the run completed", async () => {
  const folder = temporaryFolder();
  const codeFor = async (name: string, tasks: JsonObject[]) => {
    writeFileSync(join(folder, name), JSON.stringify({ name, tasks }));
    const { code } = await runProgram("src/cli/main.ts", ["run", name, "--url", client.url], { cwd: folder });
    return code;
  };
  expect(await codeFor("good.json", [echo("a", "hi")])).toBe(0);
  expect(await codeFor("failing.json", [echo("a", "hi"), script("b", "raise ValueError('no')")])).toBe(1);
  expect(await codeFor("unresolved.json", [echo("a", "hi"), echo("b", "${a.nothing}")])).toBe(1);
  expect(await codeFor("refused.json", [echo("a", "${b}")])).toBe(2);
  const nowhere = ["run", "good.json", "--url", "http://127.0.0.1:1"];
  expect((await runProgram("src/cli/main.ts", nowhere, { cwd: folder })).code).toBe(3);
});

it.each(["depends_on", "dependsOn", "dependencies"])(
  "%s is heeded, as a list and as one name",
  async (key) => {
    const ended = await run([
      echo("last", "c", { [key]: "middle" }),
      script("middle", "result = 1", { [key]: ["first"] }),
      script("first", "import time; time.sleep(0.2)"),
    ]);
    const [last, middle, first] = ended.tasks;
    expect([last?.dependencies, middle?.dependencies]).toEqual([["middle"], ["first"]]);
    expect(Date.parse(middle?.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(first?.finishedAt ?? ""));
    expect(Date.parse(last?.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(middle?.finishedAt ?? ""));
  },
);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
