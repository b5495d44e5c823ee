import { expect, it } from "vitest";
import { echo, finished, start, workflowOf } from "../workerd/start.ts";

it("a chain of echo tasks runs to its end", async () => {
  const tasks = Array.from({ length: 100 }, (_, i) => echo(`t${i}`, i === 0 ? [] : [`t${i - 1}`]));
  const began = Date.now();
  const run = await finished(await start(workflowOf(tasks)));
  console.log("chain ms", Date.now() - began);
  expect(run.status).toBe("completed");
  expect(run.outputs).toEqual({ t99: { response: "t99", message: "t99" } });
});

it("a fan-out of echo tasks runs to its end", async () => {
  const tasks = [echo("root"), ...Array.from({ length: 100 }, (_, i) => echo(`t${i}`, ["root"]))];
  const began = Date.now();
  const run = await finished(await start(workflowOf(tasks)));
  console.log("fan ms", Date.now() - began);
  expect(run.status).toBe("completed");
  expect(run.progress.completed).toBe(101);
});
