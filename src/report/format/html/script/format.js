// Formatting of numbers and names.

const integers = new Intl.NumberFormat("en-US");

/** An exact integer with separators. */
const exact = (count) => integers.format(count);

/** Bytes in the largest unit in which they are at least 1. */
function human(bytes) {
  if (Math.abs(bytes) < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let size = bytes / 1024;
  while (Math.abs(size) >= 1024 && units.length > 1) {
    size /= 1024;
    units.shift();
  }
  return `${Number.isInteger(size) ? size : size.toPrecision(4)} ${units[0]}`;
}

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`;

/** A number with no more digits than it needs, up to so many. */
const shortNumber = (number, digits = 6) => String(Number(number.toPrecision(digits)));

function seconds(time) {
  if (time >= 1) return `${time.toPrecision(4)} s`;
  if (time >= 1e-3) return `${(time * 1e3).toPrecision(4)} ms`;
  return `${(time * 1e6).toPrecision(4)} µs`;
}

/** "1 layer", "3 layers". */
const amount = (count, word) => `${exact(count)} ${word}${count === 1 ? "" : "s"}`;

/** Ascending integers with runs as ranges: "10, 20, 30–33". */
function ranges(numbers) {
  const runs = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else if (!last || number !== last[1]) runs.push([number, number]);
  }
  return runs.map(([first, last]) => span(first, last)).join(", ");
}

const span = (first, last) => (first === last ? `${first}` : `${first}–${last}`);

/** Widths with equal neighbours once and their count: "784, 30×50, 10". */
function widthList(widths) {
  const runs = [];
  for (const width of widths) {
    const last = runs.at(-1);
    if (last && last.width === width) last.count += 1;
    else runs.push({ width, count: 1 });
  }
  return runs.map(({ width, count }) => (count === 1 ? `${width}` : `${width}×${count}`)).join(", ");
}

/** A strategy's name, with thousands separators in a budget. */
function strategyName(name) {
  const budget = /^budget-(\d+)$/.exec(name);
  return budget ? `budget ${exact(Number(budget[1]))} B` : name.replace(/^every-(\d+)$/, "every $1");
}

/** A device's name with its kind, backend and driver. */
const deviceName = ({ name, type, backend, driver }) =>
  `${name} (${[type, backend, driver].filter(Boolean).join(", ")})`;
