// Shows each part of a comparison.

showPage("strategies", (report) => {
  showComparison(report);
  switchThemes(byId("theme"), () => {});
});
