/** The corpus as files, the answers of its model, and what its tests look for. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../src/contract/json.ts";
import type { AttemptView, TaskDetail } from "../../src/contract/run.ts";
import { type FakeOptions, type FakeRequest, promptOf } from "../fake-ollama/exchange.ts";

/** Where a user of these files stands. */
export const CORPUS = fileURLToPath(new URL("./corpus/", import.meta.url));

/** What the model answers, by what it is asked. */
const ANSWERS: [RegExp, string][] = [
  [/random interesting topic/, "The long way of tea"],
  [/3-point outline/, "1. Leaves 2. Ships 3. Cups"],
  [/5 random numbers/, "4, 8, 15, 16, 23"],
  [/Analyze the sentiment/, "positive, and that from its first word to the very last one"],
  [/automation benefits/, "Workflows do what is dull while their owner does what is not"],
  [/summarize this story/, "Elena finds a garden"],
  [/Analyze this image/, "Four squares: red, green, blue, yellow"],
  [/extract just the main colors/, "red, green, blue, yellow"],
];

/** Each token takes a moment, so that calls can be seen to overlap. */
export const MODEL: FakeOptions = {
  tokenDelayMs: 25,
  reply: (request) => ANSWERS.find(([asked]) => asked.test(promptOf(request)))?.[1] ?? "So be it.",
};

/** Names as `gleitzeit run examples/NAME.yaml` takes them. */
export function workflowNames(): string[] {
  const files = readdirSync(`${CORPUS}examples`, { recursive: true, encoding: "utf8" });
  return files
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}

/** Of a file below `examples`. */
export const textOf = (path: string): string => readFileSync(`${CORPUS}examples/${path}`, "utf8");
export const base64Of = (path: string): string => readFileSync(`${CORPUS}examples/${path}`, "base64");

export const promptsOf = (asked: FakeRequest[]): string[] => asked.map(promptOf);

/** The last message as the task had it when it was carried out. */
export function promptIn({ params }: TaskDetail): string {
  return promptOf({ path: "", body: params ?? {}, startedAt: 0 });
}

/** Of what a script returned. */
export function valueIn(ran: JsonObject | undefined, key: string): Json | undefined {
  const returned = ran?.["result"];
  return isJsonObject(returned) ? ownValue(returned, key) : undefined;
}

/** Whether there was a moment at which all of them ran. */
export function overlap(attempts: AttemptView[]): boolean {
  const begins = attempts.map(({ startedAt }) => Date.parse(startedAt));
  const ends = attempts.map(({ finishedAt = "" }) => Date.parse(finishedAt));
  return Math.max(...begins) < Math.min(...ends);
}
