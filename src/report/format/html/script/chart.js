// A small line chart in SVG.

/**
 * Lines `{points, name, colour, isDashed}` through points `{x, y, label}`, straight or by steps, with a legend of the names.
 * `marks` are drawn over them as rings with a name, beside or, `isBelow`, under it. `x` and `y` turn numbers into the
 * axes' text; `xTicks` and `yTicks` choose the numbers, given the range. `readings`, `{x, text}`, are told below the
 * chart where the pointer or keys choose one.
 */
function lineChart({
  title,
  lines,
  marks = [],
  readings = [],
  x,
  y,
  xTicks = ticks,
  yTicks = ticks,
  isStepped = false,
}) {
  const size = { width: 520, height: 240, left: 66, right: 30, top: 12, bottom: 28 };
  const everything = [...lines.flatMap((line) => line.points), ...marks];
  const across = scale(extent(everything.map((point) => point.x)), size.left, size.width - size.right);
  const up = scale(extent(everything.map((point) => point.y)), size.height - size.bottom, size.top);

  const svg = svgElement("svg", {
    viewBox: `0 0 ${size.width} ${size.height}`,
    role: "img",
    "aria-label": title,
  });
  for (const value of yTicks(up.domain, 4)) {
    const at = up(value);
    svg.append(
      svgElement("line", { class: "grid", x1: size.left, x2: size.width - size.right, y1: at, y2: at }),
    );
    svg.append(svgElement("text", { x: size.left - 6, y: at + 4, "text-anchor": "end" }, y(value)));
  }
  for (const value of xTicks(across.domain, 4)) {
    const at = across(value);
    svg.append(svgElement("text", { x: at, y: size.height - 8, "text-anchor": "middle" }, x(value)));
  }
  svg.append(...lines.map(drawn));
  for (const mark of marks) {
    const [left, top] = [across(mark.x), up(mark.y)];
    const isLeft = mark.isBelow || left > size.width * 0.7;
    const place = {
      x: left + (isLeft ? -6 : 6),
      y: top + (mark.isBelow ? 18 : -9),
      "text-anchor": isLeft ? "end" : "start",
    };
    svg.append(dot("mark", 5.5, mark), svgElement("text", place, mark.name));
  }
  const caption = element("figcaption", {}, title, ...legend(lines));
  const figure = element("figure", {}, caption, svg);
  if (readings.length > 0) addReadings();
  return figure;

  function drawn({ points, name, colour = "accent", isDashed }) {
    const path = points.map((point, index) => {
      const [left, top] = [across(point.x).toFixed(1), up(point.y).toFixed(1)];
      if (index === 0) return `M${left},${top}`;
      return isStepped ? `H${left}V${top}` : `L${left},${top}`;
    });
    const line = svgElement("path", { class: isDashed ? "line dashed" : "line", d: path.join("") });
    const dots = points.length <= 60 ? points.map((point) => dot("dot", 3, point)) : [];
    return colouring(svgElement("g", { "data-line": name }, line, ...dots), colour);
  }

  function dot(kind, r, point) {
    const about = svgElement("title", {}, point.label);
    return svgElement("circle", { class: kind, cx: across(point.x), cy: up(point.y), r }, about);
  }

  function addReadings() {
    const rule = svgElement("line", {
      class: "cursor",
      y1: size.top,
      y2: size.height - size.bottom,
      hidden: "",
    });
    const words = element("p", { class: "note reading", "aria-live": "polite" }, READING_HINT);
    svg.append(rule);
    figure.append(words, describing(svg, element("span", { hidden: "" }, READING_HINT)));
    const places = readings.map((reading) => ({ x: across(reading.x), y: 0 }));
    const choose = (index) => {
      rule.removeAttribute("hidden");
      rule.setAttribute("x1", places[index].x);
      rule.setAttribute("x2", places[index].x);
      words.textContent = readings[index].text;
    };
    svg.setAttribute("role", "application");
    choosePlaces(svg, places, choose, true);
  }
}

/** What stands where a reading will, until one is chosen. */
const READING_HINT = "Point at the chart, or use ← → home end, to read its figures.";

/** The names of lines, if they have names. */
function legend(lines) {
  if (lines.every(({ name }) => name === undefined)) return [];
  const entry = ({ name, colour = "accent", isDashed }) =>
    element(
      "span",
      {},
      colouring(element("span", { class: isDashed ? "stroke dashed" : "stroke" }), colour),
      name,
    );
  // Spaces keep the names apart where the caption is read as text.
  return [" ", element("span", { class: "legend" }, ...lines.flatMap((line) => [entry(line), " "]))];
}

/** The least and the largest of any number of numbers. */
const extent = (numbers) => [
  numbers.reduce((least, number) => Math.min(least, number), Infinity),
  numbers.reduce((most, number) => Math.max(most, number), -Infinity),
];

function scale([low, high], from, to) {
  const domain =
    low === high ? [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2] : [low, high];
  const at = (value) => from + ((value - domain[0]) / (domain[1] - domain[0])) * (to - from);
  return Object.assign(at, { domain });
}

/** About `count` round numbers between the two. */
function ticks([low, high], count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return multiples(low, high, [1, 2, 5, 10].find((unit) => unit * power >= rough * 0.999) * power);
}

/** About `count` numbers of bytes that are round in binary units. */
const byteTicks = ([low, high], count) =>
  multiples(low, high, 2 ** Math.ceil(Math.log2(Math.max(1, (high - low) / count))));

function multiples(low, high, step) {
  const first = Math.ceil(low / step - 1e-9);
  const length = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, length) }, (_, index) => (first + index) * step);
}
