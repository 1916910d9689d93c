// Scores of a network: of all samples, by class or output, with the confusion or predictions.

/** Shows `results`, an object for each split. Returns what recolours them when the theme changes. */
function showScores(results) {
  if (!results || results.length === 0) return () => {};
  byId("results").hidden = false;
  const shown = results.map((result) => {
    const { samples, scores, evaluated_on: split } = result;
    const title = `${split === null ? "" : `${sentence(split)} split, `}${amount(samples, "sample")}`;
    const isClassifier = scores.by_class !== undefined;
    const matrix = isClassifier ? confusionMatrix(result) : null;
    const node = element(
      "div",
      { class: "result", "data-split": split ?? "all" },
      element("h3", {}, title),
      element("dl", { class: "headline" }, ...(isClassifier ? classFigures(scores) : valueFigures(scores))),
      ...(isClassifier
        ? [...matrix.nodes, scoreTable("class", result.names, scores.by_class, CLASS_COLUMNS)]
        : [
            ...showPredictions(result),
            ...(scores.by_output.length > 1
              ? [scoreTable("output", result.names, scores.by_output, OUTPUT_COLUMNS)]
              : []),
          ]),
    );
    return { node, recolour: matrix?.recolour };
  });
  byId("results-body").append(...shown.map(({ node }) => node));
  return () => shown.forEach(({ recolour }) => recolour?.());
}

const scoreText = (score) => (score === null ? "undefined" : score.toFixed(4));

const valueText = (value) => (value === null ? "undefined" : shortNumber(value));

const CLASS_COLUMNS = [
  ["samples", "samples", exact],
  ["precision", "precision", scoreText],
  ["recall", "recall", scoreText],
  ["f1", "F1", scoreText],
  ["roc_auc", "ROC-AUC", scoreText],
  ["average_precision", "average precision", scoreText],
];

const OUTPUT_COLUMNS = [
  ["rmse", "RMSE", valueText],
  ["mae", "MAE", valueText],
  ["r2", "R²", valueText],
  ["explained_variance", "explained variance", valueText],
];

const scoreItem = (id, term, value, text, note) =>
  element(
    "div",
    { "data-score": id },
    element("dt", {}, term),
    element("dd", { class: "figure" }, element("data", { value }, text)),
    note ? element("dd", { class: "quiet" }, note) : null,
  );

function classFigures(scores) {
  const { macro, weighted } = scores;
  const item = (id, term, note) => scoreItem(id, term, scores[id], scoreText(scores[id]), note);
  return [
    item("accuracy", "Accuracy"),
    ...scores.top.map(({ k, accuracy }) =>
      scoreItem(`top-${k}`, `Top-${k} accuracy`, accuracy, scoreText(accuracy)),
    ),
    scoreItem("f1", "F1, macro mean", macro.f1, scoreText(macro.f1), `weighted ${scoreText(weighted.f1)}`),
    item("roc_auc", "ROC-AUC"),
    item("average_precision", "Average precision"),
    item("log_loss", "Log-loss"),
    item("calibration_error", "Calibration error", "in 10 bins"),
  ];
}

function valueFigures(scores) {
  const item = (id, term) => scoreItem(id, term, scores[id], valueText(scores[id]));
  return [
    item("rmse", "RMSE"),
    item("mae", "MAE"),
    item("r2", "R²"),
    item("explained_variance", "Explained variance"),
  ];
}

/** A row for each class or output. */
function scoreTable(thing, names, rows, columns) {
  const title = `Scores by ${thing}`;
  const body = element("tbody");
  const table = element(
    "table",
    { "data-table": `by-${thing}` },
    element("caption", {}, title),
    element("thead", {}, headRow([[thing, ""], ...columns.map(([, head]) => [head, "number"])])),
    body,
  );
  const scroller = element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    table,
  );
  const makeRow = (scores, index) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, names[index]),
      ...columns.map(([key, , text]) =>
        element(
          "td",
          { class: "number", "data-score": key },
          element("data", { value: scores[key] }, text(scores[key])),
        ),
      ),
    );
  body.append(...rows.map(makeRow));
  return scroller;
}
