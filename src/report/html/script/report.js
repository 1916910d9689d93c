// The report that the page carries.

const SCHEMA = 2;

/** The report in `text`, which must have `part`. */
function readReport(text, part = "plan") {
  const report = JSON.parse(text);
  if (report.schema !== SCHEMA || !report[part]) {
    throw new Error(`its report has schema ${report.schema}, and this page knows schema ${SCHEMA}`);
  }
  return report;
}

/** Does `show`, and says in words what keeps the page from being shown. */
function showPage(show) {
  try {
    // What has no size yet cannot be drawn.
    document.body.dataset.ready = "drawing";
    show();
    document.body.dataset.ready = "true";
    document.body.dataset.readyMs = Math.round(performance.now());
  } catch (error) {
    delete document.body.dataset.ready;
    byId("problem").textContent =
      `This page cannot show its report: ${error.message}. The report itself is JSON, in this file’s element with the id “report”.`;
    console.error(error);
  }
}
