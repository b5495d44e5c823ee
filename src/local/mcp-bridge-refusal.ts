/** Why a bridge does not hand back an answer of its server, as an HTTP answer. */
export class BridgeRefusal extends Error {
  readonly status: number;
  /** When to ask again. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message);
    this.name = "BridgeRefusal";
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}
