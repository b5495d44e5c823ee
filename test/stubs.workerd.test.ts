/** Where executors and hubs are placed. */
import { expect, test } from "vitest";
import type { Env } from "../src/env.ts";
import { executorName, executorStub, hubStub } from "../src/stubs.ts";

/** What is asked of a namespace of objects. */
function asked(settings: Partial<Env>): unknown[] {
  const questions: unknown[] = [];
  const namespace = { getByName: (...question: unknown[]) => questions.push(question) };
  const env = { ...settings, EXECUTORS: namespace, HUBS: namespace } as unknown as Env;
  hubStub(env, "llm/v1");
  executorStub(env, executorName(env, 65));
  return questions;
}

test("executors and hubs are where the setting says", () => {
  const there = { locationHint: "weur" };
  expect(asked({ GLEITZEIT_LOCATION: "weur" })).toEqual([
    ["llm/v1", there],
    ["executor-1", there],
  ]);
});

test("without the setting the platform chooses", () => {
  expect(asked({})).toEqual([
    ["llm/v1", {}],
    ["executor-1", {}],
  ]);
});
