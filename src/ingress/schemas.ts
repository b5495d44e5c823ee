/** The named schemas of /openapi.json, made from the zod schemas of src/contract. */
import * as z from "zod";
import {
  checkReport,
  plan,
  problemDetails,
  retryRequest,
  runList,
  serviceStatus,
  startRequest,
  transferProgress,
  transferRequest,
} from "../contract/api.ts";
import { errorCode, taskError } from "../contract/error.ts";
import { journalEntry, progressEvent, tokenEvent } from "../contract/event.ts";
import { json } from "../contract/json.ts";
import { protocol, protocolMethod } from "../contract/protocol.ts";
import { discoveryReport, instanceView, providerList, providerRequest } from "../contract/provider.ts";
import { runSummary, runView, taskDetail, taskSummary } from "../contract/run.ts";
import { problem, workflow } from "../contract/workflow.ts";
import { protocolRequest } from "../spec/protocol.ts";

/** What the service sends. */
const SENT = {
  Json: json,
  ErrorCode: errorCode,
  TaskError: taskError,
  Run: runView,
  RunSummary: runSummary,
  RunList: runList,
  TaskSummary: taskSummary,
  TaskDetail: taskDetail,
  Results: z.record(z.string(), json),
  Event: journalEntry,
  EventPage: z.object({ items: z.array(journalEntry), nextCursor: z.string().nullable() }),
  TokenEvent: tokenEvent,
  ProgressEvent: progressEvent,
  Workflow: workflow,
  Problem: problem,
  ProblemDetails: problemDetails,
  Plan: plan,
  CheckReport: checkReport,
  Provider: instanceView,
  ProviderList: providerList,
  DiscoveryReport: discoveryReport,
  Protocol: protocol,
  ProtocolMethod: protocolMethod,
  ProtocolList: z.object({ items: z.array(protocol), nextCursor: z.string().nullable() }),
  TransferProgress: transferProgress,
  ServiceStatus: serviceStatus,
  Health: z.object({ status: z.literal("ok"), version: z.string() }),
} as const;

/** What it is sent: what has a default may be left out. */
const RECEIVED = {
  StartRequest: startRequest,
  RetryRequest: retryRequest,
  ProviderRequest: providerRequest,
  ProtocolRequest: protocolRequest,
  TransferRequest: transferRequest,
} as const;

export type SchemaName = keyof typeof SENT | keyof typeof RECEIVED;
type JsonSchema = Record<string, unknown>;

export const refTo = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });

/** By name; they refer to each other. */
export function namedSchemas(): Record<string, JsonSchema> {
  return { ...convert({ ...RECEIVED, Json: json }, "input"), ...convert(SENT, "output") };
}

function convert(schemas: Record<string, z.ZodType>, io: "input" | "output"): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const made = z.toJSONSchema(registry, { io, uri: (id) => `#/components/schemas/${id}` }).schemas;
  // The document has one dialect, and the names stand before the schemas.
  return Object.fromEntries(
    Object.entries(made).map(([name, { $schema: _dialect, $id: _name, ...schema }]) => [name, schema]),
  );
}
