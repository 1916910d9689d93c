"""Scores random outputs with scikit-learn, for tests/device/scores.rs.

    python3 generate.py    writes golden.json beside this file

The calibration error has no function in scikit-learn: it is computed from numpy's histogram.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics

warnings.filterwarnings("ignore")
rng = np.random.default_rng(4)


def calibration_error(probabilities, labels):
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    bins = np.ceil(confidence * 10).astype(int).clip(1, 10)
    error = 0.0
    for number in range(1, 11):
        inside = bins == number
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - (predicted == labels)[inside].mean())
    return error


def classes(name, loss, outputs, labels, count):
    """`outputs` `[samples, outputs]` of a network for `count` classes."""
    outputs = outputs.astype(np.float32).astype(np.float64)
    everything = list(range(count))
    if outputs.shape[1] == 1:
        threshold = 0.0 if loss == "binary-cross-entropy" else 0.5
        predicted = (outputs[:, 0] > threshold).astype(int)
        probability = 1 / (1 + np.exp(-outputs[:, 0]))
        probabilities = np.stack([1 - probability, probability], axis=1)
        ranked = np.stack([-outputs[:, 0], outputs[:, 0]], axis=1)
    else:
        predicted = outputs.argmax(axis=1)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        probabilities = ranked = powers / powers.sum(axis=1, keepdims=True)
    is_of = [labels == label for label in everything]
    each = metrics.precision_recall_fscore_support(labels, predicted, labels=everything, zero_division=0)
    auc = [metrics.roc_auc_score(own, ranked[:, c]) if 0 < own.sum() < len(own) else None for c, own in enumerate(is_of)]
    precision = [metrics.average_precision_score(own, ranked[:, c]) if own.any() else None for c, own in enumerate(is_of)]
    mean = lambda scores: None if None in scores else scores[-1] if count == 2 else float(np.mean(scores))
    average = lambda kind: dict(
        zip(
            ("precision", "recall", "f1"),
            metrics.precision_recall_fscore_support(labels, predicted, average=kind, zero_division=0)[:3],
        )
    )
    are_probabilities = loss == "cross-entropy" or (loss == "binary-cross-entropy" and outputs.shape[1] == 1)
    expected = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "top": [
            {"k": k, "accuracy": metrics.top_k_accuracy_score(labels, outputs, k=k, labels=everything)}
            for k in (2, 3, 5)
            if k < outputs.shape[1]
        ],
        "macro": average("macro"),
        "weighted": average("weighted"),
        "roc_auc": mean(auc),
        "average_precision": mean(precision),
        "log_loss": metrics.log_loss(labels, probabilities, labels=everything) if are_probabilities else None,
        "calibration_error": calibration_error(probabilities, labels) if are_probabilities else None,
        "by_class": [
            {
                "samples": int(own.sum()),
                "precision": each[0][c],
                "recall": each[1][c],
                "f1": each[2][c],
                "roc_auc": auc[c],
                "average_precision": precision[c],
            }
            for c, own in enumerate(is_of)
        ],
        "confusion": metrics.confusion_matrix(labels, predicted, labels=everything).tolist(),
    }
    return {"name": name, "loss": loss, "width": outputs.shape[1], "outputs": outputs.ravel().tolist(), "labels": labels.tolist(), "scores": expected}


def values(name, loss, outputs, targets):
    outputs, targets = (array.astype(np.float32).astype(np.float64) for array in (outputs, targets))
    answers = 1 / (1 + np.exp(-outputs)) if loss == "binary-cross-entropy" else outputs
    each = lambda score: score(targets, answers, multioutput="raw_values").tolist()
    mse, mae = each(metrics.mean_squared_error), each(metrics.mean_absolute_error)
    vary = (targets != targets[0]).any(axis=0)
    only = lambda scores: [score if v else None for score, v in zip(scores, vary)]
    r2, explained = only(each(metrics.r2_score)), only(each(metrics.explained_variance_score))
    mean = lambda scores: float(np.mean([score for score in scores if score is not None]))
    expected = {
        "mse": float(np.mean(mse)),
        "rmse": float(np.sqrt(np.mean(mse))),
        "mae": float(np.mean(mae)),
        "r2": mean(r2),
        "explained_variance": mean(explained),
        "by_output": [
            {"mse": m, "rmse": float(np.sqrt(m)), "mae": a, "r2": r, "explained_variance": e}
            for m, a, r, e in zip(mse, mae, r2, explained)
        ],
    }
    return {"name": name, "loss": loss, "width": outputs.shape[1], "outputs": outputs.ravel().tolist(), "targets": targets.ravel().tolist(), "scores": expected}


def logits(samples, width, labels, signal=1.5):
    outputs = rng.normal(size=(samples, width))
    if width > 1:
        outputs[np.arange(samples), labels] += signal
    else:
        outputs[:, 0] += signal * (2 * labels - 1)
    return outputs


def main():
    binary, ten, four = rng.integers(0, 2, 150), rng.integers(0, 10, 200), rng.integers(0, 3, 90)
    regression = rng.normal(size=(80, 3)) * [1, 10, 0] + [0, 5, 2]
    cases = [
        classes("one output", "binary-cross-entropy", logits(150, 1, binary), binary, 2),
        classes("equal numbers", "binary-cross-entropy", logits(150, 1, binary).round(0) + 0.25, binary, 2),
        classes("one output without probabilities", "mse", logits(150, 1, binary) / 4 + 0.5, binary, 2),
        classes("two outputs", "cross-entropy", logits(150, 2, binary), binary, 2),
        classes("ten classes", "cross-entropy", logits(200, 10, ten), ten, 10),
        classes("confident and wrong", "cross-entropy", 3 * logits(200, 10, ten, 0.2), ten, 10),
        classes("a class without samples", "cross-entropy", logits(90, 4, four), four, 4),
        values("one number", "mse", regression[:, :1] + rng.normal(size=(80, 1)) / 3, regression[:, :1]),
        values("three numbers, one of them constant", "huber", 0.9 * regression + 0.2, regression),
        values("probabilities", "binary-cross-entropy", rng.normal(size=(70, 2)), rng.uniform(size=(70, 2))),
    ]
    about = {"scikit-learn": sklearn.__version__, "cases": cases}
    (Path(__file__).parent / "golden.json").write_text(json.dumps(about) + "\n")


main()
