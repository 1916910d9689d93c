// Live bytes after every action, stacked by category.

function drawTimeline(ink, plot, model, state) {
  const { colours, timeline } = plot;
  const isWhole = state.scope === "everything";
  const floors = isWhole ? model.beside.map((name) => ({ name, bytes: model.plan.categories[name] })) : [];
  const floor = floors.reduce((sum, { bytes }) => sum + bytes, 0);
  const lines = timelineLines(model, isWhole);
  const most = lines.reduce(
    (most, { bytes }) => Math.max(most, bytes),
    floor + model.planned.total[model.plan.peak_action],
  );
  const top = most * 1.07 || 1;
  const y = (bytes) => timeline.bottom - (bytes / top) * (timeline.bottom - timeline.top);

  drawByteAxis(ink, plot, top, y);
  // Drawn from the top of the stack down, each bar to the foot of the stack, so that no seam shows between categories.
  const runs = columnRuns(plot, state, model.planned.total);
  for (let rank = ACTIVATIONS.length - 1; rank >= 0; rank -= 1) {
    ink.fillStyle = colours[ACTIVATIONS[rank]];
    const below = model.planned.columns.slice(0, rank + 1);
    for (const { left, width, action } of runs) {
      if (model.planned.columns[rank][action] === 0) continue;
      const from = y(floor + below.reduce((sum, column) => sum + column[action], 0));
      ink.fillRect(left, from, width, timeline.bottom - from);
    }
  }
  drawFloors(ink, plot, floors, y);
  if (model.counted) drawCounted(ink, plot, model, state, (bytes) => y(floor + bytes));
  drawLines(ink, plot, lines, y);
  drawPeak(ink, plot, model, state, y(floor + model.planned.total[model.plan.peak_action]));
}

/** Lines at the planned peak and at the budget, unless that is far above the peak. */
function timelineLines(model, isWhole) {
  const { plan, besideBytes } = model;
  const peak = isWhole ? plan.planned_peak_bytes : plan.planned_activation_bytes;
  const lines = [
    { name: isWhole ? "planned peak" : "planned pool", bytes: peak, colour: "ink", isDashed: true },
  ];
  if (plan.budget_bytes !== null) {
    const bytes = plan.budget_bytes - (isWhole ? 0 : besideBytes);
    const name = isWhole ? "budget" : "budget minus buffers outside the pool";
    if (bytes < 2 * peak) lines.push({ name, bytes, colour: "alarm" });
  }
  return lines;
}

/** Runs of device pixels with one action. Where several actions share a pixel, it is the one with the most bytes. */
function columnRuns(plot, state, totals) {
  const columns = Math.round((plot.right - plot.left) * plot.ratio);
  const perColumn = (state.to - state.from) / columns;
  const runs = [];
  for (let column = 0; column < columns; column += 1) {
    const action = highest(totals, state.from + column * perColumn, state.from + (column + 1) * perColumn);
    const last = runs.at(-1);
    if (last && last.action === action) last.width += 1 / plot.ratio;
    else runs.push({ left: plot.left + column / plot.ratio, width: 1 / plot.ratio, action });
  }
  return runs;
}

function highest(totals, from, to) {
  let best = Math.min(totals.length - 1, Math.floor(from + 1e-9));
  const end = Math.min(totals.length, Math.ceil(to - 1e-9));
  for (let action = best + 1; action < end; action += 1) if (totals[action] > totals[best]) best = action;
  return best;
}

function drawByteAxis(ink, plot, top, y) {
  text(ink, plot);
  for (const bytes of byteTicks([0, top], 5)) {
    ink.fillStyle = plot.colours.rule;
    ink.fillRect(plot.left, plot.snap(y(bytes)), plot.right - plot.left, 1 / plot.ratio);
    ink.fillStyle = plot.colours.quiet;
    ink.textAlign = "right";
    ink.fillText(bytes === 0 ? "0" : human(bytes), plot.left - 6, y(bytes));
  }
}

/** Buffers outside the pool, with names where there is room. */
function drawFloors(ink, plot, floors, y) {
  let base = 0;
  for (const { name, bytes } of floors) {
    const [top, bottom] = [y(base + bytes), y(base)];
    ink.fillStyle = plot.colours[name];
    ink.fillRect(plot.left, top, plot.right - plot.left, bottom - top);
    if (bottom - top > 1.5) {
      ink.fillStyle = plot.colours.paper;
      ink.fillRect(plot.left, top, plot.right - plot.left, 1 / plot.ratio);
    }
    if (bottom - top > 13) {
      ink.fillStyle = plot.colours["on-bar"];
      ink.textAlign = "left";
      ink.fillText(name, plot.left + 8, (top + bottom) / 2);
    }
    base += bytes;
  }
}

/** Counted bytes as an outline, which leaves the stack's edge where plan and run differ. */
function drawCounted(ink, plot, model, state, y) {
  ink.strokeStyle = plot.colours.ink;
  ink.lineWidth = 1;
  ink.beginPath();
  for (const { left, width, action } of columnRuns(plot, state, model.counted.total)) {
    const at = y(model.counted.total[action]);
    ink.lineTo(left, at);
    ink.lineTo(left + width, at);
  }
  ink.stroke();
  ink.fillStyle = plot.colours.alarm;
  for (const action of model.differing) {
    const [left, right] = inside(plot, [action, action + 1]);
    if (right > left) ink.fillRect(left, plot.timeline.top, Math.max(2, right - left), 5);
  }
}

function drawLines(ink, plot, lines, y) {
  text(ink, plot);
  for (const { name, bytes, colour, isDashed } of lines) {
    const at = plot.snap(y(bytes));
    ink.strokeStyle = plot.colours[colour];
    ink.setLineDash(isDashed ? [5, 3] : []);
    ink.lineWidth = 1;
    ink.beginPath();
    ink.moveTo(plot.left, at);
    ink.lineTo(plot.right, at);
    ink.stroke();
    ink.setLineDash([]);
    const words = `${name} ${exact(bytes)} B`;
    const width = ink.measureText(words).width;
    // Above its line, unless another line is there.
    const isBelow = lines.some((other) => other.bytes > bytes && at - y(other.bytes) < 18);
    const middle = isBelow ? at + 9 : at - 8;
    ink.fillStyle = plot.colours.paper;
    ink.globalAlpha = 0.82;
    ink.fillRect(plot.right - width - 8, middle - 7, width + 6, 14);
    ink.globalAlpha = 1;
    ink.fillStyle = plot.colours[colour];
    ink.fillText(words, plot.right - width - 5, middle);
  }
}

/** A wedge on the action that sets the peak. */
function drawPeak(ink, plot, model, state, y) {
  const action = model.plan.peak_action;
  if (action + 1 <= state.from || action >= state.to) return;
  const x = plot.x(action + 0.5);
  ink.fillStyle = plot.colours.ink;
  ink.beginPath();
  ink.moveTo(x, y - 1);
  ink.lineTo(x - 5, y - 9);
  ink.lineTo(x + 5, y - 9);
  ink.fill();
}
