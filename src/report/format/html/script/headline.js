// Title and headline figures.

function showHeadline(model) {
  const { report, plan, run } = model;
  const { network } = plan;
  document.title = `${widthList(network.widths)}, ${strategyName(plan.strategy)} – ckpt-gpu ${report.command}`;
  byId("kicker").textContent = `ckpt-gpu · ${run ? "training run" : "plan, not run"}`;
  byId("network").textContent = widthList(network.widths);
  const batch =
    plan.parts === 1
      ? `batches of ${exact(plan.micro_batch)}`
      : `batches of ${exact(plan.micro_batch * plan.parts)} in ${plan.parts} micro-batches of ${exact(plan.micro_batch)}`;
  byId("setting").textContent = [
    amount(network.widths.length - 1, "layer"),
    network.activation,
    `${network.loss} loss`,
    strategyName(plan.strategy),
    batch,
    deviceName(report.device),
    ...(run ? [`${amount(run.steps, "step")} in ${seconds(run.seconds)}`] : []),
  ].join(" · ");
  byId("foot").textContent =
    `Written by ${report.program}, schema ${report.schema}. All bytes are exact; KiB and MiB are 1,024 and 1,048,576 bytes.`;
  byId("headline").replaceChildren(
    ...headlineFigures(model)
      .flatMap((item) => item ?? [])
      .map(headlineItem),
  );
}

function headlineFigures({ plan, run }) {
  const memory = run?.memory;
  const off = memory ? memory.counted_peak_bytes - memory.planned_peak_bytes : 0;
  const agreement =
    off === 0
      ? element("span", { "data-agree": "true" }, "as planned, to the byte")
      : element(
          "span",
          { class: "alarm", "data-agree": "false" },
          `${exact(Math.abs(off))} B ${off > 0 ? "more" : "less"} than planned`,
        );
  const gap = plan.planned_activation_bytes - plan.planned_live_peak_bytes;
  return [
    {
      id: "planned-peak",
      term: "Planned peak",
      bytes: plan.planned_peak_bytes,
      note: ["all device memory"],
    },
    memory && {
      id: "counted-peak",
      term: "Counted peak",
      bytes: memory.counted_peak_bytes,
      note: [agreement],
    },
    {
      id: "activations",
      term: "Activations (the pool)",
      bytes: plan.planned_activation_bytes,
      note: [gap === 0 ? "all live at the peak" : `${exact(gap)} B more than are ever live`],
    },
    plan.budget_bytes !== null && {
      id: "budget",
      term: "Budget",
      bytes: plan.budget_bytes,
      note: [`${exact(plan.budget_bytes - plan.planned_peak_bytes)} B unused`],
    },
    {
      id: "recomputed",
      term: "Recomputed",
      text: percent(plan.recomputed_flops / plan.forward_flops),
      note: [`of a forward pass: ${amount(plan.recomputed_layers, "layer")}`],
    },
    memory &&
      memory.driver_allocated_bytes !== null && {
        id: "driver",
        term: "Allocated by the driver",
        bytes: memory.driver_allocated_bytes,
        note: ["reserved ", figure(memory.driver_reserved_bytes, " B")],
      },
    run &&
      run.dispatches_a_step !== null && {
        id: "dispatches",
        term: "Kernels run in a step",
        text: String(run.dispatches_a_step),
      },
    run && {
      id: "weights",
      term: "Weights, SHA-256",
      note: [element("span", { class: "hash" }, run.weights_sha256)],
      isWide: true,
    },
  ].filter(Boolean);
}

function headlineItem({ id, term, bytes, text: words, note = [], isWide }) {
  const main = bytes === undefined ? words : human(bytes);
  const lines = [];
  if (main !== undefined) lines.push(element("dd", { class: "figure" }, main));
  if (bytes !== undefined) lines.push(element("dd", {}, figure(bytes, " B")));
  if (note.length > 0) lines.push(element("dd", { class: "quiet" }, ...note));
  return element(
    "div",
    { "data-figure": id, class: isWide ? "wide" : null },
    element("dt", {}, term),
    ...lines,
  );
}

/** What the plot shows. */
function showStepNote(model) {
  const { plan, run, besideBytes } = model;
  const sentences = [];
  if (run) {
    sentences.push(
      model.differing.length === 0
        ? `The outline shows the bytes counted in the run, which equal the plan after each of the ${exact(model.count)} actions.`
        : `The outline shows the bytes counted in the run, which differ from the plan at ${amount(model.differing.length, "action")}, first at action ${exact(model.differing[0])}.`,
    );
  } else {
    sentences.push("Planned bytes; nothing was run.");
  }
  if (plan.parts > 1) sentences.push(`A step runs these actions for each of its ${plan.parts} micro-batches.`);
  if (plan.budget_bytes !== null) {
    sentences.push(
      `Buffers outside the pool take ${exact(besideBytes)} B of the budget, which leaves ${exact(plan.budget_bytes - besideBytes)} B for activations.`,
    );
  }
  sentences.push("State 0, the batch’s input, has a buffer of its own outside the pool.");
  byId("step-note").textContent = sentences.join(" ");
}
