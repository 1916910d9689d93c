// Values of the chain: where each action reads and writes them, and how long they are live.

/** Values that an action writes, as `{value, slot}`. */
const writes = (action) => action.writes ?? [];

/** "backward layer 4", "forward layers 3–9", "release slot 3". */
function actionName({ action, layers, slot }) {
  if (action === "release") return `release slot ${slot}`;
  return layers === undefined ? action : `${action} ${layersName({ layers })}`;
}

/** Layers that an action recomputes. */
function recomputedLayers({ action, layers }) {
  if (action !== "recompute") return [];
  return Array.from({ length: layers[1] - layers[0] }, (_, index) => layers[0] + index);
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
    for (const written of writes(action)) {
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
