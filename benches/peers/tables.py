"""Three tables that scikit-learn ships, five splits each: test scores of ckpt-gpu with early stopping, of scikit-learn's multi-layer
perceptron with its defaults, and of a tuned one in PyTorch; with the wall time of each, as a Markdown table.

    python3 tables.py target/release/ckpt-gpu

The score is the accuracy, or R² of a regression. Every program standardises features on its training samples. ckpt-gpu and PyTorch
hold a tenth of them out, and keep the parameters with the least loss there. PyTorch tries every combination of the grid below and
takes the one with the least loss; its time is that of all of them.
"""

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn
import torch
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TABLES = {"digits": True, "breast_cancer": True, "diabetes": False}
SEEDS = range(5)
HIDDEN, BATCH, EPOCHS, PATIENCE = 100, 100, 200, 10
GRID = {"lr": (1e-3, 3e-3, 1e-2), "weight_decay": (0.0, 0.1), "dropout": (0.0, 0.2)}


def splits(name, seed):
    """Features and targets of the training and of the test samples."""
    table = getattr(datasets, f"load_{name}")()
    stratify = table.target if TABLES[name] else None
    x, x_test, y, y_test = train_test_split(table.data, table.target, test_size=0.2, random_state=seed, stratify=stratify)
    return (x, y), (x_test, y_test)


def ours(program, *flags):
    def run(name, seed, train, test):
        with tempfile.TemporaryDirectory() as folder:
            for file, (x, y) in (("train.csv", train), ("test.csv", test)):
                head = [f"f{column}" for column in range(x.shape[1])] + ["target"]
                rows = [",".join(head)] + [",".join(map(repr, row)) for row in np.column_stack([x, y]).tolist()]
                Path(folder, file).write_text("\n".join(rows) + "\n")
            loss = [] if TABLES[name] else ["--loss", "mse"]
            command = [program, "train", "--quiet", "--json", "--data", folder, "--validation", "0.1", "--seed", str(seed)]
            command += ["--patience", str(PATIENCE), "--epochs", str(EPOCHS), "--device", "cpu", *loss, *flags]
            lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        scores = next(event["scores"] for event in map(json.loads, lines) if event["event"] == "test")
        return scores["accuracy" if TABLES[name] else "r2"]

    return run


def scikit_learn(name, seed, train, test):
    kind = MLPClassifier if TABLES[name] else MLPRegressor
    return make_pipeline(StandardScaler(), kind(random_state=seed)).fit(*train).score(*test)


def fitted(train, validation, outputs, loss, seed, lr, weight_decay, dropout):
    """The network with the least loss on the validation samples, and that loss."""
    torch.manual_seed(seed)
    layers = torch.nn.Linear(train[0].shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Dropout(dropout), torch.nn.Linear(HIDDEN, outputs)
    network = torch.nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=weight_decay)
    best, kept, since = float("inf"), None, 0
    for _ in range(EPOCHS):
        network.train()
        for rows in torch.randperm(len(train[0])).split(BATCH):
            optimizer.zero_grad()
            loss(network(train[0][rows]), train[1][rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            value = loss(network(validation[0]), validation[1]).item()
        if value < best:
            best, kept, since = value, {key: value.clone() for key, value in network.state_dict().items()}, 0
        else:
            since += 1
        if since == PATIENCE:
            break
    network.load_state_dict(kept)
    return best, network


def pytorch(name, seed, train, test):
    scaler = StandardScaler().fit(train[0])
    (x, y), (x_test, y_test) = [(scaler.transform(x), y) for x, y in (train, test)]
    mean, deviation = (0.0, 1.0) if TABLES[name] else (y.mean(), y.std())
    as_target = torch.tensor if TABLES[name] else lambda y: torch.tensor((y - mean) / deviation, dtype=torch.float32).unsqueeze(1)
    fit, held = train_test_split(np.arange(len(x)), test_size=0.1, random_state=seed, stratify=y if TABLES[name] else None)
    tensors = lambda rows: (torch.tensor(x[rows], dtype=torch.float32), as_target(y[rows]))
    loss = torch.nn.functional.cross_entropy if TABLES[name] else torch.nn.functional.mse_loss
    outputs = int(y.max()) + 1 if TABLES[name] else 1
    tries = (dict(zip(GRID, values)) for values in itertools.product(*GRID.values()))
    runs = [fitted(tensors(fit), tensors(held), outputs, loss, seed, **settings) for settings in tries]
    network = min(runs, key=lambda run: run[0])[1].eval()
    with torch.no_grad():
        found = network(torch.tensor(x_test, dtype=torch.float32)).numpy()
    if TABLES[name]:
        return float((found.argmax(axis=1) == y_test).mean())
    return sklearn.metrics.r2_score(y_test, found[:, 0] * deviation + mean)


def main():
    warnings.filterwarnings("ignore", category=sklearn.exceptions.ConvergenceWarning)
    program = str(Path(sys.argv[1]).resolve())
    programs = {
        "ckpt-gpu": ours(program),
        "ckpt-gpu --hidden 64x50": ours(program, "--hidden", "64x50"),
        "scikit-learn": scikit_learn,
        "PyTorch, tuned": pytorch,
    }
    print(f"scikit-learn {sklearn.__version__}, PyTorch {torch.__version__}\n")
    print(f"| table | {' | '.join(programs)} |\n| --- |{' ---: |' * len(programs)}")
    for name in TABLES:
        cells = []
        for run in programs.values():
            scores, started = [], time.perf_counter()
            for seed in SEEDS:
                scores.append(run(name, seed, *splits(name, seed)))
            seconds = (time.perf_counter() - started) / len(SEEDS)
            cells.append(f"{statistics.mean(scores):.4f} ± {statistics.stdev(scores):.4f}, {seconds:.1f} s")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


main()
