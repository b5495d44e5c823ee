import type { MethodSettings } from "./methods.ts";

/** What one runner works with and what it is working on. */
export type Desk = MethodSettings & {
  secret: string | undefined;
  maxConcurrent: number;
  /** Every post being answered, with what calls it off. */
  posts: Map<AbortController, Promise<void>>;
  /** Posts that run scripts; a batch runs its scripts one after the other and counts once. */
  running: number;
};
