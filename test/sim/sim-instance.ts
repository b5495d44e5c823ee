/** Hosts of models: what each has, how much it takes, and when it is down. */
import type { InstanceSpec } from "../../src/providers/hub/spec.ts";
import type { World } from "./world.ts";

export type SimInstance = { spec: InstanceSpec; models: string[]; isDown: (now: number) => boolean };

const MODELS = ["small:latest", "large:latest"];

/** One to three; mostly somebody has each model. Faults of a seed decide who is down for a while, and when. */
export function makeInstances(world: World, faultsEndAt: number): SimInstance[] {
  const { chance } = world;
  const count = chance.between(1, 3);
  return Array.from({ length: count }, (_, index) => {
    const id = `host-${index}`;
    const models = count === 1 || chance.is(0.6) ? MODELS : [chance.pick(MODELS)];
    const isFrail = world.fault("instanceDown");
    const downFrom = chance.between(0, faultsEndAt / 2);
    const downTo = Math.min(faultsEndAt, downFrom + chance.between(1000, faultsEndAt / 2));
    const spec: InstanceSpec = {
      id,
      kind: "ollama",
      url: `http://${id}`,
      source: "registered",
      weight: 1,
      maxConcurrent: chance.between(1, 4),
      tags: [],
      allowPull: false,
    };
    return { spec, models, isDown: (now) => isFrail && now >= downFrom && now < downTo };
  });
}
