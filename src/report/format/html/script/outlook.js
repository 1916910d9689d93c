// Memory and recomputation of other plans.

function showOutlook({ report, plan }) {
  const { outlook } = report;
  if (!outlook) return;
  byId("outlook").hidden = false;
  const body = byId("outlook-body");
  const asked = { x: plan.planned_activation_bytes, y: plan.recomputed_flops / plan.forward_flops };
  if (outlook.bound_flops !== null) {
    const bound = outlook.bound_flops / plan.forward_flops;
    body.append(
      element(
        "p",
        { class: "note" },
        `No schedule in the same memory can recompute less than ${percent(bound)} of a forward pass; this plan recomputes ${percent(asked.y)}.`,
      ),
    );
  }
  if (outlook.frontier.length > 0)
    body.append(
      element(
        "div",
        { class: "charts" },
        frontierChart(outlook, asked),
        choiceTable("Least recomputation by budget", outlook.frontier, "frontier"),
      ),
    );
  const charts = element(
    "div",
    { class: "charts" },
    choiceTable("Strategies at this micro-batch", outlook.compared, "compared"),
  );
  // A size that does not fit has a row of its own.
  const parts = outlook.micro_batches.flatMap(({ micro_batch, choices }) =>
    (choices.length > 0 ? choices : [null]).map((choice) => ({ ...choice, micro_batch })),
  );
  if (parts.length > 0) charts.append(choiceTable("Strategies by micro-batch", parts, "micro-batches"));
  body.append(charts);
}

const SHARES = [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Logarithm of a step's forward work, in forward passes: tells apart shares near zero and far above one. */
const forwardWork = (share) => Math.log1p(share);

function frontierChart(outlook, asked) {
  // By activation bytes: a plan may keep the dataset on the device, where a budget would keep it on the host.
  const point = (choice) => ({
    x: choice.planned_activation_bytes,
    y: forwardWork(choice.recomputed_share),
    label: `${exact(choice.planned_activation_bytes)} B: ${amount(choice.recomputed_layers, "layer")} recomputed`,
  });
  const others = outlook.compared.filter(({ strategy }) => !strategy.startsWith("budget-"));
  const marks = others.map((choice) => ({ ...point(choice), name: strategyName(choice.strategy) }));
  const label = `${exact(asked.x)} B, ${percent(asked.y)} recomputed`;
  if (!others.some((choice) => choice.planned_activation_bytes === asked.x)) {
    marks.push({ x: asked.x, y: forwardWork(asked.y), name: "this plan", label, isBelow: true });
  }
  return lineChart({
    title: "Recomputation as a share of a forward pass, by activation bytes; logarithmic scale",
    lines: [{ points: outlook.frontier.map(point) }],
    marks,
    x: human,
    xTicks: byteTicks,
    y: (work) => `${Math.round(100 * (Math.exp(work) - 1))} %`,
    yTicks: ([low, high]) => SHARES.map(forwardWork).filter((work) => work >= low && work <= high),
    isStepped: true,
  });
}

function choiceTable(title, choices, id) {
  const hasParts = choices.some((choice) => choice.micro_batch !== undefined);
  const row = (choice) => {
    const size = hasParts ? element("td", { class: "number" }, exact(choice.micro_batch)) : null;
    if (choice.strategy === undefined)
      return element("tr", {}, element("th", { scope: "row" }, "does not fit"), size, element("td", { colspan: 4 }));
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, strategyName(choice.strategy)),
      size,
      element("td", { class: "number", "data-field": "device" }, figure(choice.planned_peak_bytes)),
      element("td", { class: "number", "data-field": "pool" }, figure(choice.planned_activation_bytes)),
      element("td", { class: "number", "data-field": "layers" }, figure(choice.recomputed_layers)),
      element("td", { class: "number" }, percent(choice.recomputed_share)),
    );
  };
  const columns = [
    ["strategy", ""],
    ...(hasParts ? [["micro-batch", "number"]] : []),
    ["device bytes", "number"],
    ["activation bytes", "number"],
    ["recomputed layers", "number"],
    ["of a forward pass", "number"],
  ];
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    element(
      "table",
      { "data-table": id },
      element("caption", {}, title),
      element("thead", {}, headRow(columns)),
      element("tbody", {}, ...choices.map(row)),
    ),
  );
}
