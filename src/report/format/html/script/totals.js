// Bytes by category, planned and counted, and those that the driver reports.

function showTotals({ categories, plan, run }) {
  const table = byId("totals-table");
  const columns = run
    ? [
        ["planned", "number"],
        ["counted", "number"],
        ["difference", "number"],
      ]
    : [["planned", "number"]];
  table.tHead.append(headRow([["category", ""], ...columns, ["", "number"]]));
  const row = (name, planned, counted) => {
    const cell = (account, bytes) =>
      element(
        "td",
        {
          class: bytes !== 0 && account === "difference" ? "number alarm" : "number",
          "data-category": name,
          "data-account": account,
        },
        figure(bytes),
      );
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, ...(name === "total" ? [name] : categoryLabel(name))),
      cell("planned", planned),
      ...(run ? [cell("counted", counted), cell("difference", counted - planned)] : []),
      element("td", { class: "number human" }, planned === 0 ? "" : human(planned)),
    );
  };
  const taken = categories.filter(
    (name) => plan.categories[name] > 0 || run?.memory.categories[name].counted > 0,
  );
  table.tBodies[0].append(
    ...taken.map((name) => row(name, plan.categories[name], run?.memory.categories[name].counted)),
  );
  table.tFoot.append(row("total", plan.planned_peak_bytes, run?.memory.counted_peak_bytes));
  const none = categories.filter((name) => !taken.includes(name));
  if (none.length > 0) {
    table.tFoot.append(
      element("tr", {}, element("td", { class: "quiet", colspan: 5 }, `no bytes: ${none.join(", ")}`)),
    );
  }
  if (run) showDriver(run.memory);
}

function showDriver(memory) {
  const list = element("dl", { class: "facts" });
  const reported = (bytes, id) =>
    bytes === null
      ? ["not reported"]
      : [element("span", { "data-driver": id }, ...bytesText(bytes).filter(Boolean))];
  facts(list, [
    ["Allocated by the driver", reported(memory.driver_allocated_bytes, "allocated")],
    ["Reserved by the driver", reported(memory.driver_reserved_bytes, "reserved")],
    [
      "New buffers after the first step",
      element("span", { "data-figure": "allocations" }, figure(memory.allocations_after_first_step)),
    ],
    [
      "New objects after the first step",
      element("span", { "data-figure": "objects" }, figure(memory.objects_after_first_step)),
    ],
  ]);
  byId("driver").append(list);
}
