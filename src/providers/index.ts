/** The providers there are: a new kind is a file, its test and a line here. */
import { BUILTIN } from "./builtin.ts";
import { OLLAMA } from "./ollama.ts";
import type { Provider } from "./provider.ts";
import { PYTHON } from "./python.ts";

const PROVIDERS: Provider[] = [BUILTIN, OLLAMA, PYTHON];

export function findProvider(kind: string): Provider | undefined {
  return PROVIDERS.find((provider) => provider.kind === kind);
}
