// The ledger: buffers allocated and freed.

function showLedger({ run }) {
  if (!run) return;
  const events = run.ledger;
  const details = byId("ledger");
  details.hidden = false;
  details.querySelector("summary").textContent = `Ledger: ${amount(events.length, "event")}`;
  const table = byId("ledger-table");
  table.tHead.append(
    headRow([
      ["label", ""],
      ["category", ""],
      ["bytes", "number"],
      ["time", "number"],
      ["event", ""],
    ]),
  );

  const list = () => {
    const wanted = byId("ledger-find").value.trim().toLowerCase();
    const matches = (event) =>
      `${event.label} ${Object.keys(event.categories).join(" ")}`.toLowerCase().includes(wanted);
    const found = wanted ? events.filter(matches) : [...events];
    if (byId("ledger-order").value === "bytes") found.sort((a, b) => b.bytes - a.bytes);
    const bytes = found.reduce((sum, event) => sum + (event.came ? event.bytes : -event.bytes), 0);
    byId("ledger-count").textContent = `${amount(found.length, "row")}, ${exact(bytes)} B still allocated`;
    byId("ledger-scroll").scrollTop = 0;
    longTable(table.tBodies[0], byId("ledger-scroll"), found, ledgerRow);
  };
  byId("ledger-find").addEventListener("input", list);
  byId("ledger-order").addEventListener("change", list);
  // Rows of closed details have no height.
  details.addEventListener("toggle", () => details.open && list());
}

function ledgerRow(event) {
  const categories = Object.entries(event.categories);
  const inside =
    categories.length === 1
      ? categoryLabel(categories[0][0])
      : categories.flatMap(([name, bytes]) => [...categoryLabel(name), ` ${exact(bytes)}  `]);
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, event.label),
    element("td", {}, ...inside),
    element("td", { class: "number" }, figure(event.bytes)),
    element("td", { class: "number" }, seconds(event.seconds)),
    element("td", { class: "quiet" }, event.came ? "allocated" : "freed"),
  );
}
