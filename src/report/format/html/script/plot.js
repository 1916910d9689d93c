// The plot: a base canvas, and an overlay for what follows the pointer.

const LEFT = 62;
const STRIP = 17;

function createPlot(model, state) {
  const box = byId("plot");
  const layers = [byId("base"), byId("overlay")].map((canvas) => ({ canvas, ink: canvas.getContext("2d") }));
  const colourNames = [
    ...model.categories,
    "ink",
    "quiet",
    "rule",
    "band",
    "accent",
    "selected",
    "alarm",
    "paper",
    "on-bar",
    "on-light-bar",
  ];
  const plot = { box, colours: themeColours(colourNames) };

  const measure = () => {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [box.clientWidth, box.clientHeight];
    for (const { canvas, ink } of layers) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    const top = 2 * STRIP + 4;
    const middle = top + Math.round((height - top) * 0.52);
    Object.assign(plot, {
      ratio,
      width,
      height,
      left: LEFT,
      right: width - 1,
      timeline: { top, bottom: middle },
      slots: { top: middle + 26, bottom: height - 8 },
    });
  };

  Object.assign(plot, {
    x: (action) => plot.left + ((action - state.from) / (state.to - state.from)) * (plot.right - plot.left),
    at: (x) => state.from + ((x - plot.left) / (plot.right - plot.left)) * (state.to - state.from),
    /** The action under `x`. */
    action: (x) => Math.min(model.count - 1, Math.max(0, Math.floor(plot.at(x)))),
    y: (address) =>
      plot.slots.top +
      ((address - state.low) / (state.high - state.low)) * (plot.slots.bottom - plot.slots.top),
    /** The pool's address at `y`. */
    address: (y) =>
      state.low + ((y - plot.slots.top) / (plot.slots.bottom - plot.slots.top)) * (state.high - state.low),
    /** Rounds to device pixels, so that edges are sharp. */
    snap: (x) => Math.round(x * plot.ratio) / plot.ratio,
    recolour() {
      plot.colours = themeColours(colourNames);
      draw();
    },
  });

  const drawBase = () => {
    const { ink } = layers[0];
    ink.clearRect(0, 0, plot.width, plot.height);
    drawBands(ink, plot, model, state);
    drawTimeline(ink, plot, model, state);
    drawActionAxis(ink, plot, state);
    drawSlots(ink, plot, model, state);
    drawInSight(ink, plot, model, state);
    Object.assign(box.dataset, {
      from: state.from,
      to: state.to,
      low: state.low,
      high: state.high,
      left: plot.left,
      right: plot.right,
      timelineTop: plot.timeline.top,
      slotsTop: plot.slots.top,
      slotsBottom: plot.slots.bottom,
    });
  };
  const drawOverlay = () => {
    const { ink } = layers[1];
    ink.clearRect(0, 0, plot.width, plot.height);
    drawStay(ink, plot, model, state);
    drawCursor(ink, plot, state);
  };
  const draw = () => {
    drawBase();
    drawOverlay();
  };

  state.onChange((keys) => {
    if (["from", "to", "low", "high", "part", "scope"].some((key) => keys.has(key))) drawBase();
    drawOverlay();
  });
  new ResizeObserver(() => {
    measure();
    draw();
  }).observe(box);
  measure();
  draw();
  return plot;
}

/** Alternating bands behind the parts of the step, their names above them, and the passes above these. */
function drawBands(ink, plot, model, state) {
  const { colours } = plot;
  const [top, bottom] = [2 * STRIP + 2, plot.slots.bottom];
  text(ink, plot);
  model.parts.forEach((part, index) => {
    if (part.actions[1] <= state.from || part.actions[0] >= state.to) return;
    const [left, right] = inside(plot, part.actions);
    const fill = index === state.part ? colours.selected : index % 2 === 1 ? colours.band : null;
    if (fill) {
      ink.fillStyle = fill;
      ink.fillRect(left, top, right - left, plot.timeline.bottom - top);
      ink.fillRect(left, plot.slots.top, right - left, bottom - plot.slots.top);
    }
    ink.fillStyle = index === state.part ? colours.accent : colours.rule;
    ink.fillRect(left, top - 3, Math.max(right - left - 1, 0.5), 2);
    if (part.part !== "forward")
      centred(
        ink,
        partLayers(part),
        left,
        right,
        1.5 * STRIP,
        index === state.part ? colours.accent : colours.quiet,
      );
  });
  const turn = model.parts.find((part) => part.part !== "forward")?.actions[0] ?? model.count;
  const isJoined = model.plan.actions.some(({ action }) => action === "forward-backward");
  const last = isJoined ? "last layers forward, and backward pass" : "backward pass";
  for (const [name, range] of [
    ["forward pass", [0, turn]],
    [`${last}, by interval’s layers`, [turn, model.count]],
  ]) {
    if (range[0] >= state.to || range[1] <= state.from) continue;
    const [left, right] = inside(plot, range);
    const isFitting = centred(ink, name, left, right, STRIP / 2, colours.ink);
    if (!isFitting) centred(ink, name.split(" ")[0], left, right, STRIP / 2, colours.ink);
  }
  if (turn > state.from && turn < state.to) {
    ink.fillStyle = colours.quiet;
    ink.fillRect(plot.snap(plot.x(turn)), 2, 1, plot.timeline.bottom - 2);
  }
}

/** Indices of actions, between timeline and slots. */
function drawActionAxis(ink, plot, state) {
  text(ink, plot);
  ink.fillStyle = plot.colours.quiet;
  const count = Math.max(2, (plot.right - plot.left) / 90);
  for (const action of ticks([state.from, state.to], count).filter(Number.isInteger)) {
    const x = plot.x(action);
    if (x > plot.right - 16) continue;
    ink.fillRect(plot.snap(x), plot.timeline.bottom, 1, 4);
    ink.textAlign = x < plot.left + 12 ? "left" : "center";
    ink.fillText(exact(action), x, plot.timeline.bottom + 13);
  }
  ink.textAlign = "right";
  ink.fillText("action", plot.left - 6, plot.timeline.bottom + 13);
}

/** A bar that shows which part of the step is in view. */
function drawInSight(ink, plot, model, state) {
  const share = (plot.right - plot.left) / model.count;
  if (state.to - state.from >= model.count) return;
  ink.fillStyle = plot.colours.rule;
  ink.fillRect(plot.left, plot.height - 4, plot.right - plot.left, 3);
  ink.fillStyle = plot.colours.accent;
  ink.fillRect(
    plot.left + state.from * share,
    plot.height - 4,
    Math.max(3, (state.to - state.from) * share),
    3,
  );
}

function drawCursor(ink, plot, state) {
  const [left, right] = inside(plot, [state.cursor, state.cursor + 1]);
  if (right > left) {
    ink.fillStyle = plot.colours.ink;
    const width = Math.max(1, right - left);
    ink.globalAlpha = 0.14;
    if (width > 2) ink.fillRect(left, plot.timeline.top, width, plot.slots.bottom - plot.timeline.top);
    ink.globalAlpha = 1;
    ink.fillRect(plot.snap(left), plot.timeline.top, 1, plot.slots.bottom - plot.timeline.top);
  }
  if (state.brush) {
    const [from, to] = inside(plot, state.brush.actions);
    const [top, bottom] = state.brush.addresses?.map(plot.y) ?? [plot.timeline.top, plot.slots.bottom];
    ink.strokeStyle = ink.fillStyle = plot.colours.accent;
    ink.globalAlpha = 0.18;
    ink.fillRect(from, top, to - from, bottom - top);
    ink.globalAlpha = 1;
    ink.strokeRect(from, top, to - from, bottom - top);
  }
}

/** Left and right edge of a range of actions, clipped to the view. */
const inside = (plot, range) =>
  range.map((action) => Math.min(plot.right, Math.max(plot.left, plot.x(action))));

function text(ink, plot) {
  ink.font = `11px ${getComputedStyle(plot.box).fontFamily}`;
  ink.textBaseline = "middle";
  ink.textAlign = "left";
}

/** Writes between `left` and `right` if there is room; returns whether there was. */
function centred(ink, words, left, right, y, colour) {
  if (ink.measureText(words).width > right - left - 4) return false;
  ink.fillStyle = colour;
  ink.textAlign = "center";
  ink.fillText(words, (left + right) / 2, y);
  ink.textAlign = "left";
  return true;
}
