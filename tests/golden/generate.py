#!/usr/bin/env python3
"""Makes the golden files: what the notebook's algorithm, in NumPy and f64, does to three networks in 100 steps.

    python3 tests/golden/generate.py            write the files, and the README that describes them
    python3 tests/golden/generate.py --check    compute everything again and compare it with the files

To be run from the project's root; it reads data/mnist.npz. States are [batch, width], weights [out, in],
biases [out].
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
DATA = Path("data/mnist.npz")
STEPS = 100
RATE = 3.0

# name: (widths, batch size, seed of the initial parameters)
NETWORKS = {
    "small": ([784, 100, 10], 100, 1),
    "longer": ([784] + [30] * 6 + [10], 100, 2),
    "odd": ([784, 37, 23, 41, 10], 33, 3),
}

# Another BLAS may round the f64 sums otherwise, which can move the last bit of an f32.
CHECK_TOLERANCE = 1e-6

README = """\
# Golden files

Three sigmoid networks trained by plain backpropagation in NumPy and f64: {steps} steps of gradient
descent on the quadratic cost, learning rate {rate:g}, over the first mini-batches of
`data/mnist.npz` in file order, with images divided by 255 and one-hot labels. `NAME.init.npz` holds
the parameters before, `NAME.after{steps}.npz` those after. Both contain `W0, b0, W1, b1, …` as f32,
W `[out, in]` and b `[out]`. The initial parameters are standard normal, drawn from PCG64 and
rounded to f32, so that an f32 trainer can start from exactly the same values. The trained ones were
rounded to f32 only at the end.

Two relative distances (Frobenius norms, array by array) show what a tolerance means here. *Moved*
is how far training moved the array that it changed least: a tolerance well below it tests the
gradients. *f32* is the largest distance after the same training in f32 throughout: the cost of
rounding alone, and a lower bound for a tolerance.

| network | widths | batch | seed | moved | f32 | test accuracy |
| --- | --- | --- | --- | --- | --- | --- |
{networks}

| file | bytes | sha256 |
| --- | --- | --- |
{files}

`python3 tests/golden/generate.py`, run from the repository's root with NumPy {numpy}, writes the
files and this page. With `--check` it trains again and compares the values with the files, and the
files with the checksums above.
"""


def load(part):
    """Images [n, 784] in [0, 1] and labels [n]; part is "train" or "test"."""
    with np.load(DATA) as file:
        images, labels = file[f"x_{part}"], file[f"y_{part}"]
    return images.reshape(len(images), -1) / 255.0, labels


def initial(widths, seed):
    """Standard normal parameters in f32: a list of weights and biases by turns."""
    rng = np.random.default_rng(seed)
    parameters = []
    for inputs, outputs in zip(widths, widths[1:]):
        parameters.append(rng.standard_normal((outputs, inputs)).astype(np.float32))
        parameters.append(rng.standard_normal(outputs).astype(np.float32))
    return parameters


def sigmoid(z):
    """1 / (1 + exp(-z)), arranged so that exp never overflows."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def states(parameters, x):
    """The input and the output of every layer."""
    found = [x]
    for weights, bias in zip(parameters[::2], parameters[1::2]):
        found.append(sigmoid(found[-1] @ weights.T + bias))
    return found


def gradients(parameters, x, y):
    """The gradients of the quadratic cost summed over the batch, ordered as the parameters."""
    a = states(parameters, x)
    found = []
    upstream = a[-1] - y
    for layer in reversed(range(len(a) - 1)):
        delta = upstream * a[layer + 1] * (1 - a[layer + 1])
        found = [delta.T @ a[layer], delta.sum(axis=0)] + found
        upstream = delta @ parameters[2 * layer]
    return found


def train(parameters, batch, images, labels, dtype):
    """STEPS mini-batches in file order, all arithmetic in dtype."""
    parameters = [p.astype(dtype) for p in parameters]
    images = images[: STEPS * batch].astype(dtype)
    targets = np.eye(10, dtype=dtype)[labels[: STEPS * batch]]
    for start in range(0, STEPS * batch, batch):
        chosen = slice(start, start + batch)
        nabla = gradients(parameters, images[chosen], targets[chosen])
        parameters = [p - dtype(RATE / batch) * n for p, n in zip(parameters, nabla)]
    return parameters


def distances(found, expected):
    """The relative distance of each array; infinite unless all of it is finite and of one shape."""
    for f, e in zip(found, expected, strict=True):
        if f.shape == e.shape and np.isfinite(f).all() and np.isfinite(e).all():
            f, e = f.astype(np.float64), e.astype(np.float64)
            yield float(np.linalg.norm(f - e) / np.linalg.norm(e))
        else:
            yield np.inf


def write(path, parameters):
    """An npz of f32 arrays. NumPy stamps its members 1980-01-01, so equal values make equal bytes."""
    names = [f"{kind}{layer}" for layer in range(len(parameters) // 2) for kind in "Wb"]
    np.savez_compressed(path, **{n: p.astype(np.float32) for n, p in zip(names, parameters, strict=True)})


def read(path):
    with np.load(path) as file:
        count = len(file.files) // 2
        return [file[f"{kind}{layer}"] for layer in range(count) for kind in "Wb"]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(path, parameters, tolerance):
    """Whether the file holds these parameters and is the one that the README names; says what it finds."""
    off = max(distances(read(path), [p.astype(np.float32) for p in parameters]))
    listed = sha256(path) in (HERE / "README.md").read_text()
    print(f"  {path.name}: differs by {off:.1e}" + ("" if listed else ", and its sha256 is not in the README"))
    return off <= tolerance and listed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    checking = parser.parse_args().check

    images, labels = load("train")
    test_images, test_labels = load("test")
    good, networks, files = True, [], []
    for name, (widths, batch, seed) in NETWORKS.items():
        before = initial(widths, seed)
        after = train(before, batch, images, labels, np.float64)
        moved = min(distances(before, after))
        rounding = max(distances(train(before, batch, images, labels, np.float32), after))
        accuracy = np.mean(states(after, test_images)[-1].argmax(axis=1) == test_labels)
        print(f"{name}: test accuracy {accuracy:.4f} after {STEPS} steps; moved {moved:.0e}, f32 off by {rounding:.0e}")

        paths = HERE / f"{name}.init.npz", HERE / f"{name}.after{STEPS}.npz"
        if checking:
            good &= check(paths[0], before, 0.0)
            good &= check(paths[1], after, CHECK_TOLERANCE)
            continue
        for path, parameters in zip(paths, (before, after)):
            write(path, parameters)
            files.append(f"| `{path.name}` | {path.stat().st_size} | `{sha256(path)}` |")
        networks.append(f"| `{name}` | {widths} | {batch} | {seed} | {moved:.0e} | {rounding:.0e} | {accuracy:.4f} |")

    if not checking:
        text = README.format(
            steps=STEPS, rate=RATE, numpy=np.__version__, networks="\n".join(networks), files="\n".join(files)
        )
        (HERE / "README.md").write_text(text)
    elif not good:
        sys.exit("the golden files are not what this script makes")


if __name__ == "__main__":
    main()
