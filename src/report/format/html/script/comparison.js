// Strategies side by side.

const ACTIVATIONS = ["checkpoints", "recomputed", "deltas", "fragmentation"];

function showComparison(report) {
  const { network, settings, strategies } = report;
  const widths = widthList(network.widths);
  document.title = `${widths} – ckpt-gpu compare`;
  byId("network").textContent = widths;
  byId("setting").textContent = [
    amount(network.widths.length - 1, "layer"),
    network.activation,
    `${network.loss} loss`,
    `batches of ${exact(settings.batch)}`,
    ...(settings.micro_batch === null ? [] : [`micro-batches of ${exact(settings.micro_batch)}`]),
    deviceName(report.device),
    amount(strategies[0].seconds.length, "run") + " each",
  ].join(" · ");
  byId("foot").textContent = `Written by ${report.program}, schema ${report.schema}. All bytes are exact.`;
  for (const node of document.querySelectorAll("[data-baseline]")) {
    node.textContent = strategyName(strategies[0].strategy);
  }
  showMemory(strategies);
  showTime(strategies);
  showEpochs({ run: strategies[0] });
  highlightTogether();
}

function showMemory(strategies) {
  const table = byId("memory-table");
  const hasDriver = strategies.some(({ memory }) => memory.driver_allocated_bytes !== null);
  table.tHead.append(
    headRow([
      ["strategy", ""],
      ["activations", "number"],
      ["by category", "bars"],
      ["planned peak", "number"],
      ["counted peak", "number"],
      ...(hasDriver
        ? [
            ["driver, allocated", "number"],
            ["reserved", "number"],
          ]
        : []),
      ["saved", "number"],
    ]),
  );
  const most = Math.max(...strategies.map((strategy) => strategy.activation_bytes));
  const makeRow = (strategy) => {
    const { memory } = strategy;
    const shares = ACTIVATIONS.map((name) => {
      const bytes = memory.categories[name].counted;
      const part = colouring(element("span", { title: `${name}: ${exact(bytes)} B` }), name);
      part.style.width = `${(100 * bytes) / most}%`;
      return part;
    });
    return strategyRow(strategy, strategies[0], [
      bytesCell("activations", strategy.activation_bytes),
      element("td", { class: "bars" }, element("div", { class: "bar" }, ...shares)),
      bytesCell("planned", memory.planned_peak_bytes),
      bytesCell("counted", memory.counted_peak_bytes),
      ...(hasDriver
        ? [
            bytesCell("driver", memory.driver_allocated_bytes),
            bytesCell("reserved", memory.driver_reserved_bytes),
          ]
        : []),
      bytesCell("saved", strategy.saved_bytes),
    ]);
  };
  table.tBodies[0].append(...strategies.map(makeRow));
  byId("memory-note").textContent = onHost(strategies);
}

/** Names the strategies whose saving is partly due to a dataset on the host, where the first one's is on the device. */
function onHost(strategies) {
  const dataset = ({ memory }) => memory.categories.dataset.counted;
  const elsewhere = strategies.filter((strategy) => dataset(strategy) < dataset(strategies[0]));
  if (elsewhere.length === 0) return "";
  const names = elsewhere.map(({ strategy }) => strategyName(strategy)).join(", ");
  return `${names}: the dataset is on the host, which saves ${exact(dataset(strategies[0]))} of the bytes and uploads every micro-batch.`;
}

function showTime(strategies) {
  const table = byId("time-table");
  const score = testScore(strategies[0].epochs);
  table.tHead.append(
    headRow([
      ["strategy", ""],
      ["median", "number"],
      ["shortest", "number"],
      ["longest", "number"],
      [`of ${strategyName(strategies[0].strategy)}`, "number"],
      ["predicted by FLOPs", "number"],
      ["recomputed layers", "number"],
      [score.title, "number"],
      ["weights", ""],
    ]),
  );
  const cell = (name, value, text) =>
    element("td", { class: "number", "data-column": name }, element("data", { value }, text));
  const scoreCell = (epoch) => cell(score.key, epoch?.[score.key], epoch ? score.format(epoch[score.key]) : "");
  const makeRow = (strategy) =>
    strategyRow(strategy, strategies[0], [
      cell("median", strategy.median_seconds, seconds(strategy.median_seconds)),
      cell("least", strategy.least_seconds, seconds(strategy.least_seconds)),
      cell("most", strategy.most_seconds, seconds(strategy.most_seconds)),
      cell("ratio", strategy.time_ratio, strategy.time_ratio.toFixed(2)),
      cell("predicted", strategy.predicted_time_ratio, strategy.predicted_time_ratio.toFixed(2)),
      cell("layers", strategy.recomputed_layers, exact(strategy.recomputed_layers)),
      scoreCell(strategy.epochs.at(-1)),
      element(
        "td",
        { class: strategy.equal_weights ? null : "alarm", "data-column": "weights" },
        strategy.equal_weights ? "equal" : "differ",
      ),
    ]);
  table.tBodies[0].append(...strategies.map(makeRow));
}

function strategyRow({ strategy, micro_batch, parts }, baseline, cells) {
  const division = parts === baseline.parts ? "" : `, ${parts} × ${exact(micro_batch)}`;
  const name = element("th", { scope: "row" }, strategyName(strategy) + division);
  return element("tr", { "data-strategy": strategy }, name, ...cells);
}

const bytesCell = (name, bytes) =>
  element("td", { class: "number", "data-column": name }, bytes === null ? "not reported" : figure(bytes));

/** Highlights every mention of the strategy under the pointer or with the focus. */
function highlightTogether() {
  const all = [...document.querySelectorAll("[data-strategy]")];
  for (const node of all) {
    const highlight = (isLit) => () => {
      for (const other of all) {
        if (other.dataset.strategy === node.dataset.strategy) other.toggleAttribute("data-lit", isLit);
      }
    };
    node.addEventListener("pointerenter", highlight(true));
    node.addEventListener("pointerleave", highlight(false));
    node.addEventListener("focus", highlight(true));
    node.addEventListener("blur", highlight(false));
  }
}
