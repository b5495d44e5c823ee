/** What only a fault of ours can bring about is thrown, so that the run's object begins again from its journal. */
import { expect, test } from "vitest";
import type { Command } from "../../src/contract/command.ts";
import type { RunEvent } from "../../src/contract/event.ts";
import type { Outcome } from "../../src/contract/sync.ts";
import { apply } from "../../src/engine/apply.ts";
import { taskOf } from "../../src/engine/run.ts";
import { Drive, started } from "./drive.ts";
import { Executor } from "./executor.ts";

/** As from a journal that a later version wrote; it passes for whatever is asked. */
const parse = (text: string) => JSON.parse(text);

test("a command nobody knows", () => {
  const command: Command = parse('{"type":"dance"}');
  expect(() => started("a").tell(command)).toThrow('unknown command {"type":"dance"}');
});

test("an event nobody knows", () => {
  const event: RunEvent = parse('{"type":"run.danced"}');
  expect(() => apply(new Drive("a").run, event, 0)).toThrow('unknown event {"type":"run.danced"}');
});

test("an outcome nobody knows", () => {
  const outcome: Outcome = parse('{"kind":"danced"}');
  const ada = new Executor(started("a"));
  ada.sync();
  expect(() => ada.sync({ ended: [ada.ended("a", outcome)] })).toThrow('unknown outcome {"kind":"danced"}');
});

test("a backoff nobody knows", () => {
  const ada = new Executor(started("a", { each: { retry: parse('{"backoff":"danced"}') } }));
  ada.sync();
  expect(() => ada.failWith("a", "timeout")).toThrow("unknown backoff danced");
});

test("a task the run does not have", () => {
  const { run, definition } = new Drive("a");
  expect(() => taskOf(run, "z")).toThrow(`run ${definition.id} has no task "z"`);
});
