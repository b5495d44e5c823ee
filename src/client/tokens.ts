/** A new connection repeats the text so far of each running model call; this leaves only what is new. */
import type { TokenEvent } from "../contract/event.ts";

/** Undefined for text that was seen in full. */
export function trimTokens(): (event: TokenEvent) => TokenEvent | undefined {
  /** By task: the call, and how much of its text was seen. */
  const seen = new Map<string, { attempt: number; call: number; chars: number }>();
  return (event) => {
    const { taskId, attempt, call, offset, text } = event;
    const known = seen.get(taskId);
    const chars = known?.attempt === attempt && known.call === call ? known.chars : 0;
    const end = offset + text.length;
    if (end <= chars) return undefined;
    seen.set(taskId, { attempt, call, chars: end });
    const repeated = Math.max(0, chars - offset);
    return { ...event, offset: offset + repeated, text: text.slice(repeated) };
  };
}
