import { expect, it } from "vitest";
import { capText } from "../../src/runner/capped-text.ts";

const bytes = (text: string) => Buffer.from(text);

it("joins pieces, also where a character lies across two", () => {
  const text = capText(100);
  const [snake, rest] = [bytes("🐍").subarray(0, 2), bytes("🐍!").subarray(2)];
  text.add(snake);
  text.add(rest);
  expect(text.text()).toBe("🐍!");
});

it("keeps as much as fits exactly, without a mark", () => {
  const text = capText(3);
  text.add(bytes("abc"));
  expect(text.text()).toBe("abc");
});

it("marks what it cut, and never shows half a character at the cut", () => {
  const text = capText(4);
  text.add(bytes("abé"));
  text.add(bytes("é".repeat(10)));
  expect(text.text()).toBe("abé\n[cut here: 24 bytes in all, the first 4 are kept]\n");
  const odd = capText(3);
  odd.add(bytes("abé"));
  expect(odd.text()).toBe("ab\n[cut here: 4 bytes in all, the first 3 are kept]\n");
});

it("shows bytes that are no UTF-8 as replacement characters", () => {
  const text = capText(10);
  text.add(Buffer.from([0x61, 0xff, 0xc3]));
  expect(text.text()).toBe("a\ufffd\ufffd");
});
