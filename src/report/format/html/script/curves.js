// Loss and test score by epoch.

function showEpochs({ run }) {
  if (!run || run.epochs.length === 0) return;
  byId("epochs").hidden = false;
  const body = byId("epochs-body");
  const { epochs } = run;
  const last = epochs.at(-1);
  const score = testScore(epochs);
  const summary = element(
    "p",
    {},
    `After ${amount(epochs.length, "epoch")}: loss `,
    element("data", { value: last.loss, "data-figure": "loss" }, lossText(last.loss)),
    `, ${score.title} `,
    element("data", { value: last[score.key], "data-figure": score.key }, score.format(last[score.key])),
    ".",
  );
  body.append(summary);
  if (epochs.length < 2) return;
  const chart = (title, key, y) => {
    const finite = epochs.filter((epoch) => Number.isFinite(epoch[key]));
    const points = finite.map((epoch) => ({
      x: epoch.epoch,
      y: epoch[key],
      label: `epoch ${epoch.epoch}: ${y(epoch[key])}`,
    }));
    return lineChart({
      title,
      lines: [{ points }],
      x: (epoch) => (Number.isInteger(epoch) ? `${epoch}` : ""),
      y,
    });
  };
  const accuracy = (share) => `${(100 * share).toFixed(2)} %`;
  const loss = (loss) => loss.toPrecision(4);
  body.append(
    element(
      "div",
      { class: "charts" },
      chart("Loss by epoch", "loss", loss),
      chart(`${sentence(score.title)} by epoch`, score.key, score.key === "accuracy" ? accuracy : loss),
    ),
  );
}
