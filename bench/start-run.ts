/** Starting runs over HTTP and waiting for their ends, as any client does. */
import type { JsonObject } from "../src/contract/json.ts";

/** The longest that one request waits for an end. */
const WAIT_SECONDS = 60;

type Answer = { status: number; run: { id: string; status: string }; text: string };

/** Submits a workflow and waits for its end, which must be its completion; the answer is the run's id. */
export async function complete(url: string, workflow: JsonObject): Promise<string> {
  let answer = await ask(`${url}/v1/runs?wait=${WAIT_SECONDS}`, post(workflow));
  while (answer.run.status === "running") {
    answer = await ask(`${url}/v1/runs/${answer.run.id}?wait=${WAIT_SECONDS}`);
  }
  if (answer.run.status === "completed") return answer.run.id;
  throw new Error(`the run did not complete: ${answer.status} ${answer.text.slice(0, 300)}`);
}

/** Submits a workflow and does not wait; the answer is the run's id. */
export async function submit(url: string, workflow: JsonObject): Promise<string> {
  const { status, run, text } = await ask(`${url}/v1/runs`, post(workflow));
  if (status === 202) return run.id;
  throw new Error(`the run was not accepted: ${status} ${text.slice(0, 300)}`);
}

/** Any answer but 200 is an error. */
export async function read(url: string): Promise<void> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`GET ${url}: ${response.status} ${text.slice(0, 300)}`);
}

const post = (workflow: JsonObject): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ workflow }),
});

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, run: runIn(text), text };
}

/** By its text: parsing the view of 10,000 tasks is not what is measured. */
function runIn(text: string): Answer["run"] {
  const field = (name: string) => new RegExp(`"${name}":"([^"]+)"`).exec(text)?.[1] ?? "";
  return { id: field("id"), status: field("status") };
}
