// Details of the action at the cursor and of the value under the pointer.

function createReadout(model, state) {
  const { run } = model;
  byId("action-count").textContent = exact(model.count);
  byId("at-bytes").tHead.append(
    headRow([["category", ""], ["planned", "number"], ...(run ? [["counted", "number"]] : [])]),
  );
  const show = (keys) => {
    if (keys.has("cursor") || keys.has("scope")) showAction(model, state);
    if (keys.has("cursor") || keys.has("stay")) showStay(model, state);
    if (["from", "to", "low", "high"].some((key) => keys.has(key))) showInSight(model, state);
    if (keys.has("scope")) {
      for (const button of document.querySelectorAll("[data-scope]")) {
        button.setAttribute("aria-pressed", button.dataset.scope === state.scope);
      }
    }
    if (keys.has("spoken")) speak(model, state);
  };
  state.onChange(show);
  show(new Set(["cursor", "stay", "from", "scope"]));
}

function showAction(model, state) {
  const { plan, run } = model;
  const index = state.cursor;
  const action = plan.actions[index];
  byId("readout").dataset.action = index;
  byId("at-action").value = index;
  byId("at-action").textContent = exact(index);
  const written = writes(action);
  const inSlots = (values) => values.map(({ value, slot }) => `${value} in slot ${slot}`).join(", ");
  const kept = action.keep ? ", kept" : "";
  const isPeak = index === plan.peak_action ? " – sets the peak" : "";
  const pairs = [
    ["action", element("b", { "data-field": "does" }, actionName(action) + kept), isPeak],
    ["interval", element("span", { "data-field": "part" }, partName(model.parts[model.partOf[index]]))],
  ];
  if (action.action === "release") {
    const stay = stayAt(model, action.slot, index - 1);
    pairs.push(["releases", element("span", { "data-field": "ends" }, stay ? stay.value : "nothing")]);
  } else {
    pairs.push(["reads", element("span", { "data-field": "reads" }, inSlots(action.reads))]);
    const words = written.length > 0 ? inSlots(written) : "parameters only";
    pairs.push(["writes", element("span", { "data-field": "writes" }, words)]);
    const laps = run?.laps ?? [];
    if (laps.length > 0) pairs.push(["time", ...lapTimes(laps, model.ops[index])]);
  }
  facts(byId("at-facts"), pairs);
  showBytes(model, state);
}

/** Time that the action took, in each micro-batch. */
function lapTimes(laps, op) {
  const took = laps
    .map((part) => part[op])
    .filter(Boolean)
    .map(({ start, end }) => end - start);
  return took.flatMap((time, part) => [
    part > 0 ? ", " : "",
    element("data", { value: time, "data-field": "time" }, seconds(time / 1e9)),
  ]);
}

/** The stack at the cursor, from the top, as in the plot. */
function showBytes(model, state) {
  const index = state.cursor;
  const { plan, run } = model;
  const row = (name, planned, counted) => {
    const cell = (account, bytes) =>
      element("td", { class: "number", "data-category": name, "data-account": account }, figure(bytes));
    const differs = run && planned !== counted;
    const cells = run ? [cell("planned", planned), cell("counted", counted)] : [cell("planned", planned)];
    const head = element("th", { scope: "row" }, ...(name === "total" ? [name] : categoryLabel(name)));
    return element("tr", { class: differs ? "alarm" : null }, head, ...cells);
  };
  const live = (account, rank) => (account ? account.columns[rank][index] : 0);
  const rows = ACTIVATIONS.map((name, rank) =>
    row(name, live(model.planned, rank), live(model.counted, rank)),
  );
  let [planned, counted] = [model.planned.total[index], model.counted?.total[index] ?? 0];
  if (state.scope === "everything") {
    const floors = model.beside.map((name) => {
      const both = { planned: plan.categories[name], counted: run?.memory.categories[name].counted ?? 0 };
      planned += both.planned;
      counted += both.counted;
      return row(name, both.planned, both.counted);
    });
    rows.unshift(...floors);
  }
  byId("at-bytes").tBodies[0].replaceChildren(...rows.reverse());
  byId("at-bytes").tFoot.replaceChildren(row("total", planned, counted));
}

function showStay(model, state) {
  const { stay } = state;
  const place = byId("at-slot");
  if (!stay) {
    delete place.dataset.value;
    place.replaceChildren(element("span", { class: "quiet" }, "Point at a rectangle to see its value."));
    return;
  }
  place.dataset.value = stay.value;
  place.replaceChildren(
    ...categoryLabel(stay.category).slice(0, 1),
    element("b", { "data-field": "value" }, stay.value),
    ` (${stay.category}) in `,
    element("span", { "data-field": "slot" }, `slot ${stay.slot}`),
    ", ",
    element("span", { "data-field": "block" }, `block ${stay.block}`),
    " at offset ",
    element("data", { value: stay.offset, "data-field": "offset" }, exact(stay.offset)),
    ": ",
    element("data", { value: stay.bytes, "data-field": "bytes" }, `${exact(stay.bytes)} B`),
    ", live from action ",
    element("data", { value: stay.from, "data-field": "from" }, exact(stay.from)),
    " until action ",
    element("data", { value: stay.until, "data-field": "until" }, exact(stay.until)),
  );
}

function showInSight(model, state) {
  const [first, last] = [Math.floor(state.from + 1e-9), Math.ceil(state.to - 1e-9) - 1];
  const { low, high } = state;
  const { bytes } = model.pool;
  const addresses =
    high - low < bytes
      ? `, addresses ${exact(Math.floor(low))}–${exact(Math.ceil(high))} of ${exact(bytes)}`
      : "";
  byId("in-sight").textContent =
    `actions ${exact(first)}–${exact(last)} of ${exact(model.count)}${addresses}`;
}

/** Tells screen readers of the readout, once keys rest. */
let speaking = 0;
function speak(model, state) {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const index = state.cursor;
    const part = partName(model.parts[model.partOf[index]]);
    const value = state.stay
      ? `, ${state.stay.value} in slot ${state.stay.slot}, ${exact(state.stay.bytes)} bytes`
      : "";
    byId("spoken").textContent =
      `action ${index}, ${actionName(model.plan.actions[index])}, ${part}, ${exact(model.planned.total[index])} bytes live${value}`;
  }, 200);
}
