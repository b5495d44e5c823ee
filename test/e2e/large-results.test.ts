/** Results near the limit, many at once: no message between our objects may grow past what RPC takes. */
import { expect, it } from "vitest";
import { serviceForFile } from "./service.ts";

const client = await serviceForFile({ python: false });
const LETTERS = 7_000_000;
const COUNT = 6;

it("six results of 7 MB that are there at once all arrive, and are read by what refers to them", async () => {
  const wide = Array.from({ length: COUNT }, (_, index) => ({
    id: `wide${index}`,
    method: "mcp/tool.concat",
    params: { strings: ["${inputs.text}"], separator: "" },
  }));
  const first = {
    id: "first",
    method: "mcp/tool.concat",
    params: { strings: ["${wide0.joined}", "${wide5.joined}"] },
  };
  const workflow = {
    name: "wide",
    inputs: { text: { type: "string" } },
    tasks: [...wide.map((task) => ({ ...task, params: { ...task.params } })), first],
  };
  const run = await client.submit(
    { workflow, inputs: { text: "ä".repeat(LETTERS / 4) } },
    { waitSeconds: 50 },
  );
  expect(run.status).toBe("completed");
  expect(run.tasks.map(({ attemptCount }) => attemptCount)).toEqual(
    Array.from({ length: COUNT + 1 }, () => 1),
  );
});
