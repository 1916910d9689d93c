// Shows each part of a plan's or a run's report.

showPage("plan", (report) => {
  const model = readModel(report);
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
});
