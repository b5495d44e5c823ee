/** What is submitted: chains, diamonds and fan-outs, of whose tasks each result is known beforehand from the ids alone. */
import { hash } from "../../src/contract/id.ts";
import type { JsonObject } from "../../src/contract/json.ts";
import { type Chance, makeChance } from "../sim/chance.ts";

export type PlannedRun = {
  /** Its Idempotency-Key. */
  key: string;
  workflow: JsonObject;
  /** What each task must answer. */
  responses: Map<string, string>;
};

export const MODEL = "llama3.2";
const TASKS_LEAST = 3;
const TASKS_MOST = 12;
const CHAT_SHARE = 0.3;

export function planRuns(seed: number, count: number): PlannedRun[] {
  const chance = makeChance(seed);
  return Array.from({ length: count }, (_, index) => planRun(chance, `chaos-${seed}-${index}`));
}

/** What the model says: short, whatever it was asked, and another thing for each question. */
export const replyTo = (prompt: string): string => `heard-${hash(prompt)}`;

/** The run's key and the task's id, with which each prompt begins. */
export const askedBy = (prompt: string): string => prompt.split(" ")[0] ?? "";

function planRun(chance: Chance, key: string): PlannedRun {
  const shape = chance.pick([chain, diamond, fanOut]);
  const count = chance.between(TASKS_LEAST, TASKS_MOST);
  const responses = new Map<string, string>();
  const tasks = Array.from({ length: count }, (_, index) => {
    const id = `t${index}`;
    const dependencies = shape(index, count).map((other) => `t${other}`);
    const task = chance.is(CHAT_SHARE) ? chat : chance.pick([echo, concat]);
    const { response, ...asked } = task([`${key}/${id}`, ...dependencies], responses);
    responses.set(id, response);
    return { id, dependencies, ...asked };
  });
  return { key, workflow: { name: `chaos-${shape.name.toLowerCase()}`, tasks }, responses };
}

/** Which tasks, by number, one depends on. */
const chain = (index: number): number[] => (index === 0 ? [] : [index - 1]);
const fanOut = (index: number): number[] => (index === 0 ? [] : [0]);
const diamond = (index: number, count: number): number[] =>
  index === count - 1 ? Array.from({ length: count - 2 }, (_, middle) => middle + 1) : fanOut(index);

type Asked = { method: string; params: JsonObject; response: string };
/** `words`: a text, then the tasks whose responses follow it. */
type MakeTask = (words: [string, ...string[]], responses: Map<string, string>) => Asked;

const chat: MakeTask = (words, responses) => ({
  method: "llm/chat",
  params: { model: MODEL, prompt: asked(words).join(" ") },
  response: replyTo(answered(words, responses).join(" ")),
});

const echo: MakeTask = (words, responses) => ({
  method: "echo/echo",
  params: { message: asked(words).join(" ") },
  response: answered(words, responses).join(" "),
});

const concat: MakeTask = (words, responses) => ({
  method: "mcp/tool.concat",
  params: { strings: asked(words), separator: "+" },
  response: answered(words, responses).join("+"),
});

const asked = ([text, ...others]: [string, ...string[]]): string[] => [
  text,
  ...others.map((id) => `\${${id}.response}`),
];
const answered = ([text, ...others]: [string, ...string[]], responses: Map<string, string>): string[] => [
  text,
  ...others.map((id) => responses.get(id) ?? ""),
];
