/** `echo/v1`: what is said comes back. For trying things out, and for tests. */
import type { Protocol } from "../../contract/protocol.ts";

export const ECHO: Protocol = {
  name: "echo/v1",
  version: "1",
  description: "Gives back what it is given.",
  methods: {
    "echo/echo": {
      description: "The message as `response`, and every param as it came.",
      params: { type: "object", properties: { message: {} } },
      result: { type: "object", required: ["response"] },
      idempotent: true,
    },
  },
};
