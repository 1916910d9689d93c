"""What every peer trains, and how it reports: the same network, data, order and start as ckpt-gpu with --no-shuffle.

A peer gives `run` a function that makes all steps from the start and returns the mean loss of each; run times it,
and prints one line of JSON.
"""

import argparse
import json
import time

import numpy as np


def widths(text):
    """784,30x50,10 as a list."""
    answer = []
    for part in text.split(","):
        width, _, times = part.partition("x")
        answer += [int(width)] * int(times or 1)
    return answer


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=widths, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--every", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--rate", type=float, default=3.0)
    parser.add_argument("--data", required=True)
    parser.add_argument("--init", required=True, help="npz with W0, b0, ...")
    return parser.parse_args()


def batches(options):
    """Images as rows of floats up to 1, and labels as one-hot rows, of each step."""
    with np.load(options.data) as data:
        images, labels = data["x_train"], data["y_train"]
    images = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    labels = np.eye(options.layers[-1], dtype=np.float32)[labels]
    count = len(images) // options.batch
    starts = [step % count * options.batch for step in range(options.steps)]
    return [(images[start : start + options.batch], labels[start : start + options.batch]) for start in starts]


def parameters(options):
    """(weights [outputs, inputs], bias [outputs]) of each layer, in f32."""
    with np.load(options.init) as file:
        return [(file[f"W{layer}"], file[f"b{layer}"]) for layer in range(len(options.layers) - 1)]


def report(name, version, options, train, warm_up=lambda: None):
    """Times `train()`, which returns the mean loss over all steps, after `warm_up()`."""
    warm_up()
    started = time.perf_counter()
    loss = float(train())
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "peer": name,
                "version": version,
                "every": options.every,
                "steps": options.steps,
                "seconds_per_step": seconds / options.steps,
                "loss": loss,
            }
        )
    )
