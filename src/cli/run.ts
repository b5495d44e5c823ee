/** `gleitzeit run FILE`: check, submit, watch, print the results. */
import { type Client, connect } from "../client/client.ts";
import type { RunId } from "../contract/id.ts";
import type { RunView } from "../contract/run.ts";
import { EXIT } from "./exit-code.ts";
import { parseInputs } from "./input-options.ts";
import { formatProblems } from "./problem-text.ts";
import { showProgress } from "./progress-view.ts";
import { formatRun } from "./result-text.ts";
import { paintFor } from "./terminal.ts";
import { loadWorkflow } from "./workflow-file.ts";

export type RunOptions = { input: string[]; json: boolean; allowOutside: boolean; url: string };

/** The exit code: see exit-code.ts. Throws where there is no run to tell of. */
export async function runFile(path: string, options: RunOptions): Promise<number> {
  const loaded = await loadWorkflow(path, options);
  if (loaded.problems.length > 0) {
    console.error(formatProblems(loaded.problems, loaded, paintFor(process.stderr)));
  }
  if (loaded.ready === undefined) return EXIT.usage;
  const { file, workflow } = loaded.ready;
  const inputs = parseInputs(options.input, workflow);
  const apiKey = process.env["GLEITZEIT_API_KEY"];
  const client = connect(apiKey ? { url: options.url, apiKey } : { url: options.url });
  const { id } = await client.submit({ workflow: file, inputs });
  const ids = workflow.tasks.map((task) => task.id);
  const isOver = await watch(client, id, ids);
  return isOver ? await report(client, id, options.json) : EXIT.interrupted;
}

/** False when the user does not want to wait any longer; the run goes on. */
async function watch(client: Client, id: RunId, ids: string[]): Promise<boolean> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt);
  const view = showProgress(ids, process.stderr);
  try {
    for await (const event of client.events(id, { signal: stop.signal })) view.take(event);
  } finally {
    view.end();
    process.removeListener("SIGINT", interrupt);
  }
  if (!stop.signal.aborted) return true;
  const url = `${client.url}/v1/runs/${id}`;
  console.error(`\nrun ${id} goes on\n  look:   curl ${url}\n  cancel: curl -X POST ${url}/cancel`);
  return false;
}

async function report(client: Client, id: RunId, asJson: boolean): Promise<number> {
  const [run, results] = await Promise.all([client.run(id), client.results(id)]);
  const text = asJson
    ? JSON.stringify({ ...run, results }, null, 2)
    : formatRun(run, results, paintFor(process.stdout));
  process.stdout.write(`${text}\n`);
  if (run.status !== "completed" && !asJson) console.error(hint(client, run));
  return run.status === "completed" ? EXIT.completed : EXIT.failed;
}

const hint = (client: Client, { id }: RunView): string =>
  `what failed, once more: curl -X POST ${client.url}/v1/runs/${id}/retry`;
