// View, cursor and selection. Listeners are told of changes once per frame.

/** Fewest actions in view. */
const CLOSEST = 6;

function createState(model) {
  const listeners = [];
  const changed = new Set();
  const state = {
    /** Range of actions in view; the ends may lie within an action. */
    from: 0,
    to: model.count,
    /** Range of pool addresses in view. */
    low: 0,
    high: model.pool.bytes,
    /** The action that the readout describes. */
    cursor: model.plan.peak_action,
    /** The stay that the readout describes, or null. */
    stay: null,
    /** Index of the selected part of the step, or null. */
    part: null,
    scope: "activations",
    /** Range being dragged over: two positions in actions, and two addresses or null. */
    brush: null,
    /** What screen readers were last told of. */
    spoken: "",
  };

  /** Makes changes, and tells listeners of them before the next frame. */
  const set = (changes) => {
    const keys = Object.keys(changes).filter((key) => state[key] !== changes[key]);
    if (keys.length === 0) return;
    Object.assign(state, changes);
    if (changed.size === 0) requestAnimationFrame(tell);
    keys.forEach((key) => changed.add(key));
  };
  const tell = () => {
    const keys = new Set(changed);
    changed.clear();
    listeners.forEach((listener) => listener(keys));
  };

  const look = (from, to) => {
    const length = Math.min(model.count, Math.max(to - from, CLOSEST));
    const start = Math.min(Math.max(0, (from + to - length) / 2), model.count - length);
    set({ from: start, to: start + length });
  };
  const lookAt = (low, high) => {
    const length = Math.min(model.pool.bytes, Math.max(high - low, 64));
    const start = Math.min(Math.max(0, (low + high - length) / 2), model.pool.bytes - length);
    set({ low: start, high: start + length });
  };
  return Object.assign(state, {
    set,
    look,
    lookAt,
    lookAtAll() {
      look(0, model.count);
      lookAt(0, model.pool.bytes);
    },
    onChange: (listener) => listeners.push(listener),
    zoom(factor, around = (state.from + state.to) / 2) {
      const length = Math.min(model.count, Math.max(CLOSEST, (state.to - state.from) * factor));
      const from = around - ((around - state.from) * length) / (state.to - state.from);
      look(from, from + length);
    },
    pan(actions) {
      const start = Math.min(Math.max(0, state.from + actions), model.count - (state.to - state.from));
      set({ from: start, to: start + state.to - state.from });
    },
    /** Moves the view of the pool to start at an address. */
    panTo(low) {
      const start = Math.min(Math.max(0, low), model.pool.bytes - (state.high - state.low));
      set({ low: start, high: start + state.high - state.low });
    },
    /** Moves the cursor, and the view if it would leave it. */
    go(action) {
      const cursor = Math.min(Math.max(0, action), model.count - 1);
      set({ cursor, stay: null });
      if (cursor < state.from) state.pan(cursor - state.from);
      if (cursor + 1 > state.to) state.pan(cursor + 1 - state.to);
    },
    /** Goes to the next value in the pool after the cursor's action, up or down by address. */
    goToValue(direction) {
      const address = (stay) => model.pool.blocks[stay.block].first + stay.offset;
      const live = liveStays(model, state.cursor).sort((a, b) => address(a) - address(b));
      if (live.length === 0) return;
      const before = state.stay ? live.indexOf(state.stay) : direction > 0 ? -1 : live.length;
      const stay = live[Math.min(Math.max(0, before + direction), live.length - 1)];
      set({ stay });
      const [first, end] = [address(stay), address(stay) + stay.bytes];
      const move = first < state.low ? first - state.low : Math.max(0, end - state.high);
      if (move !== 0) state.panTo(state.low + move);
    },
    select(index) {
      set({ part: index });
      if (index === null) return;
      const part = model.parts[index];
      const margin = Math.max(2, (part.actions[1] - part.actions[0]) * 0.15);
      look(part.actions[0] - margin, part.actions[1] + margin);
      set({ cursor: part.peak_action, stay: null });
    },
  });
}
