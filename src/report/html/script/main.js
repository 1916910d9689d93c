// Reads the report, then shows each part of it.

try {
  const model = readModel(readReport(byId("report").textContent));
  // What has no size yet cannot be drawn.
  document.body.dataset.ready = "drawing";
  const state = createState(model);
  showHeadline(model);
  showStepNote(model);
  createReadout(model, state);
  const plot = createPlot(model, state);
  switchThemes(byId("theme"), plot.recolour);
  listenToPointer(plot, model, state);
  listenToKeys(plot, model, state);
  listenToTools(model, state);
  createIntervals(model, state);
  showTotals(model);
  showLedger(model);
  showEpochs(model);
  showOutlook(model);
  document.body.dataset.ready = "true";
  document.body.dataset.readyMs = Math.round(performance.now());
} catch (error) {
  delete document.body.dataset.ready;
  byId("problem").textContent =
    `This page cannot show its report: ${error.message}. The report itself is JSON, in this file’s element with the id “report”.`;
  console.error(error);
}
