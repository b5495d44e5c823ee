/** A binary heap: the least entry first. Entries are not removed from the middle; readers skip what is stale. */

export type Heap<Entry> = {
  readonly size: number;
  push(entry: Entry): void;
  peek(): Entry | undefined;
  pop(): Entry | undefined;
};

/** An empty heap ordered by `isBefore`; push and pop cost O(log size). */
export function makeHeap<Entry>(isBefore: (a: Entry, b: Entry) => boolean): Heap<Entry> {
  const entries: Entry[] = [];
  return {
    get size() {
      return entries.length;
    },
    push(entry) {
      entries.push(entry);
      siftUp(entries, isBefore);
    },
    peek: () => entries[0],
    pop() {
      const first = entries[0];
      const last = entries.pop();
      if (last !== undefined && entries.length > 0) siftDown(entries, last, isBefore);
      return first;
    },
  };
}

function siftUp<Entry>(entries: Entry[], isBefore: (a: Entry, b: Entry) => boolean): void {
  let index = entries.length - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = entries[parent];
    const entry = entries[index];
    if (above === undefined || entry === undefined || !isBefore(entry, above)) return;
    entries[parent] = entry;
    entries[index] = above;
    index = parent;
  }
}

function siftDown<Entry>(entries: Entry[], entry: Entry, isBefore: (a: Entry, b: Entry) => boolean): void {
  let index = 0;
  for (;;) {
    const child = lesserChild(entries, index, isBefore);
    const below = child === undefined ? undefined : entries[child];
    if (child === undefined || below === undefined || !isBefore(below, entry)) break;
    entries[index] = below;
    index = child;
  }
  entries[index] = entry;
}

function lesserChild<Entry>(
  entries: Entry[],
  index: number,
  isBefore: (a: Entry, b: Entry) => boolean,
): number | undefined {
  const left = entries[2 * index + 1];
  const right = entries[2 * index + 2];
  if (left === undefined) return undefined;
  return right !== undefined && isBefore(right, left) ? 2 * index + 2 : 2 * index + 1;
}
