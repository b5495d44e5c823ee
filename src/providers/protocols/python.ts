/** `python/v1`: a script in a process of its own. It sees `context` and `args`, sets `result`; what it prints is `output`. */
import type { JsonObject } from "../../contract/json.ts";
import type { Protocol } from "../../contract/protocol.ts";

const text: JsonObject = { type: "string" };

/** A file laid in the script's working folder: its text, or its bytes as base64. */
const file: JsonObject = {
  anyOf: [text, { type: "object", required: ["base64"], properties: { base64: text } }],
};

export const PYTHON: Protocol = {
  name: "python/v1",
  version: "1",
  description: "Python scripts.",
  methods: {
    "python/execute": {
      description:
        "Runs a script; it fails when the script raises, exits with another code than 0 or is too slow.",
      params: {
        type: "object",
        required: ["code"],
        properties: {
          code: text,
          context: { type: "object" },
          args: { type: "object" },
          timeout: { type: "number", minimum: 1, maximum: 300 },
          files: { type: "object", additionalProperties: file },
          name: text,
          image: text,
        },
      },
      result: {
        type: "object",
        required: ["result", "output", "success"],
        properties: {
          result: {},
          output: text,
          error: { type: ["string", "null"] },
          execution_time: { type: "number" },
          success: { const: true },
        },
      },
    },
  },
};
