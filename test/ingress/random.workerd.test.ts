import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { problemDetails } from "../../src/contract/api.ts";
import { ECHO, postJson, postYaml, runOf, STUCK, send } from "../workerd/http.ts";

const ids: string[] = [`run_${"0".repeat(26)}`, "run_x", "", "%00"];
beforeAll(async () => {
  ids.push((await runOf(await postYaml("/v1/runs?wait=30", ECHO))).id);
  ids.push((await runOf(await postJson("/v1/runs", STUCK))).id);
});

const odd = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(Number.MAX_VALUE, -0, "__proto__", [[[]]]),
);

/** A workflow, with something else in some of its places. */
const workflow = fc
  .tuple(
    fc.constantFrom(STUCK, { name: "x", inputs: { a: 1 }, tasks: [{ method: "echo/echo" }] }),
    fc.array(fc.tuple(fc.nat(), odd), { maxLength: 2 }),
  )
  .map(([base, changes]) => {
    const copy = structuredClone(base);
    for (const [place, value] of changes) replaceAt(copy, place, structuredClone(value));
    return copy;
  });

const request = fc.record(
  {
    workflow: fc.oneof(
      { weight: 3, arbitrary: workflow },
      { weight: 1, arbitrary: fc.constantFrom(ECHO, "tasks: [", 7, null) },
    ),
    inputs: fc.oneof(fc.constant({}), odd),
    tags: fc.oneof(fc.constant({}), fc.dictionary(fc.string(), fc.string()), odd),
    metadata: fc.oneof(fc.constant({}), odd),
  },
  { requiredKeys: ["workflow"] },
);

const json = fc.oneof(workflow, request, odd).map((value) => JSON.stringify(value) ?? "");
const text = fc.oneof(
  fc.constant(ECHO),
  fc.string({ unit: "binary" }),
  fc.constantFrom("a: &a [*a]", "? - :", "%YAML 9", "- - -"),
);
/** What is almost right: a text with a piece of it gone or doubled. */
const cut = fc
  .tuple(fc.oneof(json, text), fc.nat(), fc.nat(9), fc.boolean())
  .map(([whole, place, length, isDoubled]) => {
    const at = place % (whole.length + 1);
    return (
      whole.slice(0, at) +
      (isDoubled ? whole.slice(at, at + length).repeat(2) : "") +
      whole.slice(at + length)
    );
  });
const bytes = fc.uint8Array({ maxLength: 40 });

const READS = ["", "/tasks/hello", "/tasks/%00", "/results", "/workflow", "/events"];
const COMMANDS = ["/cancel", "/pause", "/resume", "/retry"];
const ofRun = (rests: string[]) =>
  fc
    .tuple(fc.nat(), fc.constantFrom(...rests))
    .map(([which, rest]) => `/v1/runs/${ids[which % ids.length]}${rest}`);
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** Mostly what is served. */
const route = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("POST"), fc.constantFrom("/v1/runs", "/v1/workflows/check")) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("GET"), fc.oneof(fc.constant("/v1/runs"), ofRun(READS))) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("POST"), ofRun(COMMANDS)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...METHODS), fc.oneof(fc.webPath(), ofRun([...READS, ...COMMANDS]))),
  },
);

const queryValue = fc.oneof(
  fc.constantFrom("0", "0.01", "1", "61", "-1", "x", "", "completed", "team:docs", "2026-01-01T00:00:00Z"),
  fc.string(),
);
const queryName = fc.constantFrom(
  "wait",
  "limit",
  "cursor",
  "status",
  "workflow",
  "tag",
  "since",
  "until",
  "after",
  "x",
);
const query = fc
  .array(fc.tuple(queryName, queryValue), { maxLength: 3 })
  // Nobody has a minute.
  .map((pairs) => pairs.map(([name, value]) => [name, name === "wait" && Number(value) > 1 ? "61" : value]))
  .map((pairs) => new URLSearchParams(pairs).toString());

const visible = fc.stringMatching(/^[\x20-\x7e]{0,300}$/);
const headers = fc.record(
  {
    "Idempotency-Key": fc.oneof(fc.constantFrom("a", "b"), visible),
    "Last-Event-ID": fc.oneof(fc.nat(9).map(String), visible),
    "X-Request-Id": visible,
    Accept: fc.oneof(fc.constantFrom("application/json", "text/event-stream"), visible),
  },
  { requiredKeys: [] },
);
const typed = (type: string, body: fc.Arbitrary<string | Uint8Array<ArrayBuffer>>) =>
  fc.record({ type: fc.constant(type), body });
const content = fc.oneof(
  { weight: 6, arbitrary: typed("application/json", json) },
  { weight: 3, arbitrary: typed("application/yaml", text) },
  { weight: 2, arbitrary: typed("application/json", fc.oneof(cut, bytes)) },
  { weight: 2, arbitrary: typed("application/yaml", fc.oneof(cut, bytes)) },
  { weight: 1, arbitrary: fc.record({ type: visible, body: text }) },
);

test("no request whatever is answered with 5xx, and every refusal is a problem", {
  timeout: 120_000,
}, async () => {
  const any = fc.record({ route, query, headers, content });
  await fc.assert(
    fc.asyncProperty(any, async ({ route: [method, path], query, headers, content }) => {
      const hasBody = method !== "GET" && method !== "HEAD";
      const init = {
        method,
        headers: { ...headers, "Content-Type": content.type },
        ...(hasBody ? { body: content.body } : {}),
      };
      const answer = await send(`http://localhost${path}?${query}`, init);
      expect(answer.status).toBeLessThan(500);
      expect(answer.headers.get("X-Request-Id")).toBeTruthy();
      if (answer.status >= 400 && method !== "HEAD") problemDetails.parse(await answer.json());
      else await answer.body?.cancel();
    }),
    { seed: 7, numRuns: 400 },
  );
});

/** Walks through objects and lists, and puts the value where it has taken so many steps. */
function replaceAt(root: object, place: number, value: unknown): void {
  const slots: [object, string][] = [];
  const collect = (node: object): void => {
    for (const [key, child] of Object.entries(node)) {
      slots.push([node, key]);
      if (typeof child === "object" && child !== null) collect(child);
    }
  };
  collect(root);
  const slot = slots[place % slots.length];
  if (slot !== undefined) Reflect.set(slot[0], slot[1], value);
}
