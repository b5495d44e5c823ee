/** What a hub is told: which instances there are, and what looking at them found. */
import type { InstanceSource, ProviderKind } from "../../contract/provider.ts";
import type { Instance } from "../../contract/sync.ts";
import type { Health } from "../provider.ts";

/** An instance as it is written down. `maxConcurrent` is absent where nobody said it: then the instance itself may. */
export type InstanceSpec = {
  id: string;
  kind: ProviderKind;
  url: string;
  source: InstanceSource;
  sealedHeaders?: string;
  weight: number;
  maxConcurrent?: number;
  tags: string[];
  allowPull: boolean;
};

/** What an instance offers, by name: schemas of tools stay where they are. */
export type Offering = {
  models?: string[];
  loaded?: string[];
  tools?: string[];
  server?: string;
  version?: string;
  maxConcurrent?: number;
};

/** What to look at: instances that are known, and addresses at which there may be one. */
export type Sights = { protocol: string; instances: Instance[]; candidates: Candidate[] };
/** What a hub has looked at for it; the report says by its number which look it was. */
export type Look = Sights & { id: number };
export type Candidate = { kind: ProviderKind; url: string };

/** `url` is the one that was asked: what is said of an instance that has moved since is of no interest. */
export type Seen = { id: string; url: string; health: Health; latencyMs: number; offering?: Offering };
export type Found = Candidate & { offering: Offering };
export type LookReport = {
  protocol: string;
  /** The look that a hub asked for; absent where somebody else wanted to know. */
  look?: number;
  instances: Seen[];
  found: Found[];
  notFound: (Candidate & { reason: string })[];
};
