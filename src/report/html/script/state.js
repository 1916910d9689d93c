// What is in sight and under the cursor; everything that shows it is told once a frame.

/** The least number of actions in sight. */
const CLOSEST = 6;

function createState(model) {
  const listeners = [];
  const changed = new Set();
  const state = {
    /** Which actions are in sight: from one position to another, in actions. */
    from: 0,
    to: model.count,
    /** The action that the readout tells of. */
    cursor: model.plan.peak_action,
    /** The value's stay that it tells of. */
    stay: null,
    /** The selected part of the step. */
    part: null,
    scope: "activations",
    /** The range being dragged over. */
    brush: null,
  };

  /** Tells listeners of changes before the next frame is drawn. */
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
  return Object.assign(state, {
    set,
    look,
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
    /** Moves the cursor, and what is in sight with it. */
    go(action) {
      const cursor = Math.min(Math.max(0, action), model.count - 1);
      set({ cursor, stay: null });
      if (cursor < state.from) state.pan(cursor - state.from);
      if (cursor + 1 > state.to) state.pan(cursor + 1 - state.to);
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
