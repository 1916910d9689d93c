// Details of the selected interval: checkpoints held, layers recomputed, and its peak.

function showDetail(model, index) {
  const panel = byId("interval");
  panel.replaceChildren();
  if (index === null) {
    delete panel.dataset.part;
    panel.append(
      element(
        "p",
        { class: "note" },
        "Select an interval to see its checkpoints, its recomputed layers and its peak.",
      ),
    );
    return;
  }
  const part = model.parts[index];
  panel.dataset.part = index;
  panel.append(
    element("h3", {}, partName(part)),
    element("p", { class: "quiet" }, `actions ${exact(part.actions[0])}–${exact(part.actions[1] - 1)}`),
    ...heldIn(model, part),
    ...recomputedIn(model, part),
  );
  showPeak(panel, model, part, model.countedParts?.[index]);
}

/** Checkpoints that are live after any of the part's actions. */
function heldIn(model, part) {
  const [first, end] = part.actions;
  const held = model.stays.filter(
    (stay) => stay.category === "checkpoints" && stay.from < end && stay.until > first,
  );
  const bytes = held.reduce((sum, stay) => sum + stay.bytes, 0);
  const what =
    held.length === 0
      ? element("p", { "data-field": "held" }, "none")
      : element(
          "p",
          { "data-field": "held" },
          element("span", { "data-field": "held-values" }, valueRanges(held.map((stay) => stay.value))),
          ": ",
          element("data", { value: bytes, "data-field": "held-bytes" }, `${exact(bytes)} B`),
        );
  return [element("h4", {}, "Checkpoints held"), what];
}

function recomputedIn({ plan }, part) {
  const actions = plan.actions.slice(...part.actions);
  const layers = actions.flatMap(recomputedLayers).sort((a, b) => a - b);
  const flops = layers.reduce((sum, layer) => sum + plan.forward_flops_by_layer[layer], 0);
  const distinct = new Set(layers).size;
  const evaluations = layers.length > distinct ? `, ${exact(layers.length)} evaluations` : "";
  const what =
    layers.length === 0
      ? element("p", { "data-field": "recomputed" }, "none")
      : element(
          "p",
          { "data-field": "recomputed" },
          "layers ",
          element("span", { "data-field": "recomputed-layers" }, ranges(layers)),
          `${evaluations}: `,
          element("data", { value: flops, "data-field": "recomputed-flops" }, `${exact(flops)} FLOPs`),
          `, ${percent(flops / plan.forward_flops)} of a forward pass`,
        );
  return [element("h4", {}, "Recomputed"), what];
}

function showPeak(panel, model, part, counted) {
  const live = liveStays(model, part.peak_action);
  const sum = live.reduce((bytes, stay) => bytes + stay.bytes, 0);
  const row = (stay) =>
    element(
      "tr",
      { "data-value": stay.value },
      element("th", { scope: "row" }, ...categoryLabel(stay.category).slice(0, 1), stay.value),
      element("td", {}, stay.category),
      element("td", { class: "number" }, `${stay.slot}`),
      element("td", { class: "number" }, figure(stay.bytes)),
    );
  const table = element(
    "table",
    {},
    element("caption", {}, `Live at the peak: ${amount(live.length, "value")}`),
    element(
      "thead",
      {},
      headRow([
        ["value", ""],
        ["category", ""],
        ["slot", "number"],
        ["bytes", "number"],
      ]),
    ),
    element("tbody"),
    element(
      "tfoot",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "row", colspan: 3 }, "total"),
        element("td", { class: "number", "data-field": "peak-sum" }, figure(sum)),
      ),
    ),
  );
  const verdict =
    sum !== part.live_peak_bytes || (counted && counted.live_peak_bytes !== sum)
      ? element(
          "span",
          { class: "alarm" },
          ` – planned ${exact(part.live_peak_bytes)} B${counted ? `, counted ${exact(counted.live_peak_bytes)} B` : ""}`,
        )
      : counted
        ? ", planned and counted"
        : ", planned";
  const scroller = element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Values live at the peak" },
    table,
  );
  panel.append(
    element("h4", {}, "Peak"),
    element(
      "p",
      {},
      element("data", { value: sum, "data-field": "peak-bytes" }, `${exact(sum)} B`),
      verdict,
      "; set by action ",
      element("data", { value: part.peak_action, "data-field": "peak-action" }, exact(part.peak_action)),
      ", ",
      element("span", { "data-field": "peak-does" }, actionName(model.plan.actions[part.peak_action])),
    ),
    scroller,
  );
  longTable(table.tBodies[0], scroller, live, row);
}
