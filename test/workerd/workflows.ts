/** The shapes of bench/shapes.ts on the product Cloudflare Workflows, as Miniflare simulates it: what we are held against. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import * as z from "zod";

const shape = z.object({ shape: z.enum(["chain", "fan-out"]), count: z.int().min(1).max(10_000) });
type Shape = z.infer<typeof shape>;

/** `unsafeWaitForStatus` is what Cloudflare's own test tools wait with. */
type Shapes = Workflow<Shape> & { unsafeWaitForStatus(id: string, status: "complete"): Promise<void> };

export class ShapeWorkflow extends WorkflowEntrypoint<unknown, Shape> {
  override async run({ payload }: WorkflowEvent<Shape>, step: WorkflowStep): Promise<string> {
    return payload.shape === "chain" ? await chain(step, payload.count) : await fanOut(step, payload.count);
  }
}

/** The result of our `echo/echo`. */
type Echo = { message: string; response: string };

async function chain(step: WorkflowStep, count: number): Promise<string> {
  let message = "first";
  for (let index = 0; index < count; index++) message = (await echo(step, index, message)).response;
  return message;
}

async function fanOut(step: WorkflowStep, count: number): Promise<string> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const echoes = await Promise.all(indexes.map((index) => echo(step, index, "side by side")));
  return echoes.at(-1)?.response ?? "";
}

const echo = (step: WorkflowStep, index: number, message: string): Promise<Echo> =>
  step.do(`t${index}`, async () => ({ message, response: message }));

/**
 * Starts an instance and answers when it has completed. Its engine is asked to tell: polling `status()` reads the whole
 * log each time and would cost it more, and a word from the workflow's last line would come before the end is on disk.
 */
export default {
  async fetch(request, env): Promise<Response> {
    const params = shape.parse(await request.json());
    const { id } = await env.SHAPES.create({ params });
    await env.SHAPES.unsafeWaitForStatus(id, "complete");
    return Response.json({ id, status: "completed" });
  },
} satisfies ExportedHandler<{ SHAPES: Shapes }>;
