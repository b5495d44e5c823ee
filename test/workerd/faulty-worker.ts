/** The Worker with a database that fails as it is told to, from outside: test/chaos/trouble-desk.ts says when. */
import type { Invitation } from "../../src/contract/sync.ts";
import type { Env, HistoryMessage } from "../../src/env.ts";
import worker, {
  ExecutorObject as Executor,
  HistoryObject as History,
  HubObject as Hub,
  RunObject as Run,
} from "../../src/worker.ts";
import { faultyDatabase } from "./faulty-database.ts";

type FaultyEnv = Env & { CHAOS_URL: string };

/** The handlers there are. */
const whole: ExportedHandler<Env, Invitation | HistoryMessage> = worker;

export default {
  fetch: (request, env, context) => worker.fetch(request, faulty(env), context),
  queue: async (batch, env, context) => await whole.queue?.(batch, faulty(env), context),
  scheduled: async (event, env, context) => await whole.scheduled?.(event, faulty(env), context),
} satisfies ExportedHandler<FaultyEnv, Invitation | HistoryMessage>;

export class ExecutorObject extends Executor {
  constructor(context: DurableObjectState, env: FaultyEnv) {
    super(context, faulty(env));
  }
}

export class HistoryObject extends History {
  constructor(context: DurableObjectState, env: FaultyEnv) {
    super(context, faulty(env));
  }
}

export class HubObject extends Hub {
  constructor(context: DurableObjectState, env: FaultyEnv) {
    super(context, faulty(env));
  }
}

export class RunObject extends Run {
  constructor(context: DurableObjectState, env: FaultyEnv) {
    super(context, faulty(env));
  }
}

/** One for each, and with one database: what is remembered of them is found again. */
const known = new WeakMap<FaultyEnv, Env>();

function faulty(env: FaultyEnv): Env {
  const made = known.get(env) ?? { ...env, DB: faultyDatabase(env.DB, env.CHAOS_URL) };
  known.set(env, made);
  return made;
}
