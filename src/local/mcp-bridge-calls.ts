/**
 * The requests of many clients to one stdio server, which sees a single client: ids and progress tokens are replaced,
 * since those of different clients may be the same.
 */
import { idIn, type Message, type MessageId, type Request } from "./mcp-bridge-message.ts";
import { BridgeRefusal } from "./mcp-bridge-refusal.ts";

export type Asker = {
  /** Ids of requests are its own; requests without a session are only cancelled by their signal. */
  session: string | undefined;
  signal: AbortSignal;
  onProgress(notification: Message): void;
};

export type Calls = {
  ask(request: Request, asker: Asker): Promise<Message>;
  cancel(session: string, request: MessageId): void;
  /** An answer or progress from the server. */
  hear(message: Message): void;
  /** There will be no more answers, and this is why. */
  end(reason: string): void;
};

export function openCalls(send: (message: Message) => void): Calls {
  const calls = new Map<MessageId, Call>();
  let lastId = 0;
  let over: string | undefined;

  async function ask(request: Request, asker: Asker): Promise<Message> {
    if (over !== undefined) throw new BridgeRefusal(502, over);
    if (asker.signal.aborted) throw cancelled();
    lastId += 1;
    const id = lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    calls.set(id, { ...asker, request, resolve, reject });
    send(renamed(request, id));
    const leave = () => abandon(id);
    asker.signal.addEventListener("abort", leave, { once: true });
    return await promise.finally(() => asker.signal.removeEventListener("abort", leave));
  }

  function abandon(id: MessageId): void {
    const call = calls.get(id);
    if (!calls.delete(id)) return;
    const params = { requestId: id, reason: "its caller does not wait for it any more" };
    send({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    call?.reject(cancelled());
  }

  function cancel(session: string, request: MessageId): void {
    for (const [id, call] of calls) {
      if (call.session === session && call.request.id === request) abandon(id);
    }
  }

  function hear(message: Message): void {
    if (message.method === "notifications/progress") return passProgress(message);
    const id = message.method === undefined ? (message.id ?? "") : "";
    const call = calls.get(id);
    calls.delete(id);
    call?.resolve({ ...message, id: call.request.id });
  }

  function passProgress(message: Message): void {
    const call = calls.get(idIn(message, "progressToken") ?? "");
    const progressToken = call?.request.params?._meta?.progressToken;
    if (progressToken === undefined) return; // it has ended, or asked for none
    call?.onProgress({ ...message, params: { ...message.params, progressToken } });
  }

  function end(reason: string): void {
    over = reason;
    for (const call of calls.values()) call.reject(new BridgeRefusal(502, reason));
    calls.clear();
  }

  return { ask, cancel, hear, end };
}

type Call = Asker & {
  request: Request;
  resolve(answer: Message): void;
  reject(refusal: BridgeRefusal): void;
};

/** A JSON-RPC error like others: it was the caller who wanted no other answer. */
const cancelled = () => new BridgeRefusal(200, "cancelled by its caller");

function renamed(request: Request, id: number): Message {
  const { params } = request;
  if (params?._meta?.progressToken === undefined) return { ...request, id };
  return { ...request, id, params: { ...params, _meta: { ...params._meta, progressToken: id } } };
}
