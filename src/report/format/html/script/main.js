// Shows each part of a plan's or a run's report.

showPage("plan", (report) => {
  const model = readModel(report);
  const state = createState(model);
  showHeadline(model);
  showStepNote(model);
  createReadout(model, state);
  const plot = createPlot(model, state);
  const recolourScores = showScores(report.results);
  switchThemes(byId("theme"), () => {
    plot.recolour();
    recolourScores();
  });
  listenToPointer(plot, model, state);
  listenToKeys(plot, model, state);
  listenToTools(model, state);
  createIntervals(model, state);
  showTotals(model);
  showLedger(model);
  showLearning(model);
  showOutlook(model);
});
