/** The hub of one protocol as a Durable Object. It answers at once and never waits for a provider. */
import { DurableObject } from "cloudflare:workers";
import type { Acquire, Grant } from "../contract/sync.ts";
import { type Env, settingsOf } from "../env.ts";
import { type HubRpc, runStub } from "../stubs.ts";
import {
  acquire,
  decline,
  type Hub,
  type HubInstance,
  type HubInvitation,
  hubDue,
  inviteNext,
  makeHub,
  release,
  renew,
} from "./hub.ts";

export class HubObject extends DurableObject<Env> implements HubRpc {
  #hub: Hub | undefined;
  #timer: ReturnType<typeof setTimeout> | null = null;

  acquire(asked: Acquire[]): Grant[] {
    const now = Date.now();
    const hub = this.#load();
    const grants = asked.map((one) => acquire(hub, one, now));
    this.#perform(hub);
    return grants;
  }

  renew(tokens: string[]): void {
    renew(this.#load(), tokens, Date.now());
  }

  release(tokens: string[]): void {
    const hub = this.#load();
    release(hub, tokens);
    this.#perform(hub);
  }

  #load(): Hub {
    if (this.#hub !== undefined) return this.#hub;
    const protocol = this.ctx.id.name ?? "";
    this.#hub = makeHub(protocol, configuredInstance(protocol, this.env));
    return this.#hub;
  }

  #perform(hub: Hub): void {
    for (const invitation of inviteNext(hub, Date.now())) this.#invite(hub, invitation);
    clearTimeout(this.#timer);
    const due = hubDue(hub);
    if (Number.isFinite(due)) {
      this.#timer = setTimeout(() => this.#perform(hub), Math.max(1, due - Date.now()));
    }
  }

  #invite(hub: Hub, invitation: HubInvitation): void {
    const run = runStub(this.env, invitation.runId);
    run.slot(invitation.lane).then(
      (isWanted) => {
        if (isWanted) return;
        decline(hub, invitation);
        this.#perform(hub);
      },
      // The run asks again by itself; the slot is kept until the reservation ends.
      () => {},
    );
  }
}

/** Calls that an Ollama takes at a time by default, and as many scripts. */
const MAX_CONCURRENT = 4;

function configuredInstance(protocol: string, env: Env): HubInstance | undefined {
  const { ollamaUrls, pythonUrls } = settingsOf(env);
  const kind = protocol === "llm/v1" ? "ollama" : "python";
  const [url] = protocol === "llm/v1" ? ollamaUrls : protocol === "python/v1" ? pythonUrls : [];
  return url === undefined ? undefined : { id: `${kind}-1`, kind, url, maxConcurrent: MAX_CONCURRENT };
}
