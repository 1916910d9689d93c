// Predicted against true values of a regression.

/** Most outputs that are drawn at once; of more, one is chosen. */
const MOST_SCATTERS = 4;

function showPredictions({ names, samples: total, predictions }) {
  const { samples, outputs } = predictions;
  const shown =
    samples.length === total ? `all ${exact(total)}` : `${exact(samples.length)} of ${exact(total)}`;
  const charts = element("div", { class: "charts" });
  const draw = (output) => scatterChart(names[output], outputs[output], samples);
  const left = names.length - outputs.length;
  const more =
    left > 0
      ? ` The report holds those of the first ${outputs.length} of ${exact(names.length)} outputs.`
      : "";
  const evenly = samples.length === total ? "" : ", at even distances";
  const note = `Predicted against true values of ${shown} samples${evenly}. The line is where both are equal.${more}`;
  const nodes = [element("p", { class: "note", "data-figure": "points" }, note)];
  if (outputs.length <= MOST_SCATTERS) {
    charts.append(...outputs.map((_, output) => draw(output)));
  } else {
    const options = outputs.map((_, output) => element("option", { value: output }, names[output]));
    const choice = element("select", {}, ...options);
    choice.addEventListener("change", () => charts.replaceChildren(draw(Number(choice.value))));
    charts.append(draw(0));
    nodes.push(element("div", { class: "tools" }, element("label", {}, "Output ", choice)));
  }
  return [...nodes, charts];
}

function scatterChart(name, { predicted, targets }, samples) {
  const size = { width: 420, height: 400, left: 66, right: 14, top: 12, bottom: 46 };
  const range = extent([...predicted, ...targets]);
  const across = scale(range, size.left, size.width - size.right);
  const up = scale(range, size.height - size.bottom, size.top);
  const title = `${name}: predicted against true`;
  const [low, high] = across.domain;
  const svg = svgElement("svg", {
    viewBox: `0 0 ${size.width} ${size.height}`,
    role: "application",
    "aria-label": title,
    "data-low": low,
    "data-high": high,
  });
  for (const value of ticks(across.domain, 5)) {
    const [x, y] = [across(value), up(value)];
    svg.append(
      svgElement("line", { class: "grid", x1: size.left, x2: size.width - size.right, y1: y, y2: y }),
      svgElement("line", { class: "grid", x1: x, x2: x, y1: size.top, y2: size.height - size.bottom }),
      svgElement("text", { x: size.left - 6, y: y + 4, "text-anchor": "end" }, shortNumber(value)),
      svgElement(
        "text",
        { x, y: size.height - size.bottom + 16, "text-anchor": "middle" },
        shortNumber(value),
      ),
    );
  }
  const middle = (size.left + size.width - size.right) / 2;
  svg.append(
    svgElement("text", { x: middle, y: size.height - 6, "text-anchor": "middle" }, "true"),
    svgElement(
      "text",
      { transform: `translate(12 ${size.height / 2}) rotate(-90)`, "text-anchor": "middle" },
      "predicted",
    ),
    svgElement("line", { class: "identity", x1: across(low), y1: up(low), x2: across(high), y2: up(high) }),
  );
  const point = (target, index) =>
    svgElement("circle", { cx: across(target).toFixed(1), cy: up(predicted[index]).toFixed(1), r: 2.5 });
  const ring = svgElement("circle", { class: "mark", r: 5.5, hidden: "" });
  svg.append(
    svgElement("g", { class: targets.length > 300 ? "points many" : "points" }, ...targets.map(point)),
    ring,
  );

  const words = element("p", { class: "note reading", "aria-live": "polite" }, READING_HINT);
  // Keys go from the smallest true value to the largest.
  const order = targets.map((_, index) => index).sort((a, b) => targets[a] - targets[b]);
  const places = order.map((index) => ({ x: across(targets[index]), y: up(predicted[index]) }));
  choosePlaces(svg, places, (place) => {
    const index = order[place];
    ring.removeAttribute("hidden");
    ring.setAttribute("cx", places[place].x);
    ring.setAttribute("cy", places[place].y);
    words.textContent = `Sample ${exact(samples[index])}: true ${shortNumber(targets[index])}, predicted ${shortNumber(predicted[index])}`;
  });
  const hint = describing(svg, element("span", { hidden: "" }, READING_HINT));
  return element("figure", { class: "square" }, element("figcaption", {}, title), svg, words, hint);
}
