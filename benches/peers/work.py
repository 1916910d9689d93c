"""Data, initial parameters and report of every peer: those of ckpt-gpu with --no-shuffle.

A peer gives `report` a function that trains a number of steps from the initial parameters and returns the loss of each;
`report` times it and prints one line of JSON.
"""

import argparse
import json
import time

import numpy as np

# Untimed steps, after which compilers are done and caches warm.
WARM_UP = 3


def widths(text):
    """784,30x50,10 as a list."""
    answer = []
    for part in text.split(","):
        width, _, times = part.partition("x")
        answer += [int(width)] * int(times or 1)
    return answer


def parser():
    flags = argparse.ArgumentParser()
    flags.add_argument("--layers", type=widths, required=True)
    flags.add_argument("--batch", type=int, required=True)
    flags.add_argument("--every", type=int, required=True, help="keep every n-th activation; 0 keeps all")
    flags.add_argument("--steps", type=int, required=True)
    flags.add_argument("--rate", type=float, default=3.0)
    flags.add_argument("--data", required=True)
    flags.add_argument("--init", required=True, help="npz with W0, b0, ...")
    return flags


def batches(options):
    """Inputs [samples, features] from 0 to 1 and one-hot labels [samples, classes] of each step."""
    with np.load(options.data) as data:
        images, labels = data["x_train"], data["y_train"]
    images = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    labels = np.eye(options.layers[-1], dtype=np.float32)[labels]
    count = len(images) // options.batch
    starts = [step % count * options.batch for step in range(max(options.steps, WARM_UP))]
    return [(images[start : start + options.batch], labels[start : start + options.batch]) for start in starts]


def parameters(options):
    """(weights [outputs, inputs], bias [outputs]) of each layer, in f32."""
    with np.load(options.init) as file:
        return [(file[f"W{layer}"], file[f"b{layer}"]) for layer in range(len(options.layers) - 1)]


def report(name, versions, options, train, peak_activation_bytes=None):
    """Times `train(steps)`, which returns the loss of each step once all of them are done.

    `peak_activation_bytes` is measured in a separate, untimed step; None if it is not known.
    """
    train(WARM_UP)
    started = time.perf_counter()
    losses = train(options.steps)
    seconds = time.perf_counter() - started
    line = {
        "peer": name,
        "versions": {**versions, "numpy": np.__version__},
        "every": options.every,
        "steps": options.steps,
        "seconds_per_step": seconds / options.steps,
        "loss": sum(float(loss) for loss in losses) / len(losses),
        "peak_activation_bytes": peak_activation_bytes,
    }
    print(json.dumps(line))
