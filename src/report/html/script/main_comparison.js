// Shows a comparison.

showPage(() => {
  showComparison(readReport(byId("report").textContent, "strategies"));
  switchThemes(byId("theme"), () => {});
});
