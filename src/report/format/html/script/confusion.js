// Confusion matrix: numbers in a table, or for many classes an image.

/** Most classes whose numbers of samples are written into cells. */
const MOST_WRITTEN = 30;

/** The matrix of `result` with a readout of one cell, and what recolours it when the theme changes. */
function confusionMatrix({ names, scores, most_confused: pairs }) {
  const { confusion } = scores;
  const panel = element("div", { class: "panel" });
  if (confusion.length === 0) {
    panel.append(mostConfused(pairs, names, scores));
    const note = `Reports hold the confusion matrix of up to 1,000 classes; these are ${exact(names.length)}.`;
    return { nodes: [element("p", { class: "note" }, note), panel], recolour() {} };
  }
  const readout = element("dl", { class: "facts cell", "aria-live": "polite" });
  const tell = (cell) => tellCell(readout, names, confusion, cell);
  // The most frequent confusion, if there is one.
  const first = pairs.length > 0 ? [pairs[0].class, pairs[0].predicted] : [0, 0];
  const draw = names.length <= MOST_WRITTEN ? confusionTable : confusionImage;
  const drawn = draw(names, confusion, first, tell);
  const words = "Point at a cell, or go to it with the arrow keys.";
  const hint = describing(drawn.control, element("p", { class: "note" }, words));
  panel.append(element("h3", {}, "Cell"), readout, hint);
  if (pairs.length > 0) panel.append(mostConfused(pairs, names, scores));
  tell(first);
  return {
    nodes: [element("div", { class: "beside confusion" }, drawn.node, panel)],
    recolour: drawn.recolour,
  };
}

const sumOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

/** Share of the true class's samples; 0 if it has none. */
const shareOf = (row, column) => (row[column] === 0 ? 0 : row[column] / sumOf(row));

function tellCell(readout, names, confusion, [row, column]) {
  const samples = confusion[row][column];
  const predicted = sumOf(confusion.map((cells) => cells[column]));
  const share = (all) => (all === 0 ? "no samples" : `${percent(samples / all)} of ${exact(all)}`);
  readout.dataset.cell = `${row},${column}`;
  facts(readout, [
    ["true class", element("b", { "data-field": "true" }, names[row])],
    ["predicted as", element("b", { "data-field": "predicted" }, names[column])],
    ["samples", element("span", { "data-field": "samples" }, figure(samples))],
    ["of the true class", element("span", { "data-field": "of-true" }, share(sumOf(confusion[row])))],
    ["of those predicted", element("span", { "data-field": "of-predicted" }, share(predicted))],
  ]);
}

/** The cell that a key leads to from another; `null` for keys without a meaning. */
function nextCell(event, [row, column], last) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const clamp = (index) => Math.min(Math.max(0, index), last);
  const to = {
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    Home: [row, 0],
    End: [row, last],
    PageUp: [0, column],
    PageDown: [last, column],
  }[event.key];
  return to ? to.map(clamp) : null;
}

/** A table with one tab stop; arrows go between cells. */
function confusionTable(names, confusion, first, tell) {
  const head = (name, scope) => element("th", { scope, title: name }, element("span", {}, name));
  const cell = (row, column) => {
    const share = shareOf(confusion[row], column);
    const attributes = { "data-cell": `${row},${column}`, tabindex: -1 };
    const node = element("td", attributes, figure(confusion[row][column]));
    if (share === 0) node.classList.add("quiet");
    node.style.setProperty("--share", `${100 * share}%`);
    return node;
  };
  const isTall = names.some((name) => name.length > 4);
  const table = element(
    "table",
    { class: isTall ? "matrix tall" : "matrix", role: "grid", "aria-label": "Confusion matrix" },
    element(
      "thead",
      {},
      element("tr", {}, element("th", { class: "quiet" }, "true"), ...names.map((name) => head(name, "col"))),
    ),
    element(
      "tbody",
      {},
      ...names.map((name, row) =>
        element("tr", {}, head(name, "row"), ...names.map((_, column) => cell(row, column))),
      ),
    ),
  );
  const longest = Math.max(...confusion.flat().map((samples) => exact(samples).length));
  table.style.setProperty("--digits", longest);
  const cellOf = (event) => event.target.closest("[data-cell]");
  const place = (node) => node.dataset.cell.split(",").map(Number);
  const at = ([row, column]) => table.tBodies[0].rows[row].cells[column + 1];
  let stop = at(first);
  stop.tabIndex = 0;
  table.addEventListener("pointerover", (event) => {
    const node = cellOf(event);
    if (node) tell(place(node));
  });
  // Keys and clicks move the focus, and with it the tab stop.
  table.addEventListener("focusin", (event) => {
    const node = cellOf(event);
    if (!node) return;
    stop.tabIndex = -1;
    stop = node;
    stop.tabIndex = 0;
    tell(place(node));
  });
  table.addEventListener("keydown", (event) => {
    const from = cellOf(event);
    const to = from && nextCell(event, place(from), names.length - 1);
    if (!to) return;
    event.preventDefault();
    at(to).focus();
  });
  const note = element(
    "p",
    { class: "note" },
    "Samples by true class, in rows, and predicted class. Colour is the share of the row.",
  );
  const node = element("div", {}, note, element("div", { class: "scroll whole" }, table));
  return { node, control: table, recolour() {} };
}

/** An image with a pixel for each cell, as large as there is room. */
function confusionImage(names, confusion, first, tell) {
  const count = names.length;
  const canvas = element("canvas", { width: count, height: count, "aria-hidden": "true" });
  const mark = element("span", { class: "mark" });
  const box = element(
    "div",
    {
      class: "image",
      tabindex: 0,
      role: "application",
      "aria-label": `Confusion matrix of ${exact(count)} classes: true classes in rows, predicted classes in columns`,
    },
    canvas,
    mark,
  );
  let chosen = first;
  const choose = (cell) => {
    chosen = cell;
    const [top, left] = cell.map((index) => `${(100 * index) / count}%`);
    Object.assign(mark.style, { top, left, width: `${100 / count}%`, height: `${100 / count}%` });
    tell(cell);
  };
  box.addEventListener("pointermove", (event) => {
    const edge = canvas.getBoundingClientRect();
    const index = (at, length) => Math.min(count - 1, Math.max(0, Math.floor((at / length) * count)));
    choose([index(event.clientY - edge.top, edge.height), index(event.clientX - edge.left, edge.width)]);
  });
  box.addEventListener("keydown", (event) => {
    const to = nextCell(event, chosen, count - 1);
    if (!to) return;
    event.preventDefault();
    choose(to);
  });
  choose(first);
  const recolour = () => paintCells(canvas, confusion);
  recolour();
  const note = element(
    "p",
    { class: "note" },
    "True classes from top to bottom, predicted classes from left to right. Colour grows with the square root of the share of the row.",
  );
  return { node: element("div", {}, note, box), control: box, recolour };
}

function paintCells(canvas, confusion) {
  const ink = canvas.getContext("2d");
  const colours = themeColours(["raised", "accent"]);
  const [from, to] = [colours.raised, colours.accent].map((colour) => colour.match(/[\d.]+/g).map(Number));
  const image = ink.createImageData(canvas.width, canvas.height);
  confusion.forEach((row, top) => {
    const all = sumOf(row) || 1;
    row.forEach((samples, left) => {
      const depth = Math.sqrt(samples / all);
      const at = 4 * (top * canvas.width + left);
      for (let part = 0; part < 3; part += 1)
        image.data[at + part] = from[part] + depth * (to[part] - from[part]);
      image.data[at + 3] = 255;
    });
  });
  ink.putImageData(image, 0, 0);
}

/** The most frequent confusions of two classes. */
function mostConfused(pairs, names, { by_class: byClass }) {
  const row = ({ class: label, predicted, samples }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", title: names[label] }, names[label]),
      element("td", { title: names[predicted] }, names[predicted]),
      element("td", { class: "number" }, figure(samples)),
      element("td", { class: "number" }, percent(samples / byClass[label].samples)),
    );
  const columns = [
    ["true class", ""],
    ["predicted as", ""],
    ["samples", "number"],
    ["of the class", "number"],
  ];
  const table = element(
    "table",
    { class: "confused", "data-table": "most-confused" },
    element("caption", {}, "Most frequent confusions"),
    element("thead", {}, headRow(columns)),
    element("tbody", {}, ...pairs.map(row)),
  );
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Most frequent confusions" },
    table,
  );
}
