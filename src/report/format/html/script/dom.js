// DOM elements. Text from the report only ever becomes text nodes.

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; null children are left out. */
function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function svgElement(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

let describedElements = 0;

/** Makes `words`, which it returns, the accessible description of `node`. */
function describing(node, words) {
  describedElements += 1;
  words.id = `description-${describedElements}`;
  node.setAttribute("aria-describedby", words.id);
  return words;
}

/** An exact number, which is also the element's value. */
const figure = (count, unit = "") => element("data", { value: count }, exact(count) + unit);

/** Exact bytes, and the same in a larger unit. */
const bytesText = (bytes) => [
  figure(bytes, " B"),
  bytes < 1024 ? null : element("span", { class: "human" }, ` ${human(bytes)}`),
];

/** A category's swatch and name. */
const categoryLabel = (name) => [colouring(element("span", { class: "swatch" }), name), name];

function colouring(node, name) {
  node.style.setProperty("--colour", `var(--${name}, var(--quiet))`);
  return node;
}

/** Fills a description list: each entry is a term, then its description. */
function facts(list, entries) {
  list.replaceChildren(
    ...entries.flatMap(([term, ...about]) => [element("dt", {}, term), element("dd", {}, ...about.flat())]),
  );
}

function headRow(columns) {
  const cells = columns.map(([text, kind]) => element("th", { scope: "col", class: kind }, text));
  return element("tr", {}, ...cells);
}
