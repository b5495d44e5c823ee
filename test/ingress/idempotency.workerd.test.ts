import { describe, expect, test } from "vitest";
import { ECHO, postJson, postYaml, problemOf, runOf, STUCK } from "../workerd/http.ts";

const withKey = (key: string) => ({ "Idempotency-Key": key });

describe("an Idempotency-Key", () => {
  test("with the same body gives the same run, and says that it did", async () => {
    const first = await postYaml("/v1/runs", ECHO, withKey("once"));
    const second = await postYaml("/v1/runs", ECHO, withKey("once"));
    expect(first.headers.has("Idempotent-Replayed")).toBe(false);
    expect(second.headers.get("Idempotent-Replayed")).toBe("true");
    expect(second.headers.get("Location")).toBe(first.headers.get("Location"));
    expect((await runOf(second)).id).toBe((await runOf(first)).id);
  });

  test("used ten times at once starts one run", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => postYaml("/v1/runs", ECHO, withKey("ten"))),
    );
    const ids = await Promise.all(answers.map(async (answer) => (await runOf(answer)).id));
    expect(new Set(ids).size).toBe(1);
    expect(answers.filter((answer) => !answer.headers.has("Idempotent-Replayed"))).toHaveLength(1);
  });

  test("gives a run that has ended with 200, and whatever the wait", async () => {
    await postYaml("/v1/runs?wait=30", ECHO, withKey("ended"));
    const again = await postYaml("/v1/runs", ECHO, withKey("ended"));
    expect([again.status, (await runOf(again)).status]).toEqual([200, "completed"]);
  });

  test("with another body is refused with 422", async () => {
    await postYaml("/v1/runs", ECHO, withKey("reused"));
    const answer = await postYaml("/v1/runs", `${ECHO}# more\n`, withKey("reused"));
    expect([answer.status, (await problemOf(answer)).code]).toEqual([422, "idempotency_key_reused"]);
  });

  test("with the same bytes as another content type is refused", async () => {
    await postJson("/v1/runs", STUCK, withKey("typed"));
    const answer = await postYaml("/v1/runs", JSON.stringify(STUCK), withKey("typed"));
    expect((await problemOf(answer)).code).toBe("idempotency_key_reused");
  });

  test("of a workflow that did not check may be used again for one that does", async () => {
    expect((await postYaml("/v1/runs", "tasks: []", withKey("mended"))).status).toBe(422);
    expect((await postYaml("/v1/runs", ECHO, withKey("mended"))).status).toBe(202);
  });

  test.each([
    ["empty", ""],
    ["longer than 255 characters", "k".repeat(256)],
    ["with a space", "a key"],
    ["outside ASCII", "cl\u00e9"],
  ])("that is %s is refused with 400", async (_what, key) => {
    const answer = await postYaml("/v1/runs", ECHO, withKey(key));
    const { issues } = await problemOf(answer);
    expect([answer.status, issues[0]?.path]).toEqual([400, "Idempotency-Key"]);
  });

  test("of 255 characters is fine", async () => {
    expect((await postYaml("/v1/runs", ECHO, withKey("k".repeat(255)))).status).toBe(202);
  });
});

test("without an Idempotency-Key the same body starts a run each time", async () => {
  const [first, second] = [await postYaml("/v1/runs", ECHO), await postYaml("/v1/runs", ECHO)];
  expect((await runOf(second)).id).not.toBe((await runOf(first)).id);
});
