/** What every backend of history does, whatever it is made of. */
import { describe } from "vitest";
import type { RunHistory } from "../../src/history/run-history.ts";
import { describeLists } from "./suite-lists.ts";
import { describeModel } from "./suite-model.ts";
import { describeRemoval } from "./suite-removal.ts";
import { describeWrites } from "./suite-writes.ts";

/** `open` gives a history that is empty. */
export function describeHistory(name: string, open: () => Promise<RunHistory>): void {
  describe(`history in ${name}`, () => {
    describeWrites(open);
    describeLists(open);
    describeRemoval(open);
    describeModel(open);
  });
}
