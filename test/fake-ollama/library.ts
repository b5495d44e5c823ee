/** The fake's models as Ollama lists and shows them, and its embeddings. */
import { hash } from "../../src/contract/id.ts";
import type { JsonObject } from "../../src/contract/json.ts";

export const fullName = (name: string): string => (name.includes(":") ? name : `${name}:latest`);

/** Ollama looks names up without regard to case; one without a tag is `latest`. */
export function findModel(models: string[], asked: string): string | undefined {
  return models.map(fullName).find((name) => name.toLowerCase() === fullName(asked).toLowerCase());
}

export function listed(name: string): JsonObject {
  const model = fullName(name);
  return { name: model, model, modified_at: "2026-01-02T03:04:05.678Z", ...weight(model), details };
}

export function loaded(name: string): JsonObject {
  const model = fullName(name);
  const memory = { expires_at: "2026-01-02T03:09:05.678Z", size_vram: 0, context_length: 4096 };
  return { name: model, model, ...weight(model), details, ...memory };
}

export function shown(model: string): JsonObject {
  return {
    license: "",
    modelfile: `FROM ${model}\n`,
    parameters: "",
    template: "{{ .Prompt }}",
    details,
    model_info: { "general.architecture": "llama", "llama.context_length": 4096 },
    capabilities: ["completion", "tools", "vision", "thinking"],
    modified_at: "2026-01-02T03:04:05.678Z",
  };
}

/** Unit vectors that depend on the text alone. */
export function embeddingsOf({ model = "", input = "", dimensions = 8 }: JsonObject): JsonObject {
  const texts = (Array.isArray(input) ? input : [input]).map(String).filter((text) => text !== "");
  return {
    model,
    embeddings: texts.map((text) => vectorOf(text, Number(dimensions))),
    total_duration: 14_143_917,
    load_duration: 1_019_500,
    prompt_eval_count: texts.length,
  };
}

const details = {
  parent_model: "",
  format: "gguf",
  family: "llama",
  families: ["llama"],
  parameter_size: "3.2B",
  quantization_level: "Q4_K_M",
};

export const weight = (model: string) => ({
  size: 2_019_393_189,
  digest: hash(model).toString(16).padStart(64, "0"),
});

function vectorOf(text: string, dimensions: number): number[] {
  const parts = Array.from({ length: dimensions }, (_, index) => hash(`${index} ${text}`) / 0xffffffff - 0.5);
  const length = Math.hypot(...parts);
  return parts.map((part) => part / length);
}
