/** Names of Ollama's models. One without a tag means `latest`: `llama3.2` and `llama3.2:latest` are one model. */

export function fullModelName(name: string): string {
  const lastPart = name.slice(name.lastIndexOf("/") + 1);
  return lastPart.includes(":") ? name : `${name}:latest`;
}
