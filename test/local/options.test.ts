import { expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import * as z from "zod";
import { workerdOptions } from "../../src/local/options.ts";
import { ROOT } from "../e2e/process.ts";

const queue = z.object({ binding: z.string(), queue: z.string() });
const consumer = z.object({
  queue: z.string(),
  max_batch_size: z.number(),
  max_batch_timeout: z.number(),
  max_retries: z.number(),
  retry_delay: z.number(),
});
const deployed = z
  .object({
    compatibility_date: z.string(),
    compatibility_flags: z.array(z.string()),
    durable_objects: z.object({
      bindings: z.array(z.object({ name: z.string(), class_name: z.string() })),
    }),
    migrations: z.array(z.object({ new_sqlite_classes: z.array(z.string()) })),
    queues: z.object({ producers: z.array(queue), consumers: z.array(consumer) }),
    d1_databases: z.array(z.object({ binding: z.string() })),
    kv_namespaces: z.array(z.object({ binding: z.string() })),
    r2_buckets: z.array(z.unknown()),
    services: z.array(z.unknown()).default([]),
    workflows: z.array(z.unknown()),
    triggers: z.object({ crons: z.array(z.string()) }),
  })
  .parse(unstable_readConfig({ config: `${ROOT}wrangler.toml` }, { hideWarnings: true }));
const place = { host: "127.0.0.1", port: 0, stateFolder: "state" };
const local = workerdOptions(place, { script: "", settings: { GLEITZEIT_LOCAL: "1" } }).workers[0]?.config;

it("gives the Worker the objects that wrangler.toml gives it, with SQLite storage", () => {
  const bindings = deployed.durable_objects.bindings.map(({ name, class_name }) => [name, class_name]);
  expect(envOf("durable-object").map(([name, { exportName }]) => [name, exportName])).toEqual(bindings);
  const classes = deployed.migrations.flatMap((migration) => migration.new_sqlite_classes);
  const storage = { type: "durable-object", storage: "sqlite" };
  expect(local?.exports).toEqual(Object.fromEntries(classes.map((name) => [name, storage])));
});

it("sends to the same queues, consumes them in the same batches, and is woken at the same times", () => {
  const producers = deployed.queues.producers.map((producer) => [producer.binding, producer.queue]);
  expect(envOf("queue").map(([name, queue]) => [name, queue["name"]])).toEqual(producers);
  const consumers = deployed.queues.consumers.map((consumer) => ({
    type: "queue",
    name: consumer.queue,
    maxBatchSize: consumer.max_batch_size,
    maxBatchTimeout: consumer.max_batch_timeout,
    maxRetries: consumer.max_retries,
    retryDelay: consumer.retry_delay,
  }));
  const schedules = deployed.triggers.crons.map((schedule) => ({ type: "scheduled", schedule }));
  expect(local?.triggers).toEqual([...consumers, ...schedules]);
});

it("has no other bindings than wrangler.toml, and the settings as texts", () => {
  expect(envOf("d1").map(([name]) => name)).toEqual(deployed.d1_databases.map(({ binding }) => binding));
  expect(envOf("text")).toEqual([["GLEITZEIT_LOCAL", { type: "text", value: "1" }]]);
  expect(envOf("kv").map(([name]) => name)).toEqual(deployed.kv_namespaces.map(({ binding }) => binding));
  const others = [deployed.r2_buckets, deployed.services, deployed.workflows];
  expect(others.flat()).toEqual([]);
});

it("runs under the same compatibility date and flags", () => {
  expect(local?.compatibilityDate).toBe(deployed.compatibility_date);
  expect(local?.compatibilityFlags ?? []).toEqual(deployed.compatibility_flags);
});

type Binding = { type: string } & Record<string, unknown>;

function envOf(type: string): [string, Binding][] {
  const bindings: [string, Binding][] = Object.entries({ ...local?.env });
  return bindings.filter(([, binding]) => binding.type === type);
}
