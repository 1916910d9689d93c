// Table of the step's intervals, planned and counted.

function createIntervals(model, state) {
  const { parts, countedParts } = model;
  const table = byId("interval-table");
  const columns = [
    ["interval", ""],
    ["actions", "number"],
    ["planned", "number"],
  ];
  if (countedParts) columns.push(["counted", "number"], ["difference", "number"]);
  table.tHead.append(headRow([...columns, ["peak by category", "bars"]]));
  const most = Math.max(...[...parts, ...(countedParts ?? [])].map((part) => part.live_peak_bytes), 1);

  const makeRow = (part, index) => {
    const counted = countedParts?.[index];
    const isSelected = state.part === index;
    const isEntry = (state.part ?? 0) === index;
    const button = element(
      "button",
      { type: "button", "aria-pressed": isSelected, tabindex: isEntry ? 0 : -1 },
      partName(part),
    );
    const cells = [
      element("th", { scope: "row" }, button),
      element("td", { class: "number" }, span(part.actions[0], part.actions[1] - 1)),
      accountCell("planned", part.live_peak_bytes),
      ...(counted
        ? [
            accountCell("counted", counted.live_peak_bytes),
            differenceCell(counted.live_peak_bytes - part.live_peak_bytes),
          ]
        : []),
      element(
        "td",
        { class: "bars", "aria-hidden": "true" },
        bar(part, most),
        counted ? bar(counted, most) : null,
      ),
    ];
    return element("tr", { "data-part": index, "data-selected": isSelected ? "true" : null }, ...cells);
  };
  const rows = parts.map((part, index) => [part, index]);
  const shown = longTable(table.tBodies[0], byId("interval-scroll"), rows, ([part, index]) =>
    makeRow(part, index),
  );

  const focus = (index) => {
    if (index >= 0 && index < parts.length) shown.reveal(index).querySelector("button").focus();
  };
  table.addEventListener("click", (event) => {
    const row = event.target.closest("[data-part]");
    if (row) state.select(Number(row.dataset.part));
  });
  table.addEventListener("keydown", (event) => {
    const index = Number(event.target.closest("[data-part]")?.dataset.part);
    const to = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: parts.length - 1 }[event.key];
    if (event.key === "Escape") state.select(null);
    if (to === undefined || Number.isNaN(to)) return;
    event.preventDefault();
    focus(to);
  });
  state.onChange((keys) => {
    if (!keys.has("part")) return;
    markSelected(table, state.part);
    if (state.part !== null) keepInSight(byId("interval-scroll"), shown.reveal(state.part));
    showDetail(model, state.part);
    byId("spoken").textContent = state.part === null ? "" : `${partName(parts[state.part])} selected`;
  });
  showDetail(model, null);
}

/** Scrolls the table, never the page. */
function keepInSight(scroller, row) {
  const head = 32;
  if (row.offsetTop < scroller.scrollTop + head) scroller.scrollTop = row.offsetTop - head;
  const end = row.offsetTop + row.offsetHeight - scroller.clientHeight;
  if (end > scroller.scrollTop) scroller.scrollTop = end;
}

function markSelected(table, selected) {
  for (const row of table.querySelectorAll("[data-part]")) {
    const isSelected = Number(row.dataset.part) === selected;
    const button = row.querySelector("button");
    row.toggleAttribute("data-selected", isSelected);
    button.setAttribute("aria-pressed", isSelected);
    button.tabIndex = Number(row.dataset.part) === (selected ?? 0) ? 0 : -1;
  }
}

const accountCell = (account, bytes) =>
  element("td", { class: "number", "data-account": account }, figure(bytes));

const differenceCell = (bytes) =>
  element(
    "td",
    { class: bytes === 0 ? "number" : "number alarm", "data-account": "difference" },
    figure(bytes),
  );

/** A part's peak by category, in proportion to the highest of all parts. */
function bar(part, most) {
  const pieces = ACTIVATIONS.map((name) => {
    const piece = colouring(element("span"), name);
    piece.style.width = `${(100 * part.live_bytes[name]) / most}%`;
    return piece;
  });
  return element("div", { class: "bar" }, ...pieces);
}
