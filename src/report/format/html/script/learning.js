// Learning curves: loss and accuracy by step, on the training and the held-out split.

function showLearning({ run }) {
  if (!run || run.evaluations.length === 0) return;
  byId("learning").hidden = false;
  const { evaluations, best } = run;
  const last = evaluations.at(-1);
  const score = testScore(evaluations);
  const body = byId("learning-body");
  const value = (key, text) => element("data", { value: last[key], "data-figure": key }, text);
  body.append(
    element(
      "p",
      {},
      `After ${amount(last.steps, "step")}: training loss `,
      value("loss", lossText(last.loss)),
      ` since the evaluation before, ${score.title} `,
      value(score.key, score.format(last[score.key])),
      ".",
      best
        ? ` The result is the parameters after ${amount(best.steps, "step")}, the best by ${best.metric}.`
        : "",
    ),
  );
  if (evaluations.length < 2) return;
  const charts = [lossChart(evaluations, best)];
  if (last.accuracy !== null) charts.push(accuracyChart(evaluations, best));
  body.append(element("div", { class: "charts" }, ...charts));
}

function lossChart(evaluations, best) {
  const split = evaluations.at(-1).evaluated_on;
  const keys = [
    { key: "loss", name: "training steps, mean since the evaluation before", colour: "training" },
    { key: "training_loss", name: "training split", colour: "training", isDashed: true },
    { key: "test_loss", name: splitName(split), colour: "held-out" },
  ];
  const losses = evaluations.flatMap((evaluation) =>
    keys.map(({ key }) => evaluation[key]).filter(Number.isFinite),
  );
  const [least, most] = extent(losses);
  const isLogarithmic = least > 0 && most > 100 * least;
  const figure = (loss) => shortNumber(loss, 4);
  const title = `Loss by step${isLogarithmic ? "; logarithmic scale" : ""}`;
  if (!isLogarithmic) return learningChart(title, keys, evaluations, best, figure);
  return learningChart(title, keys, evaluations, best, figure, {
    to: Math.log10,
    from: (power) => 10 ** power,
    yTicks: powers,
  });
}

/** Powers of ten in a range of exponents, or every other one, and so on, to have at most six. */
function powers([low, high]) {
  const step = Math.ceil((high - low) / 6);
  return multiples(low, high, step);
}

function accuracyChart(evaluations, best) {
  const split = evaluations.at(-1).evaluated_on;
  const keys = [
    { key: "training_accuracy", name: "training split", colour: "training", isDashed: true },
    { key: "accuracy", name: splitName(split), colour: "held-out" },
  ];
  return learningChart(
    "Accuracy by step",
    keys,
    evaluations,
    best,
    (share) => `${(100 * share).toFixed(2)} %`,
  );
}

const splitName = (split) => (split === "training" ? "training split, evaluated" : `${split} split`);

const LINEAR = { to: (value) => value, from: (value) => value, yTicks: (range) => ticks(range, 6) };

/** A line for each key that evaluations have; the last one is of the held-out split. */
function learningChart(title, keys, evaluations, best, figure, { to, from, yTicks } = LINEAR) {
  const held = keys.at(-1);
  const place = (evaluation, { key, name }) => ({
    x: evaluation.steps,
    y: to(evaluation[key]),
    label: `${name}, step ${exact(evaluation.steps)}: ${figure(evaluation[key])}`,
  });
  const lines = keys.map((line) => ({
    ...line,
    points: evaluations
      .filter((evaluation) => Number.isFinite(evaluation[line.key]))
      .map((evaluation) => place(evaluation, line)),
  }));
  const kept = evaluations.filter(({ steps }) => steps === best?.steps);
  const reading = (evaluation) => {
    const told = keys.filter(({ key }) => Number.isFinite(evaluation[key]));
    const figures = told.map(({ key, name }) => `${name} ${figure(evaluation[key])}`);
    const isBest = evaluation.steps === best?.steps ? "; kept as the best" : "";
    return `Step ${exact(evaluation.steps)}, epoch ${exact(evaluation.epoch)}: ${figures.join("; ")}${isBest}`;
  };
  return lineChart({
    title,
    lines: lines.filter(({ points }) => points.length > 0),
    marks: kept.slice(-1).map((evaluation) => ({ ...place(evaluation, held), name: "best" })),
    readings: evaluations.map((evaluation) => ({ x: evaluation.steps, text: reading(evaluation) })),
    x: exact,
    xTicks: (range) => ticks(range, 6).filter(Number.isInteger),
    y: (value) => figure(from(value)),
    yTicks,
  });
}
