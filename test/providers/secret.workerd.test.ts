/** Sealing by workerd's own WebCrypto, where secret.test.ts has Node's. */
import { expect, it } from "vitest";
import { openHeaders, sealHeaders } from "../../src/providers/secret.ts";

const sealing = { key: "0123456789abcdef0123456789abcdef", context: "llm/v1 gpu-1" };
const headers = { authorization: "Bearer token" };

it("workerd opens what it sealed, and not for another instance", async () => {
  const sealed = await sealHeaders(headers, sealing);
  expect(await openHeaders(sealed, sealing)).toEqual(headers);
  await expect(openHeaders(sealed, { ...sealing, context: "llm/v1 gpu-2" })).rejects.toMatchObject({
    code: "provider_rejected",
  });
});

it("workerd opens what Node sealed", async () => {
  const sealed = "v1.HBujplj9-xXeE4vSu8IX-UZl5-9__KFniydiyrJR2wXmnS4xfmZzby_MOAepOhtOJ4cKOIj5akxd1maV";
  expect(await openHeaders(sealed, sealing)).toEqual(headers);
});
