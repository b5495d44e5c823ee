/** Where a text stops being JSON: the platform's own messages say it for some texts only, and quote others. */

/** What may come next. `first…`: the list or object may also end at once. */
type Expected = "value" | "first value" | "first key" | "key" | "colon" | "next";
type Step = { at: number; expected: Expected };

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const OPENED = { "[": "first value", "{": "first key" } as const;

/** The offset of the first character that cannot be there; the text's length where it ends too early. */
export function findJsonFault(text: string): number {
  const closers: string[] = [];
  let step: Step = { at: 0, expected: "value" };
  for (;;) {
    const at = match(SPACE, text, step.at) ?? step.at;
    if (at >= text.length) return text.length;
    const next = take(text, { at, expected: step.expected }, closers);
    if (typeof next === "number") return next;
    step = next;
  }
}

/** One token further, or where it is at fault. */
function take(text: string, { at, expected }: Step, closers: string[]): Step | number {
  const char = text.charAt(at);
  if (expected === "colon") return char === ":" ? { at: at + 1, expected: "value" } : at;
  const mayClose = expected === "next" || expected.startsWith("first");
  if (mayClose && closers.length > 0 && char === closers.at(-1)) {
    closers.pop();
    return { at: at + 1, expected: "next" };
  }
  if (expected === "next") {
    if (char !== "," || closers.length === 0) return at;
    return { at: at + 1, expected: closers.at(-1) === "}" ? "key" : "value" };
  }
  const isKey = expected === "key" || expected === "first key";
  if (char === '"') return takeString(text, at, isKey ? "colon" : "next");
  return isKey ? at : takeValue(text, at, closers);
}

function takeValue(text: string, at: number, closers: string[]): Step | number {
  const char = text.charAt(at);
  if (char === "[" || char === "{") {
    closers.push(char === "[" ? "]" : "}");
    return { at: at + 1, expected: OPENED[char] };
  }
  const end = match(SCALAR, text, at);
  return end === undefined ? at : { at: end, expected: "next" };
}

function takeString(text: string, start: number, expected: Expected): Step | number {
  for (let at = start + 1; at < text.length; ) {
    const char = text.charAt(at);
    if (char === '"') return { at: at + 1, expected };
    if (char < " ") return at;
    const end: number | undefined = char === "\\" ? match(ESCAPE, text, at) : at + 1;
    if (end === undefined) return at;
    at = end;
  }
  return text.length;
}

function match(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
