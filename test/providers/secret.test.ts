import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import { openHeaders, sealHeaders, sealingContext } from "../../src/providers/secret.ts";

const key = "0123456789abcdef0123456789abcdef";
const context = sealingContext("llm/v1", "gpu-1");
const headers = { Authorization: "Bearer s3cr3t-token", "CF-Access-Client-Id": "abc.access" };

/** What was thrown, all of it, as text. */
const refusalOf = async (promise: Promise<unknown>) => {
  const thrown = await promise.then(
    () => expect.fail("it was not refused"),
    (reason: unknown) => reason,
  );
  const { code, message, stack, cause } = thrown instanceof Error ? Object(thrown) : {};
  return { code, message: String(message), all: JSON.stringify({ code, message, stack, cause }) };
};

describe("sealed headers", () => {
  it("open as they were", async () => {
    expect(await openHeaders(await sealHeaders(headers, { key, context }), { key, context })).toEqual(
      headers,
    );
  });

  it("are one text of a version and base64url, in which nothing can be read", async () => {
    const sealed = await sealHeaders(headers, { key, context });
    expect(sealed).toMatch(/^v1\.[A-Za-z0-9_-]+$/);
    const inside = atob(sealed.slice(3).replaceAll("-", "+").replaceAll("_", "/"));
    for (const secret of ["s3cr3t", "Bearer", "Authorization", "abc.access"]) {
      expect(inside).not.toContain(secret);
    }
  });

  it("are another text each time, so that equal secrets do not show", async () => {
    const texts = await Promise.all(Array.from({ length: 50 }, () => sealHeaders(headers, { key, context })));
    expect(new Set(texts).size).toBe(50);
    expect(new Set(texts.map((text) => text.slice(0, 19))).size).toBe(50);
  });

  it("open again whatever their text, and not for anybody else", async () => {
    const name = fc.stringMatching(/^x-[a-z0-9_]{1,20}$/);
    const value = fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,40}[\x21-\x7e])?$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, value, { noNullPrototype: true }), async (made) => {
        const sealed = await sealHeaders(made, { key, context });
        expect(await openHeaders(sealed, { key, context })).toEqual(made);
        expect((await refusalOf(openHeaders(sealed, { key, context: "llm/v1 gpu-2" }))).code).toBe(
          "provider_rejected",
        );
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  it("do not open for another instance, another protocol or by another key", async () => {
    const sealed = await sealHeaders(headers, { key, context });
    const others = [
      { key, context: sealingContext("llm/v1", "gpu-2") },
      { key, context: sealingContext("mcp/v1", "gpu-1") },
      { key: `${key}!`, context },
    ];
    for (const other of others) {
      const refusal = await refusalOf(openHeaders(sealed, other));
      expect(refusal.code).toBe("provider_rejected");
      expect(refusal.message).toContain("register it again");
      expect(refusal.all).not.toMatch(/s3cr3t|0123456789/);
    }
  });

  it("do not open where one bit was changed, wherever it is", async () => {
    const sealed = await sealHeaders(headers, { key, context });
    for (let at = 0; at < sealed.length - 1; at += 7) {
      const changed = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
      expect((await refusalOf(openHeaders(changed, { key, context }))).code).toBe("provider_rejected");
    }
  });

  it.each(["", "v1.", "v1.AAAA", "v2.AAAA", "plain s3cr3t text", `v1.${"A".repeat(100)}`])(
    "are not %j, which is refused without being quoted",
    async (sealed) => {
      const refusal = await refusalOf(openHeaders(sealed, { key, context }));
      expect(refusal.code).toBe("provider_rejected");
      expect(refusal.message).toContain(context);
      expect(refusal.all).not.toContain("s3cr3t");
    },
  );
});

it.each([
  ["is not set", undefined],
  ["has fewer than 32 characters", "short-s3cr3t"],
])("without a key there is no sealing and no opening: it %s, and the command sets it", async (state, bad) => {
  const sealed = await sealHeaders(headers, { key, context });
  for (const asked of [
    sealHeaders(headers, { key: bad, context }),
    openHeaders(sealed, { key: bad, context }),
  ]) {
    const refusal = await refusalOf(asked);
    expect(refusal.code).toBe("secret_key_not_configured");
    expect(refusal.message).toContain(state);
    expect(refusal.message).toContain("openssl rand -hex 32 | npx wrangler secret put GLEITZEIT_SECRET_KEY");
    expect(refusal.all).not.toContain("s3cr3t");
  }
});

describe("a header that cannot be sent", () => {
  it.each([
    "Host",
    "content-length",
    "Content-Type",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Upgrade",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Expect",
    "Accept-Encoding",
    "Content-Encoding",
  ])("%s is set by the connection itself", async (name) => {
    const refusal = await refusalOf(sealHeaders({ [name]: "s3cr3t" }, { key, context }));
    expect(refusal).toMatchObject({ code: "invalid_request", message: expect.stringContaining(`"${name}"`) });
    expect(refusal.all).not.toContain("s3cr3t");
  });

  it.each([
    "Bearer s3cr3t\r\nHost: evil.example.com",
    "Bearer s3cr3t\n",
    "\rs3cr3t",
    "s3cr3t\0",
    " s3cr3t",
    "s3cr3t ",
    "s3cr3t\u007f",
    "s3cr3té",
    "s3cr3t…",
    "",
  ])("has a value like %j: it is named, its value not", async (value) => {
    const refusal = await refusalOf(sealHeaders({ "X-Key": value }, { key, context }));
    expect(refusal).toMatchObject({ code: "invalid_request", message: expect.stringContaining('"X-Key"') });
    expect(refusal.all).not.toContain("s3cr3t");
  });

  it.each(["", "Bearer s3cr3t", "X-Key:s3cr3t", "X-Key\r\nHost", "Schlüssel", "x[0]"])(
    "has a name like %j: it is counted, since the name may be the secret",
    async (name) => {
      const refusal = await refusalOf(sealHeaders({ "X-Other": "1", [name]: "value" }, { key, context }));
      expect(refusal.code).toBe("invalid_request");
      expect(refusal.message).toContain("number 2 has a name");
      expect(refusal.all).not.toContain("s3cr3t");
    },
  );

  it("is one that is given twice", async () => {
    const refusal = await refusalOf(sealHeaders({ "X-Key": "a", "x-key": "b" }, { key, context }));
    expect(refusal).toMatchObject({
      code: "invalid_request",
      message: 'headers: "x-key" is given twice; keep one',
    });
  });
});

it("headers are as long as the limit says, and no longer", async () => {
  const overhead = JSON.stringify({ "X-Key": "" }).length;
  const value = "x".repeat(LIMITS.headersBytes - overhead);
  const sealed = await sealHeaders({ "X-Key": value }, { key, context });
  expect(await openHeaders(sealed, { key, context })).toEqual({ "X-Key": value });
  const refusal = await refusalOf(sealHeaders({ "X-Key": `${value}x` }, { key, context }));
  expect(refusal.code).toBe("invalid_request");
  expect(refusal.message).toContain(`at most ${LIMITS.headersBytes}`);
});
