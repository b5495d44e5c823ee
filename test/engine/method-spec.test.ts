/** Methods of protocols that somebody registered: what they were when the run was started goes with each call. */
import { expect, test } from "vitest";
import type { ProtocolMethod } from "../../src/contract/protocol.ts";
import { started } from "./drive.ts";
import { Executor } from "./executor.ts";

const ORDER: ProtocolMethod = {
  description: "Orders something",
  params: { type: "object", required: ["item"] },
  result: {},
  idempotent: true,
};
const shop = { protocol: "shop/v1", method: "shop/order", params: { item: "tea" } };

test("a call of a registered method says what the method is; the offer of it does not", () => {
  const ada = new Executor(started("a", { each: shop, methods: { "shop/order": ORDER } }));
  const [offer] = ada.sync().work;
  expect(offer).toMatchObject({ kind: "offer", need: { protocol: "shop/v1" } });
  expect(offer !== undefined && "spec" in offer).toBe(false);
  ada.begin("a");
  expect(ada.call("a")).toMatchObject({ ...shop, params: expect.any(Uint8Array), spec: ORDER });
});

test("it says so each time, also when the run was read again from its journal", () => {
  const drive = started("a", {
    each: { ...shop, retry: { baseDelay: 0 } },
    methods: { "shop/order": ORDER },
  });
  const ada = new Executor(drive);
  ada.sync();
  ada.begin("a");
  ada.failWith("a", "timeout");
  drive.evict();
  ada.sync();
  ada.begin("a");
  expect(ada.call("a")).toMatchObject({ attempt: 2, spec: ORDER });
});

test.each(["echo/echo", "constructor", "shop/other"])(
  "a call of %s, of which nothing was registered, says nothing of it",
  (method) => {
    const ada = new Executor(started("a", { each: { method }, methods: { "shop/order": ORDER } }));
    ada.sync();
    expect("spec" in ada.call("a")).toBe(false);
  },
);
