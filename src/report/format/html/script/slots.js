// The pool by address, blocks one below another: a rectangle for every value's stay.

/** Where a stay is drawn. */
function stayBox(plot, model, stay) {
  const [left, right] = inside(plot, [stay.from, stay.until]);
  const address = model.pool.blocks[stay.block].first + stay.offset;
  const top = plot.y(address);
  return { left, top, width: right - left, height: plot.y(address + stay.bytes) - top };
}

function drawSlots(ink, plot, model, state) {
  const { colours, slots } = plot;
  drawBlocks(ink, plot, model);
  text(ink, plot);
  clipToSlots(ink, plot);
  const labels = [];
  for (const name of ACTIVATIONS) {
    ink.fillStyle = colours[name];
    for (const stay of model.stays) {
      if (stay.category !== name || stay.until <= state.from || stay.from >= state.to) continue;
      const { left, top, width, height } = stayBox(plot, model, stay);
      if (top > slots.bottom || top + height < slots.top) continue;
      // A gap of a pixel between stays, where there is room for it.
      const [across, down] = [width > 5 ? 1 : 0, height > 5 ? 1 : 0];
      const [from, to] = [plot.snap(top), plot.snap(top + height)];
      ink.fillRect(left, from, Math.max(width - across, 0.75), Math.max(to - from - down, 1 / plot.ratio));
      if (height > 12 && width > 26) labels.push({ stay, left, top, width, height });
    }
  }
  for (const { stay, left, top, width, height } of labels) {
    const [kind, index] = stay.value.split(" ");
    const words = ink.measureText(stay.value).width < width - 6 ? stay.value : `${kind[0]}${index}`;
    const colour = colours[stay.category === "recomputed" ? "on-light-bar" : "on-bar"];
    centred(ink, words, left, left + width, top + height / 2, colour);
  }
  ink.restore();
  ink.strokeStyle = colours.rule;
  ink.strokeRect(plot.left - 0.5, slots.top - 0.5, plot.right - plot.left + 1, slots.bottom - slots.top + 1);
}

/** Lines between blocks, and the first addresses of those with room for a label. */
function drawBlocks(ink, plot, model) {
  text(ink, plot);
  ink.textAlign = "right";
  let lastLabel = -Infinity;
  model.pool.blocks.forEach(({ first, bytes }, index) => {
    const [top, bottom] = [Math.max(plot.slots.top, plot.y(first)), plot.y(first + bytes)];
    if (bottom <= plot.slots.top || top >= plot.slots.bottom) return;
    if (bottom - top > 5) {
      ink.fillStyle = plot.colours.rule;
      ink.fillRect(plot.left, plot.snap(top), plot.right - plot.left, 1 / plot.ratio);
    }
    if (top - lastLabel < 14 || top > plot.slots.bottom - 6) return;
    ink.fillStyle = plot.colours.quiet;
    const words = index < 1000 ? `block ${index}` : `${index}`;
    ink.fillText(words, plot.left - 6, Math.max(top, Math.min(top + 7, (top + bottom) / 2)));
    lastLabel = top;
  });
}

/** The stay that covers a point, or null. */
function stayUnder(plot, model, x, y) {
  const { top, bottom } = plot.slots;
  if (y < top || y > bottom || x < plot.left) return null;
  const address = plot.address(y);
  const action = plot.action(x);
  const covers = (stay) => {
    const start = address - stay.offset - model.pool.blocks[stay.block].first;
    return start >= 0 && start < stay.bytes;
  };
  return model.stays.find((stay) => stay.from <= action && action < stay.until && covers(stay)) ?? null;
}

/** An outline around the stay that the readout describes. */
function drawStay(ink, plot, model, state) {
  if (!state.stay || state.stay.until <= state.from || state.stay.from >= state.to) return;
  const { left, top, width, height } = stayBox(plot, model, state.stay);
  clipToSlots(ink, plot);
  ink.strokeStyle = plot.colours.ink;
  ink.lineWidth = 2;
  ink.strokeRect(left, top, Math.max(2, width), Math.max(2, height));
  ink.restore();
}

/** Clips drawing to the pool until `ink.restore()`. */
function clipToSlots(ink, plot) {
  ink.save();
  ink.beginPath();
  ink.rect(plot.left, plot.slots.top, plot.right - plot.left, plot.slots.bottom - plot.slots.top);
  ink.clip();
}
