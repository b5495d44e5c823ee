/** Curves of time per task over the tasks of a run, as an SVG that can be read on light and on dark pages. */

/** `ms` is the time per task. */
export type Series = { name: string; points: { count: number; ms: number }[] };

const WIDTH = 720;
const HEIGHT = 400;
const PLOT = { left: 64, right: 700, top: 72, bottom: 340 };
const COUNTS = [100, 200, 500, 1000, 2000, 5000, 10_000];
const Y_STEPS = [0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10];
const Y_TICKS_MOST = 6;
/** A key with its gaps, and a character of its name. */
const LEGEND = { key: 52, char: 7 };
/** One look for each series, in order: two colours, and dashes for every second of a colour. */
const LOOKS = ["a", "a dashed", "b", "b dashed"];

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-size: 15px; font-weight: 600; }
    .grid { stroke: #d0d7de; }
    .axis { stroke: #57606a; }
    .a { --line: #0969da; }
    .b { --line: #bc4c00; }
    polyline, .key { fill: none; stroke: var(--line); stroke-width: 2; }
    .dashed { stroke-dasharray: 6 4; }
    circle { fill: var(--line); }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .grid { stroke: #30363d; }
      .axis { stroke: #8b949e; }
      .a { --line: #58a6ff; }
      .b { --line: #f0883e; }
    }`;

export function drawGrowth(series: Series[]): string {
  const step = stepFor(Math.max(...series.flatMap(({ points }) => points.map(({ ms }) => ms))));
  const most = step.size * step.ticks;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title desc">`,
    `  <title id="title">Time per task by the number of tasks in a run</title>`,
    `  <desc id="desc">${describe(series)}</desc>`,
    `  <style>${STYLE}\n  </style>`,
    `  <text class="title" x="${PLOT.left}" y="22">Time per task by the number of tasks in a run</text>`,
    ...legend(series.map(({ name }) => name)),
    ...yAxis(step, most),
    ...xAxis(),
    ...series.flatMap(({ points }, index) => curve(points, index, most)),
    "</svg>",
  ];
  return `${lines.join("\n")}\n`;
}

/** For those who hear the picture. */
function describe(series: Series[]): string {
  const of = ({ name, points }: Series) =>
    `${name}: ${points.map(({ count, ms }) => `${ms.toFixed(2)} ms at ${count}`).join(", ")}`;
  return `Milliseconds per task. ${series.map(of).join("; ")}.`;
}

type Step = { size: number; ticks: number };

function stepFor(mostMs: number): Step {
  const size = Y_STEPS.find((one) => mostMs / one <= Y_TICKS_MOST) ?? mostMs / Y_TICKS_MOST;
  return { size, ticks: Math.max(1, Math.ceil(mostMs / size)) };
}

function legend(names: string[]): string[] {
  let x = PLOT.left;
  return names.flatMap((name, index) => {
    const lines = [
      `  <line class="key ${LOOKS[index]}" x1="${x}" y1="46" x2="${x + 26}" y2="46"/>`,
      `  <text x="${x + 32}" y="50">${name}</text>`,
    ];
    x += LEGEND.key + LEGEND.char * name.length;
    return lines;
  });
}

function yAxis({ size, ticks }: Step, most: number): string[] {
  const middle = (PLOT.top + PLOT.bottom) / 2;
  const marks = Array.from({ length: ticks + 1 }, (_, index) => index * size).flatMap((ms) => {
    const y = yOf(ms, most);
    return [
      `  <line class="${ms === 0 ? "axis" : "grid"}" x1="${PLOT.left}" y1="${y}" x2="${PLOT.right}" y2="${y}"/>`,
      `  <text x="${PLOT.left - 8}" y="${y + 4}" text-anchor="end">${Number(ms.toFixed(2))}</text>`,
    ];
  });
  const label = `transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle"`;
  return [...marks, `  <text ${label}>time per task (ms)</text>`];
}

function xAxis(): string[] {
  const marks = COUNTS.flatMap((count) => {
    const x = xOf(count);
    return [
      `  <line class="axis" x1="${x}" y1="${PLOT.bottom}" x2="${x}" y2="${PLOT.bottom + 5}"/>`,
      `  <text x="${x}" y="${PLOT.bottom + 20}" text-anchor="middle">${count.toLocaleString("en")}</text>`,
    ];
  });
  const middle = (PLOT.left + PLOT.right) / 2;
  const label = "tasks in a run (number, logarithmic)";
  return [...marks, `  <text x="${middle}" y="${PLOT.bottom + 44}" text-anchor="middle">${label}</text>`];
}

function curve(points: Series["points"], index: number, most: number): string[] {
  const places = points.map(({ count, ms }) => ({ x: xOf(count), y: yOf(ms, most) }));
  const look = LOOKS[index] ?? "";
  return [
    `  <polyline class="${look}" points="${places.map(({ x, y }) => `${x},${y}`).join(" ")}"/>`,
    ...places.map(({ x, y }) => `  <circle class="${look}" cx="${x}" cy="${y}" r="3.5"/>`),
  ];
}

function xOf(count: number): number {
  const [least = 1, most = 1] = [COUNTS[0], COUNTS.at(-1)];
  const share = Math.log(count / least) / Math.log(most / least);
  return round(PLOT.left + 20 + share * (PLOT.right - PLOT.left - 40));
}

const yOf = (ms: number, most: number): number => round(PLOT.bottom - (ms / most) * (PLOT.bottom - PLOT.top));

const round = (pixels: number): number => Math.round(pixels * 10) / 10;
