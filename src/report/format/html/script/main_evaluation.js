// Shows each part of an evaluation.

showPage("results", (report) => {
  const { network, settings, device } = report;
  const widths = widthList(network.widths);
  document.title = `${widths} – ckpt-gpu eval`;
  byId("network").textContent = widths;
  byId("setting").textContent = [
    amount(network.widths.length - 1, "layer"),
    network.activation,
    `${network.loss} loss`,
    settings.model,
    `on ${settings.data}`,
    deviceName(device),
    `${exact(report.counted_peak_bytes)} B on the device`,
  ].join(" · ");
  byId("foot").textContent = `Written by ${report.program}, schema ${report.schema}.`;
  switchThemes(byId("theme"), showScores(report.results));
});
