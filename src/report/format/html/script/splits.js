// Splits that a run is evaluated on, and their scores.

/** The score of evaluations on the split that they are made on: accuracy of a classifier, loss of a regression. */
function testScore(evaluations) {
  const last = evaluations.at(-1);
  const split = last?.evaluated_on ?? "test";
  return last?.accuracy === null
    ? { key: "test_loss", title: `${split} loss`, format: lossText }
    : { key: "accuracy", title: `${split} accuracy`, format: percent };
}

const sentence = (title) => title[0].toUpperCase() + title.slice(1);

const lossText = (loss) => (Number.isFinite(loss) ? loss.toPrecision(6) : "not finite");
