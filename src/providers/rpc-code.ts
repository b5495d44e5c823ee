/** What JSON-RPC 2.0 means to whoever speaks it here: its error codes, and the statuses they come with. */
import * as z from "zod";
import type { ErrorCode } from "../contract/error.ts";
import type { Json } from "../contract/json.ts";

// What JSON.parse made is JSON; looking through 8 MiB of it again would take longer than parsing it did.
export const parsedJson = z.custom<Json>((value) => value !== undefined);

/**
 * With these a server that maps its own errors to HTTP says no more than the error in the body does. Any other status
 * comes from the way to it, or says when to come again.
 */
export const MAPPED_STATUSES: readonly number[] = [400, 404, 422, 500];

export const RPC_METHOD_NOT_FOUND = -32601;

/** Codes of a server's own (−32000 … −32099 too) are about the work: a card that is declined is not declined less elsewhere. */
export function codeOfRpcError(rpcCode: number): ErrorCode {
  switch (rpcCode) {
    case -32602:
      return "invalid_params";
    case RPC_METHOD_NOT_FOUND:
      return "unknown_method";
    case -32600:
    case -32700:
      return "provider_rejected";
    case -32603:
      return "provider_unavailable";
    default:
      return "tool_failed";
  }
}
