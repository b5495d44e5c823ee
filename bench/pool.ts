/** Pools of model hosts in trouble: what `npm run bench -- hub` measures and test/e2e/pool.test.ts requires. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../src/contract/json.ts";
import { startService } from "../src/local/service.ts";
import { type FakeOptions, promptOf } from "../test/fake-ollama/exchange.ts";
import { type FakeOllama, startFakeOllama } from "../test/fake-ollama/server.ts";

const MODEL = "llama3.2";

export type Pool = { url: string; hosts: FakeOllama[]; close(): Promise<void> };

/** A service with these hosts as instances `host-0`, `host-1`, …, `slots` calls at a time each. */
export async function startPool(options: FakeOptions[], slots: number): Promise<Pool> {
  const stateFolder = await mkdtemp(join(tmpdir(), "gleitzeit-pool-"));
  const hosts = await Promise.all(options.map((one) => startFakeOllama({ models: [MODEL], ...one })));
  const service = await startService({
    port: 0,
    stateFolder,
    python: false,
    ollamaUrls: [],
    mcpUrls: [],
    pythonUrls: [],
    log: () => {},
  });
  for (const [index, { url }] of hosts.entries()) await register(service.url, `host-${index}`, url, slots);
  return {
    url: service.url,
    hosts,
    async close() {
      await service.close();
      await Promise.all(hosts.map((host) => host.close()));
      await rm(stateFolder, { recursive: true, force: true });
    },
  };
}

export async function register(
  service: string,
  id: string,
  url: string,
  maxConcurrent: number,
): Promise<void> {
  await send(`${service}/v1/providers/${id}`, "PUT", {
    protocol: "llm/v1",
    kind: "ollama",
    url,
    maxConcurrent,
  });
}

/** Milliseconds that a run of so many independent chat tasks takes. */
export async function timeChats(pool: Pool, tasks: number): Promise<number> {
  const began = performance.now();
  const { status, error } = await complete(pool.url, chats("throughput", tasks));
  if (status !== "completed") throw new Error(`the run is ${status}: ${JSON.stringify(error)}`);
  return performance.now() - began;
}

export type Trouble = { runs: number; completed: number; failedDirectly: number };

const TROUBLES = ["500", "hang", "reset", "junk", "429"] as const;
const SICK_SHARE = 0.6;
const TIMEOUT_SECONDS = 2;
const AT_A_TIME = 50;

/**
 * One-task runs over three hosts, of which one is closed and one fails 60 % of its calls in turn in all its ways; and
 * the same calls made directly, to each host in turn, once.
 */
export async function sufferTrouble(runs: number): Promise<Trouble> {
  const closed = await closedUrl();
  const pool = await startPool([{}, { trouble: failingOften() }], 4);
  try {
    await register(pool.url, "host-closed", closed, 4);
    const workflow = chats("trouble", 1, { timeout: TIMEOUT_SECONDS });
    const ended = await atATime(runs, () => complete(pool.url, workflow));
    const urls = [...pool.hosts.map(({ url }) => url), closed];
    const direct = await atATime(runs, (index) => callDirectly(urls[index % urls.length] ?? closed));
    return {
      runs,
      completed: ended.filter(({ status }) => status === "completed").length,
      failedDirectly: direct.filter((isAnswered) => !isAnswered).length,
    };
  } finally {
    await pool.close();
  }
}

/** Of every five calls of a model three fail, each time in the next way. */
function failingOften(): NonNullable<FakeOptions["trouble"]> {
  let calls = 0;
  let failures = 0;
  return ({ path }) => {
    if (path !== "/api/chat") return undefined;
    const isSick = (calls++ * 3) % 5 < SICK_SHARE * 5;
    return isSick ? TROUBLES[failures++ % TROUBLES.length] : undefined;
  };
}

/** Whether the whole answer came within the time a task has. */
async function callDirectly(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/api/chat`, {
      method: "POST",
      body: JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "hello" }] }),
      signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
    });
    return response.ok && (await response.text()).includes('"done":true');
  } catch {
    return false;
  }
}

export type Recovery = { backAfterMs: number; share: number };

/**
 * Three hosts under steady load, of which one goes away until it gets nothing and comes back: after how long it has
 * answered again, and its share of the calls from then on (a third is even).
 */
export async function recover(): Promise<Recovery> {
  const pool = await startPool([{ replyDelayMs: 20 }, { replyDelayMs: 20 }, { replyDelayMs: 20 }], 1);
  const [host] = pool.hosts;
  if (host === undefined) throw new Error("no host");
  let isOver = false;
  const load = Promise.all(
    [0, 1, 2].map(async () => {
      while (!isOver) await complete(pool.url, chats("steady", 5));
    }),
  );
  const answered = () => pool.hosts.map(({ requests }) => requests.length);
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  try {
    await until(() => answered().every((count) => count >= 5));
    await host.stop();
    const others = () => (answered()[1] ?? 0) + (answered()[2] ?? 0);
    const before = others();
    await until(() => others() >= before + 60);
    await host.start();
    const came = { at: performance.now(), calls: answered()[0] ?? 0 };
    await until(() => (answered()[0] ?? 0) >= came.calls + 3);
    const backAfterMs = performance.now() - came.at;
    const counted = answered();
    await until(() => sum(answered()) >= sum(counted) + 150);
    const share = ((answered()[0] ?? 0) - (counted[0] ?? 0)) / (sum(answered()) - sum(counted));
    return { backAfterMs, share };
  } finally {
    isOver = true;
    await load.catch(() => {});
    await pool.close();
  }
}

export type Overload = {
  /** Calls of waiting normal tasks that came after the first urgent one was submitted and before the last began. */
  overtaken: number;
  urgent: number;
  /** Calls of each of the two normal runs among those that came while both waited. */
  shares: [number, number];
};

/** 200 tasks of two runs wait for three slots; then a run of urgent tasks comes. */
export async function overload(): Promise<Overload> {
  const order: string[] = [];
  const reply: NonNullable<FakeOptions["reply"]> = (request) => {
    order.push(promptOf(request));
    return "ok";
  };
  const host = { replyDelayMs: 30, reply };
  const pool = await startPool([host, host, host], 1);
  try {
    const first = complete(pool.url, chats("first", 100));
    const second = complete(pool.url, chats("second", 100));
    while (order.length < 60) await new Promise((resolve) => setTimeout(resolve, 10));
    const submitted = order.length;
    await complete(pool.url, chats("urgent", 12, { priority: "urgent" }));
    const urgentFrom = order.slice(submitted);
    const last = urgentFrom.findLastIndex((prompt) => prompt.startsWith("urgent"));
    const overtaken = urgentFrom.slice(0, last).filter((prompt) => !prompt.startsWith("urgent")).length;
    // From when both had asked.
    const both = order.slice(12, submitted);
    const of = (name: string) => both.filter((prompt) => prompt.startsWith(name)).length;
    await Promise.all([first, second]);
    return { overtaken, urgent: 12, shares: [of("first"), of("second")] };
  } finally {
    await pool.close();
  }
}

function chats(name: string, tasks: number, more: JsonObject = {}): JsonObject {
  return {
    name,
    maxParallelTasks: 1000,
    tasks: Array.from({ length: tasks }, (_, index) => ({
      id: `t${index}`,
      method: "llm/chat",
      params: { model: MODEL, prompt: `${name} ${index}` },
      ...more,
    })),
  };
}

type Ended = { status: string; error?: unknown };

async function complete(url: string, workflow: JsonObject): Promise<Ended> {
  let run = await send(`${url}/v1/runs?wait=60`, "POST", { workflow });
  while (run["status"] === "running") run = await send(`${url}/v1/runs/${run["id"]}?wait=60`, "GET");
  return { status: String(run["status"]), error: run["error"] };
}

async function send(url: string, method: string, body?: JsonObject): Promise<JsonObject> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method, headers, ...init });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

async function atATime<Answer>(count: number, ask: (index: number) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next++;
      answers[index] = await ask(index);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  return answers;
}

/** An address at which nobody listens. */
async function closedUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const sum = (numbers: number[]): number => numbers.reduce((total, one) => total + one, 0);
