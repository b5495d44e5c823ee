/**
 * What a command does to a run. Start reading here: `decide` turns a command into events, apply.ts turns events into
 * the run's state, and nothing else changes it.
 *
 * Each event is applied the moment it is decided, since the next decision rests on it: a chain's next task is handed
 * out in the answer that took the result of the one before. So after `decide` the run is already as the events say;
 * a shell that cannot save them must throw the run away. No clock, no randomness, no I/O: the same run, command and
 * environment give the same events.
 */
import type { Command } from "../contract/command.ts";
import type { GleitzeitError } from "../contract/error.ts";
import type { RunEvent } from "../contract/event.ts";
import type { Push, SyncAnswer } from "../contract/sync.ts";
import { expire, loseSession } from "./due.ts";
import { takeSlotWord } from "./offers.ts";
import type { Run } from "./run.ts";
import { endWhenDone } from "./settle.ts";
import { cancel, pause, resume, retry, start } from "./steer.ts";
import { sync } from "./sync.ts";
import { type Environment, makeTurn, type Turn } from "./turn.ts";

export type Decision = {
  /** To be saved together, before anybody hears of them. */
  events: RunEvent[];
  /** Of the attempts that these events complete; to be saved with them. */
  results: ReadonlyMap<string, Uint8Array>;
  /** To a sync; undefined for every other command. */
  answer: SyncAnswer | undefined;
  /** Why the run's state forbids the command: `conflict` or `not_found`. What was due has been done all the same. */
  refusal: GleitzeitError | undefined;
  /** To executors, of their own accord. */
  pushes: Push[];
};

export function decide(run: Run, command: Command, environment: Environment): Decision {
  const turn = makeTurn(run, environment);
  expire(turn);
  const { answer, refusal } = carryOut(turn, command);
  endWhenDone(turn);
  return { events: turn.events, results: turn.fresh, answer, refusal, pushes: [...turn.drops.values()] };
}

type Reply = { answer?: SyncAnswer; refusal?: GleitzeitError | undefined };

function carryOut(turn: Turn, command: Command): Reply {
  switch (command.type) {
    case "start":
      start(turn, command.actor);
      return {};
    case "sync":
      return { answer: sync(turn, command.request) };
    case "cancel":
      return { refusal: cancel(turn, command.actor) };
    case "pause":
      return { refusal: pause(turn, command.actor) };
    case "resume":
      return { refusal: resume(turn, command.actor) };
    case "retry":
      return { refusal: retry(turn, command.actor, command.from) };
    case "wake":
      return {};
    case "gone":
      loseSession(turn, command.session);
      return {};
    case "slot":
      takeSlotWord(turn.run, command, turn.now);
      return {};
    default:
      throw new Error(`unknown command ${JSON.stringify(command satisfies never)}`);
  }
}
