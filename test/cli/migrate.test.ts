import type { ServerResponse } from "node:http";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type MigrateOptions, migrateHistory } from "../../src/cli/migrate.ts";
import { transferRequest } from "../../src/contract/api.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { memoryHistory } from "../../src/history/memory.ts";
import { transferStep } from "../../src/history/transfer.ts";
import { exitOf, killGroup, runProgram, startProgram, untilPrinted } from "../e2e/process.ts";
import { serviceForFile } from "../e2e/service.ts";
import { sampleProjection, sampleRun } from "../history/sample.ts";
import { deadUrl, serveWith } from "../providers/http-server.ts";

const service = await serviceForFile({ python: false });
/** Two full pages and one that is not; with the last, empty one these are four steps. */
const RUNS = 2 * LIMITS.historyBatchRuns + 10;
const SIDES = /^d1 +(.+) ([0-9a-f]{64})\ndurable +(.+) ([0-9a-f]{64})\n(.+) copied\n$/;

describe("between the backends of a service", () => {
  it("copies all runs and exits with 0; the second time there is nothing to copy, nor back", async () => {
    const workflow = { name: "kept", tasks: [{ id: "a", method: "echo/echo" }] };
    for (let count = 0; count < 3; count++) await service.submit({ workflow }, { waitSeconds: 30 });
    await vi.waitFor(async () => expect(await countListed()).toBe(3), { timeout: 20_000, interval: 100 });
    const first = await migrate(service.url);
    expect(first.stderr).toMatch(
      /^3 runs looked at, 3 copied\ndurable has all that d1 has\. Set GLEITZEIT_HI/,
    );
    const [, theirs, digest, ours, same, copied] = SIDES.exec(first.stdout) ?? [];
    expect([theirs?.trim(), ours?.trim(), copied]).toEqual(["3 runs", "3 runs", "3 runs"]);
    expect(same).toBe(digest);
    expect(first.code).toBe(0);
    for (const [from, to] of [
      ["d1", "durable"],
      ["durable", "d1"],
    ] as const) {
      const { code, stdout } = await migrate(service.url, from, to);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/3 runs {2}\w{64}\n0 runs copied\n$/)]);
    }
  });

  it.each([
    [["--from", "d1", "--to", "d1"], /to must be another backend than from/],
    [["--from", "d1", "--to", "d2"], /'d2' is invalid.*durable/],
    [["--from", "d1"], /required option '--to <backend>'/],
  ])("exits with 2 for %j", async (parameters, message) => {
    const env = { GLEITZEIT_URL: service.url };
    const { code, stdout, stderr } = await runProgram("src/cli/main.ts", ["migrate", ...parameters], { env });
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, ""]);
  });
});

describe("a service that fails for a while", () => {
  it("is asked again, and nothing is copied or counted twice", async () => {
    const { url, countKept } = await play((step, response) => {
      if (step === 2) return void response.writeHead(503).end("{}");
      if (step === 4) return void response.destroy();
      return "go on";
    });
    const { code, stdout } = await migrate(url);
    expect(stdout).toMatch(SIDES);
    expect(stdout).toContain(`\n${RUNS} runs copied\n`);
    expect([code, await countKept()]).toEqual([0, RUNS]);
  });

  it("is given up in the end, with how to go on", async () => {
    const { url } = await play((step, response) =>
      step > 1 ? void response.writeHead(503).end("away") : "go on",
    );
    const failure = expect.objectContaining({
      code: "unavailable",
      message: expect.stringMatching(
        /answered 503: away\n50 runs looked at; what was copied is there\. To go on:\n {2}gleitzeit migrate --from d1 --to durable --url http/,
      ),
    });
    await expect(migrateHistory(optionsOf(url), { patienceMs: 0, screen: SILENT })).rejects.toEqual(failure);
  });

  it("is not asked again for what it refuses", async () => {
    const { url, steps } = await play((_, response) => void response.writeHead(404).end("no such route"));
    await expect(migrateHistory(optionsOf(url), { screen: SILENT })).rejects.toThrow("no such route");
    expect(steps()).toBe(1);
  });

  it("where none answers, says how to start one", async () => {
    const failing = migrateHistory(optionsOf(await deadUrl()), { patienceMs: 0, screen: SILENT });
    await expect(failing).rejects.toThrow(/no service answers at http.*npm start\n0 runs looked at/);
  });
});

describe("a copy that breaks off", () => {
  it("on Ctrl-C says how to go on, and exits with 130", async () => {
    const { url } = await play((step) => (step > 1 ? undefined : "go on"));
    const child = startMigrate(url);
    await untilPrinted(child.stderr, /50 runs looked at, 50 copied\n/);
    child.kill("SIGINT");
    await untilPrinted(child.stderr, /gleitzeit migrate --from d1 --to durable --url http\S+\n/);
    await exitOf(child);
    expect(child.exitCode).toBe(130);
  });

  it("because it was killed is begun anew, and copies what is missing", async () => {
    let isHeld = true;
    const { url, countKept } = await play((step) => (isHeld && step > 1 ? undefined : "go on"));
    const child = startMigrate(url);
    await untilPrinted(child.stderr, /50 copied\n/);
    await killGroup(child);
    isHeld = false;
    const { code, stdout } = await migrate(url);
    expect(stdout).toContain(`\n${RUNS - LIMITS.historyBatchRuns} runs copied\n`);
    expect([code, await countKept()]).toEqual([0, RUNS]);
  });
});

describe("what came of it", () => {
  it("is an exit code of 1 where the target lacks something, with how to catch up", async () => {
    const { url, target } = await play(() => "go on");
    target.write = async () => {};
    const { code, stdout, stderr } = await migrate(url);
    expect(stdout).toMatch(/^d1 +110 runs .*\ndurable +0 runs {2}0{64}\n110 runs copied\n$/);
    expect(stderr).toMatch(/durable lacks some of what d1 has.*To catch up:\n {2}gleitzeit migrate/);
    expect(code).toBe(1);
  });

  it("is an exit code of 1 as well where D1 is behind and does not have all runs itself", async () => {
    const { url, history } = await play(() => "go on");
    history.behindRuns = 2;
    const { code, stdout, stderr } = await migrate(url);
    expect(stdout).toContain(`\n${RUNS} runs copied\n`);
    expect(stderr).toMatch(/2 runs wait for d1, which has failed.*To catch up:\n {2}gleitzeit migrate/);
    expect(code).toBe(1);
  });

  it("is said to differ for a good reason where runs went on at the target", async () => {
    const { url, target } = await play(() => "go on");
    await target.write([sampleProjection(sampleRun(3), 99)]);
    const { code, stdout, stderr } = await migrate(url);
    const [, , theirs, , ours] = SIDES.exec(stdout) ?? [];
    expect(theirs).not.toBe(ours);
    expect(stderr).toContain("some runs later than there, which is why the digests differ");
    expect(code).toBe(0);
  });

  it("is one line while it goes on at a terminal, drawn over itself", async () => {
    const { url } = await play(() => "go on");
    const written: string[] = [];
    const screen = { isTTY: true, write: (text: string) => written.push(text) };
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    vi.spyOn(console, "error").mockReturnValue();
    onTestFinished(() => void vi.restoreAllMocks());
    expect(await migrateHistory(optionsOf(url), { screen })).toBe(0);
    const lines = [50, 100, 110].map((runs) => `\r\u001b[K${runs} runs looked at, ${runs} copied`);
    expect(written).toEqual([...lines, "\n"]);
  });
});

const SILENT = { write: () => true };
const optionsOf = (url: string): MigrateOptions => ({ from: "d1", to: "durable", url });

async function migrate(url: string, from = "d1", to = "durable") {
  return await runProgram("src/cli/main.ts", ["migrate", "--from", from, "--to", to, "--url", url]);
}

function startMigrate(url: string) {
  return startProgram("src/cli/main.ts", ["migrate", "--from", "d1", "--to", "durable", "--url", url], {});
}

async function countListed(): Promise<number> {
  const { items } = JSON.parse(await (await fetch(`${service.url}/v1/runs?status=completed`)).text());
  return items.length;
}

type Play = (step: number, response: ServerResponse) => "go on" | undefined;

/** The real steps between two histories in memory, behind a server that fails as it is told; undefined: it did. */
async function play(act: Play) {
  const [source, target] = [memoryHistory(), memoryHistory()];
  await source.write(Array.from({ length: RUNS }, (_, number) => sampleProjection(sampleRun(number))));
  let step = 0;
  const history = { backend: "d1", active: "d1", behindRuns: 0, behindSeconds: 0 };
  const { url } = await serveWith(async (request, response, body) => {
    if (request.url === "/v1/status") return void response.end(JSON.stringify({ version: "1.0.0", history }));
    if (act(++step, response) === undefined) return;
    const { progress } = transferRequest.parse(JSON.parse(body));
    response.end(JSON.stringify(await transferStep(source, target, progress)));
  });
  const countKept = async () => (await target.count()).completed;
  return { url, target, history, steps: () => step, countKept };
}
