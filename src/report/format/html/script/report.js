// The report that the page carries.

const SCHEMA = 5;

/** Reads the report, which must have `part`, and has `show` show it. If that fails, the page says why. */
function showPage(part, show) {
  try {
    const report = readReport(byId("report").textContent, part);
    // From here on the body is visible: what has no size cannot be drawn.
    document.body.dataset.ready = "drawing";
    show(report);
    document.body.dataset.ready = "true";
    document.body.dataset.readyMs = Math.round(performance.now());
  } catch (error) {
    delete document.body.dataset.ready;
    byId("problem").textContent =
      `This page cannot show its report: ${error.message}. The report itself is JSON, in this file’s element with the id “report”.`;
    console.error(error);
  }
}

function readReport(text, part) {
  const report = JSON.parse(text);
  if (report.schema !== SCHEMA || !report[part]) {
    throw new Error(`found schema ${report.schema}, expected schema ${SCHEMA}`);
  }
  return report;
}
