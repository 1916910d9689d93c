// Pointer, wheel and keys on the plot.

function listenToPointer(plot, model, state) {
  const { box } = plot;
  let pressed = null;
  const place = (event) => {
    const edge = box.getBoundingClientRect();
    return { x: event.clientX - edge.left, y: event.clientY - edge.top };
  };
  const follow = ({ x, y }) => {
    if (x < plot.left || x > plot.right) return;
    const stay = stayUnder(plot, model, x, y);
    state.set({ cursor: plot.action(x), stay });
  };

  box.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    const at = place(event);
    const isPan = event.shiftKey || event.button === 1 || event.pointerType === "touch";
    pressed = { ...at, isPan, from: state.from, low: state.low, hasMoved: false };
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (!pressed) return follow(at);
    const isInPool = pressed.y >= plot.slots.top;
    if (Math.abs(at.x - pressed.x) > 4 || (isInPool && Math.abs(at.y - pressed.y) > 4))
      pressed.hasMoved = true;
    if (!pressed.hasMoved) return;
    if (pressed.isPan) {
      const perPixel = (state.to - state.from) / (plot.right - plot.left);
      state.pan(pressed.from + (pressed.x - at.x) * perPixel - state.from);
      if (isInPool) state.panTo(pressed.low + plot.address(pressed.y) - plot.address(at.y));
    } else {
      // A drag in the pool that also goes up or down selects addresses, too.
      const isBox = isInPool && Math.abs(at.y - pressed.y) > 16;
      state.set({
        brush: {
          actions: inOrderOf(plot.at(pressed.x), plot.at(at.x)),
          addresses: isBox ? inOrderOf(plot.address(pressed.y), plot.address(at.y)) : null,
        },
      });
    }
  });
  box.addEventListener("pointerup", (event) => {
    if (!pressed) return;
    const at = place(event);
    if (pressed.hasMoved && state.brush) {
      state.look(...state.brush.actions);
      if (state.brush.addresses) state.lookAt(...state.brush.addresses);
    } else if (!pressed.hasMoved && at.y < plot.timeline.top && at.x >= plot.left) {
      state.select(model.partOf[plot.action(at.x)]);
    } else if (!pressed.hasMoved) follow(at);
    state.set({ brush: null });
    pressed = null;
  });
  box.addEventListener("pointercancel", () => {
    state.set({ brush: null });
    pressed = null;
  });
  box.addEventListener("dblclick", state.lookAtAll);
  box.addEventListener(
    "wheel",
    (event) => {
      const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
      const delta = (isSideways && event.deltaX) || event.deltaY;
      // The page scrolls when the whole step is in view already.
      if (state.to - state.from >= model.count && (isSideways || delta > 0)) return;
      event.preventDefault();
      const pixels = event.deltaMode === 1 ? delta * 16 : delta;
      if (isSideways) state.pan((pixels / (plot.right - plot.left)) * (state.to - state.from));
      else state.zoom(Math.exp(Math.max(-300, Math.min(300, pixels)) * 0.0025), plot.at(place(event).x));
    },
    { passive: false },
  );
}

const inOrderOf = (a, b) => (a < b ? [a, b] : [b, a]);

function listenToKeys(plot, model, state) {
  const nextPart = (direction) => {
    const index = Math.min(Math.max(0, model.partOf[state.cursor] + direction), model.parts.length - 1);
    state.go(model.parts[index].actions[0]);
  };
  const sideways = (direction) => (event) =>
    event.shiftKey ? nextPart(direction) : state.go(state.cursor + direction);
  const keys = {
    ArrowLeft: sideways(-1),
    ArrowRight: sideways(1),
    ArrowUp: () => state.goToValue(-1),
    ArrowDown: () => state.goToValue(1),
    PageUp: () => nextPart(-1),
    PageDown: () => nextPart(1),
    Home: () => state.go(0),
    End: () => state.go(model.count - 1),
    "+": () => state.zoom(0.5, state.cursor + 0.5),
    "=": () => state.zoom(0.5, state.cursor + 0.5),
    "-": () => state.zoom(2, state.cursor + 0.5),
    0: state.lookAtAll,
    Enter: () => state.select(model.partOf[state.cursor]),
    Escape: () => state.set({ part: null, brush: null, stay: null, cursor: model.plan.peak_action }),
  };
  plot.box.addEventListener("keydown", (event) => {
    const does = keys[event.key];
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    does(event);
    state.set({ spoken: `${state.cursor} ${state.stay?.value}` });
  });
}

function listenToTools(model, state) {
  for (const button of document.querySelectorAll("[data-scope]")) {
    button.addEventListener("click", () => state.set({ scope: button.dataset.scope }));
  }
  const zooms = {
    in: () => state.zoom(0.5),
    out: () => state.zoom(2),
    peak: () => {
      state.look(model.plan.peak_action - 20, model.plan.peak_action + 21);
      state.go(model.plan.peak_action);
    },
    all: state.lookAtAll,
  };
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", zooms[button.dataset.zoom]);
  }
}
