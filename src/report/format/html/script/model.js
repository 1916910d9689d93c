// The report in the arrays that the page draws from.

/** Categories of the pool's values, in stacking order from the bottom. */
const ACTIVATIONS = ["checkpoints", "recomputed", "deltas"];

/** All categories, in the order in which reports list them. */
const CATEGORIES = [
  "parameters",
  "optimizer",
  "gradients",
  ...ACTIVATIONS,
  "fragmentation",
  "batch",
  "dataset",
  "workspace",
  "staging",
];

/** Categories of the pool, including its fragmentation. */
const POOL = new Set([...ACTIVATIONS, "fragmentation"]);

function readModel(report) {
  const { plan, run } = report;
  const categories = inOrder(plan.categories);
  const beside = categories.filter((name) => !POOL.has(name) && plan.categories[name] > 0);
  const planned = readLive(plan.live_bytes);
  const counted = run ? readLive(run.live_bytes) : null;
  const parts = plan.interval_peaks;
  return {
    report,
    plan,
    run,
    count: plan.actions.length,
    categories,
    beside,
    besideBytes: plan.planned_peak_bytes - plan.planned_activation_bytes,
    planned,
    counted,
    differing: counted ? differing(planned, counted) : [],
    parts,
    countedParts: run ? run.memory.intervals.counted : null,
    partOf: partOf(parts, plan.actions.length),
    ops: numberOps(plan.actions),
    stays: readStays(plan),
    pool: readPool(plan),
  };
}

/** Known categories in their order, then any others. */
const inOrder = (byCategory) => [
  ...CATEGORIES.filter((name) => name in byCategory),
  ...Object.keys(byCategory).filter((name) => !CATEGORIES.includes(name)),
];

/** Live bytes after each action: a column for each category, and their sums. */
function readLive(columns) {
  const total = Float64Array.from(columns[ACTIVATIONS[0]], (_, index) =>
    ACTIVATIONS.reduce((sum, name) => sum + columns[name][index], 0),
  );
  return { columns: ACTIVATIONS.map((name) => columns[name]), total };
}

function differing(planned, counted) {
  const differs = (index) =>
    planned.columns.some((column, row) => column[index] !== counted.columns[row][index]);
  return [...planned.total.keys()].filter(differs);
}

/** Index of each action's part of the step. */
function partOf(parts, count) {
  const owner = new Int32Array(count);
  parts.forEach((part, index) => owner.fill(index, part.actions[0], part.actions[1]));
  return owner;
}

/** Index of each action among those that are not releases. A release has the index of the next action. */
function numberOps(actions) {
  let op = 0;
  return Int32Array.from(actions, ({ action }) => (action === "release" ? op : op++));
}

/** Each block of the pool with its first address. The batch's input, in a block of its own, is outside the pool. */
function readPool(plan) {
  const blocks = [];
  let bytes = 0;
  plan.blocks.forEach((block, index) => {
    if (block.at_peak.batch) return;
    blocks[index] = { first: bytes, bytes: block.bytes };
    bytes += block.bytes;
  });
  return { blocks, bytes };
}
