// Loss and accuracy by epoch.

function showEpochs({ run }) {
  if (!run || run.epochs.length === 0) return;
  byId("epochs").hidden = false;
  const body = byId("epochs-body");
  const { epochs } = run;
  const last = epochs.at(-1);
  const summary = element(
    "p",
    {},
    `After ${amount(epochs.length, "epoch")}: loss `,
    element("data", { value: last.loss, "data-figure": "loss" }, last.loss?.toPrecision(6) ?? "not finite"),
    ", test accuracy ",
    element("data", { value: last.accuracy, "data-figure": "accuracy" }, percent(last.accuracy)),
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
    return lineChart({ title, points, x: (epoch) => (Number.isInteger(epoch) ? `${epoch}` : ""), y });
  };
  body.append(
    element(
      "div",
      { class: "charts" },
      chart("Loss by epoch", "loss", (loss) => loss.toPrecision(4)),
      chart("Test accuracy by epoch", "accuracy", (accuracy) => `${(100 * accuracy).toFixed(2)} %`),
    ),
  );
}
