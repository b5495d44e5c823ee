import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findCycle, type Node, planOf, sortTopologically } from "../../src/spec/graph.ts";
import { echo, file, workflowOf } from "./checking.ts";

const RUNS = { seed: 20_261, numRuns: 300 };
const COUNT = 10_000;

/** `a: b c` is a task a that depends on b and c. */
function nodes(...lines: string[]): Node[] {
  return lines.map((line) => {
    const [id = "", rest = ""] = line.split(": ");
    return { id, dependencies: rest.split(" ").filter((name) => name !== "") };
  });
}

/** Each task depends on the next one in the list. */
function chainListedLastFirst(): Node[] {
  return Array.from({ length: COUNT }, (_, index) => ({
    id: `t${index}`,
    dependencies: index + 1 < COUNT ? [`t${index + 1}`] : [],
  }));
}

function elapsedMs(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

describe("a cycle", () => {
  it("is not found where there is none", () => {
    expect(findCycle(nodes("a", "b: a", "c: a b"))).toBeUndefined();
    expect(findCycle([])).toBeUndefined();
  });

  it("is spelled with each task before what it depends on, and the first again at the end", () => {
    expect(findCycle(nodes("a: b", "b: c", "c: a"))).toEqual(["a", "b", "c", "a"]);
  });

  it("of one task is that task twice", () => {
    expect(findCycle(nodes("a: a"))).toEqual(["a", "a"]);
  });

  it("leaves out what only leads to it", () => {
    expect(findCycle(nodes("x: a", "a: b", "b: a", "y: x"))).toEqual(["a", "b", "a"]);
  });

  it("is not made by a dependency that is no task", () => {
    expect(findCycle(nodes("a: nobody"))).toBeUndefined();
  });

  it("is found in any graph just where an order is not", () => {
    fc.assert(
      fc.property(anyGraph(), (graph) => {
        const cycle = findCycle(graph);
        expect(cycle === undefined).toBe(sortTopologically(graph).length === graph.length);
        for (const [index, id] of (cycle ?? []).slice(0, -1).entries()) {
          expect(graph.find((node) => node.id === id)?.dependencies).toContain(cycle?.[index + 1]);
        }
      }),
      RUNS,
    );
  });
});

describe("an order", () => {
  it("has each task after what it depends on", () => {
    fc.assert(
      fc.property(anyGraph(), (graph) => {
        const order = sortTopologically(graph);
        const place = new Map(order.map((id, index) => [id, index]));
        for (const { id, dependencies } of graph) {
          const own = place.get(id);
          if (own === undefined) continue;
          for (const dependency of dependencies) expect(place.get(dependency)).toBeLessThan(own);
        }
      }),
      RUNS,
    );
  });
});

describe("a plan", () => {
  it("has a level for each step, in file order, and the longest way", () => {
    const text = file(
      echo("d", "dependencies: [b, c]") + echo("a") + echo("b", "dependencies: a") + echo("c") + echo("e"),
    );
    expect(planOf(workflowOf(text))).toEqual({
      levels: [["a", "c", "e"], ["b"], ["d"]],
      criticalPath: ["a", "b", "d"],
      tasks: 5,
    });
  });

  it("of independent tasks has one level", () => {
    expect(planOf(workflowOf(file(echo("a") + echo("b"))))).toMatchObject({
      levels: [["a", "b"]],
      criticalPath: ["a"],
    });
  });
});

describe("a chain of 10,000 tasks listed last-first", () => {
  const chain = chainListedLastFirst();

  it("is sorted in a moment", () => {
    expect(elapsedMs(() => expect(sortTopologically(chain)).toHaveLength(COUNT))).toBeLessThan(500);
  });

  it("is closed to a circle and found out in a moment", () => {
    const circle = chain.map((node, index) =>
      index + 1 < COUNT ? node : { id: node.id, dependencies: ["t0"] },
    );
    expect(elapsedMs(() => expect(findCycle(circle)).toHaveLength(COUNT + 1))).toBeLessThan(500);
  });
});

function anyGraph(): fc.Arbitrary<Node[]> {
  const dependency = fc.nat({ max: 11 }).map((number) => `t${number}`);
  return fc
    .array(fc.array(dependency, { maxLength: 3 }), { maxLength: 12 })
    .map((lists) =>
      lists.map((list, index) => ({ id: `t${index}`, dependencies: list.filter(isBelow(lists.length)) })),
    );
}

function isBelow(count: number): (id: string) => boolean {
  return (id) => Number(id.slice(1)) < count;
}
