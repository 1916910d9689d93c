// Values of the chain: where each action reads and writes them, and how long they are live.

/** What an action reads and writes, as `{value, slot}`. */
function reads({ action, layers, ...slots }, plan) {
  const depth = plan.delta_bytes.length;
  if (action === "forward" || action === "recompute") return [{ value: `state ${layers[0]}`, slot: slots.input }];
  if (action === "backward") {
    return [
      { value: `state ${layers[0]}`, slot: slots.state },
      { value: `delta ${layers[1] - 1}`, slot: slots.delta },
    ];
  }
  return action === "loss" || action === "score" ? [{ value: `state ${depth}`, slot: slots.output }] : [];
}

function writes({ action, layers, ...slots }, plan) {
  if (action === "forward" || action === "recompute")
    return { value: `state ${layers[1]}`, slot: slots.output };
  if (action === "loss") return { value: `delta ${plan.delta_bytes.length - 1}`, slot: slots.delta };
  return action === "backward" && slots.below !== null
    ? { value: `delta ${layers[0] - 1}`, slot: slots.below }
    : null;
}

/** "backward layer 4", "forward layers 3–9", "release slot 3". */
function actionName({ action, layers, slot }) {
  if (action === "release") return `release slot ${slot}`;
  return layers === undefined ? action : `${action} ${layersName({ layers })}`;
}

/** Layers that an action recomputes, into the pool or inside its kernel. */
function recomputedLayers({ action, layers }) {
  const end = { recompute: layers?.[1], backward: layers?.[1] - 1 }[action] ?? 0;
  return Array.from({ length: Math.max(0, end - (layers?.[0] ?? 0)) }, (_, index) => layers[0] + index);
}

/** Every value's stay in a slot, in order of writing. It is live after actions `from` to `until` − 1. */
function readStays(plan) {
  const tenants = plan.slots.map((slot) => new Map(slot.tenants.map((tenant) => [tenant.from_op, tenant])));
  const stays = [];
  const inSlot = new Map();
  let op = 0;
  plan.actions.forEach((action, index) => {
    if (action.action === "release") {
      const stay = inSlot.get(action.slot);
      if (stay) stay.until = index;
      inSlot.delete(action.slot);
      return;
    }
    const written = writes(action, plan);
    if (written) {
      const { value, category, bytes } = tenants[written.slot].get(op);
      const { block, offset } = plan.slots[written.slot];
      const stay = {
        value,
        category,
        bytes,
        slot: written.slot,
        block,
        offset,
        from: index,
        until: plan.actions.length,
      };
      stays.push(stay);
      inSlot.set(written.slot, stay);
    }
    op += 1;
  });
  return stays;
}

const stayAt = (model, slot, action) =>
  model.stays.find((stay) => stay.slot === slot && stay.from <= action && action < stay.until);

const liveStays = (model, action) => model.stays.filter((stay) => stay.from <= action && action < stay.until);

/** "states 10, 20, 30–33", for values of one kind. */
function valueRanges(values) {
  const byKind = { state: [], delta: [] };
  for (const value of values) {
    const [kind, index] = value.split(" ");
    byKind[kind].push(Number(index));
  }
  return Object.entries(byKind)
    .filter(([, indices]) => indices.length > 0)
    .map(
      ([kind, indices]) => `${kind}${indices.length > 1 ? "s" : ""} ${ranges(indices.sort((a, b) => a - b))}`,
    )
    .join("; ");
}

const partName = (part) => (part.part === "forward" ? "forward pass" : layersName(part));

/** "layer 4", "layers 3–9". */
const layersName = (part) => `layer${part.layers[1] - part.layers[0] > 1 ? "s" : ""} ${partLayers(part)}`;

const partLayers = (part) => span(part.layers[0], part.layers[1] - 1);
