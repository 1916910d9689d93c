#!/usr/bin/env python3
"""Holds the model files against other programs: what these make of a file is what `ckpt-gpu predict` makes of it.

    python3 tests/interop/check.py target/debug/ckpt-gpu

Trains small networks of every activation, with and without residual layers, layer normalisation and standard inputs, on a slice
of data/mnist.npz, on the CPU, and saves each as .safetensors, .npz and .onnx. Weights that the safetensors package reads go through a forward pass in NumPy
and f64; the ONNX file is checked, and run by ONNX Runtime; np.load must read the npz.

To be run from the project's root, with the packages in tests/interop/requirements.txt.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open

DATA = Path("data/mnist.npz")
TRAIN, TEST, BATCH, STEPS = 200, 50, 20, 10
# Of the largest magnitude among all outputs.
TOLERANCE = 1e-5
# Of the spread of the targets of a table, to which float32 inputs near 900 are rounded.
TABLE_TOLERANCE = 1e-4
ROWS = 300
# Samples must differ by at least this much of it, lest a network that ignores its input passes.
LEAST_SPREAD = 1e-3
# A file without an architecture must be refused as one that cannot be trusted.
BAD_FILE = 3

ERF = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky-relu": lambda z: np.where(z < 0, 0.01 * z, z),
    "gelu": lambda z: z * (1 + ERF(z / math.sqrt(2))) / 2,
    "silu": lambda z: z * sigmoid(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "sine": np.sin,
    "identity": lambda z: z,
}
# These are applied where states are read, as all are in residual networks: the last layer gives what it makes.
APPLIED_AS_READ = ("gelu", "silu", "softplus", "mish", "sine")

LAYER_NORM, PLAIN_NORM, STANDARDISE = "--layer-norm", "--layer-norm=plain", "--standardise"
RMS_NORM, PLAIN_RMS = "--rms-norm", "--rms-norm=plain"
NORMALISATIONS = {LAYER_NORM: "layer", PLAIN_NORM: "plain-layer", RMS_NORM: "rms", PLAIN_RMS: "plain-rms"}

# The middle is not square, so that a residual network has layers that add nothing there.
WIDTHS = [784, 24, 24, 24, 16, 16, 10]
CASES = [
    *((WIDTHS, activation, residual, "cross-entropy", ()) for activation in ACTIVATIONS for residual in (False, True)),
    # Of the losses, this one alone has the activation on the outputs, too.
    *((WIDTHS, activation, False, "quadratic", ()) for activation in ACTIVATIONS),
    (WIDTHS, "relu", True, "quadratic", ()),
    ([784, 16, 16, 1], "silu", True, "mse", ()),
    ([784, 16, 16, 1], "tanh", False, "huber", ()),
    ([784, 10], "relu", True, "cross-entropy", ()),
    (WIDTHS, "relu", True, "cross-entropy", (LAYER_NORM,)),
    (WIDTHS, "gelu", False, "cross-entropy", (LAYER_NORM,)),
    (WIDTHS, "relu", False, "cross-entropy", (PLAIN_NORM,)),
    (WIDTHS, "gelu", True, "cross-entropy", (RMS_NORM,)),
    (WIDTHS, "silu", True, "huber", (PLAIN_RMS,)),
    (WIDTHS, "tanh", False, "quadratic", (LAYER_NORM,)),
    ([784, 16, 16, 1], "sine", True, "mse", (LAYER_NORM,)),
    (WIDTHS, "relu", True, "cross-entropy", (STANDARDISE,)),
    ([784, 16, 16, 1], "tanh", False, "mse", (STANDARDISE, LAYER_NORM)),
]


class Mismatch(Exception):
    pass


def expect(condition, problem):
    if not condition:
        raise Mismatch(problem)


def write_data(folder):
    """Classes of digits, and for networks of one output the share of ink, a number to be met."""
    with np.load(DATA) as file:
        x_train, y_train = file["x_train"][:TRAIN], file["y_train"][:TRAIN]
        x_test, y_test = file["x_test"][:TEST], file["y_test"][:TEST]
    np.savez(folder / "classes.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    ink = [x.reshape(len(x), -1).mean(axis=1, dtype=np.float32) / 255 for x in (x_train, x_test)]
    np.savez(folder / "values.npz", x_train=x_train, y_train=ink[0], x_test=x_test, y_test=ink[1])
    return x_test.reshape(TEST, -1).astype(np.float32) / 255


def normalised(state, normalisation, trained):
    """Each sample of a state, by its mean and deviation or by its root mean square, with gain and shift if they are trained."""
    if normalisation.endswith("layer"):
        state = state - state.mean(axis=1, keepdims=True)
    state = state / np.sqrt((state**2).mean(axis=1, keepdims=True) + 1e-5)
    gain, shift = [*trained, 1.0, 0.0][:2] if len(trained) != 1 else (trained[0], 0.0)
    return state * gain + shift


def forward(inputs, layers, architecture):
    """What the network gives, in f64; weights are [outputs, inputs]."""
    name, residual = architecture["activation"], architecture["residual"]
    phi = ACTIVATIONS[name]
    state = inputs.astype(np.float64)
    if "standard" in architecture:
        mean, scale = (np.array(architecture["standard"][name]) for name in ("mean", "scale"))
        state = (state - mean) * scale
    last = len(layers) - 1
    normalisation = architecture.get("normalisation")
    if residual or normalisation or name in APPLIED_AS_READ:
        for index, (weights, bias, *trained) in enumerate(layers):
            read = normalised(state, normalisation, trained) if normalisation and index else state
            made = (phi(read) if index else state) @ weights.T + bias
            adds = residual and 0 < index < last and made.shape == state.shape
            state = made + state if adds else made
        return state
    for index, (weights, bias) in enumerate(layers):
        made = state @ weights.T + bias
        state = phi(made) if index < last or architecture["loss"] == "quadratic" else made
    return state


def read_safetensors(path):
    with safe_open(path, framework="numpy") as file:
        names = set(file.keys())
        layers = []
        while f"layers.{len(layers)}.weight" in names:
            places = f"layers.{len(layers)}", f"norms.{len(layers) - 1}"
            parts = [f"{place}.{part}" for place in places for part in ("weight", "bias")]
            layers.append(tuple(file.get_tensor(part) for part in parts if part in names))
        expect(len(names) == sum(map(len, layers)), f"{path.name}: found tensors {sorted(names)}")
        return layers, json.loads(file.metadata()["ckpt-gpu"])


def read_npz(path):
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    architecture = json.loads(bytes(arrays.pop("architecture")))
    parts = ("W", "b", "gain", "shift")
    count = sum(name.startswith("W") for name in arrays)
    layers = [tuple(arrays[f"{part}{n}"] for part in parts if f"{part}{n}" in arrays) for n in range(count)]
    expect(len(arrays) == sum(map(len, layers)), f"{path.name}: found arrays {sorted(arrays)}")
    return layers, architecture


def run_onnx(path, inputs, widths):
    """What ONNX Runtime makes of all samples at once; they must give the same one by one."""
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for found, name, width in zip((session.get_inputs(), session.get_outputs()), ("input", "output"), (widths[0], widths[-1])):
        tells = [(value.name, value.type, value.shape) for value in found]
        expected = [(name, "tensor(float)", ["batch", width])]
        expect(tells == expected, f"{path.name}: found {tells}, expected {expected}")
    together = session.run(["output"], {"input": inputs})[0]
    alone = np.concatenate([session.run(["output"], {"input": inputs[n : n + 1]})[0] for n in range(3)])
    return together, alone


def distance(found, expected):
    """The largest difference, of the largest magnitude."""
    expect(found.shape == expected.shape, f"found shape {found.shape}, expected {expected.shape}")
    expect(np.isfinite(found).all() and np.isfinite(expected).all(), "found what is no finite number")
    return np.abs(found.astype(np.float64) - expected).max() / np.abs(expected).max()


class Program:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def run(self, *arguments):
        command = [self.binary, *map(str, arguments), "--device", "cpu"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def succeed(self, *arguments):
        done = self.run(*arguments)
        expect(done.returncode == 0, f"{' '.join(map(str, arguments))}: exit code {done.returncode}: {done.stderr}")

    def predict(self, model, data):
        self.succeed("predict", model, "--data", data, "--out", "outputs.npz")
        with np.load(self.folder / "outputs.npz") as file:
            return file["outputs"]


def check_case(program, inputs, widths, activation, residual, loss, switches):
    """The largest distances: of the forward pass in f64 from `predict`, and of ONNX Runtime."""
    data = "values.npz" if widths[-1] == 1 else "classes.npz"
    network = ["--layers", ",".join(map(str, widths)), "--activation", activation, f"--residual={str(residual).lower()}"]
    # Outputs of a few sigmoid layers hardly vary until they are trained.
    network += ["--initialiser", "normal"] if activation == "sigmoid" else []
    training = ["--loss", loss, "--batch", BATCH, "--steps", STEPS, "--optimizer", "adam", "--lr", 0.003]
    for kind in ("safetensors", "npz", "onnx"):
        program.succeed("train", "--data", data, *network, *switches, *training, "--save", f"model.{kind}")
    outputs = program.predict("model.safetensors", data)
    spread = np.ptp(outputs, axis=0).max() / np.abs(outputs).max()
    expect(spread >= LEAST_SPREAD, f"outputs differ by {spread:.1e} between samples, which shows nothing")

    layers, architecture = read_safetensors(program.folder / "model.safetensors")
    expected = {"widths": widths, "activation": activation, "loss": loss, "residual": residual}
    kind = "numbers" if widths[-1] == 1 else "classes"
    expected |= {"input": "bytes", "target_kind": kind}
    expected |= {"normalisation": name for switch, name in NORMALISATIONS.items() if switch in switches}
    told = {name: value for name, value in architecture.items() if name != "standard"}
    expect(("standard" in architecture) == (STANDARDISE in switches), "the safetensors file errs on standard inputs")
    expect(told == expected, f"the safetensors file tells {told}, expected {expected}")
    numpy_off = distance(outputs, forward(inputs, layers, architecture))

    npz_layers, npz_architecture = read_npz(program.folder / "model.npz")
    expect(npz_architecture == architecture, f"the npz file tells {npz_architecture}, expected {architecture}")
    for index, (ours, same) in enumerate(zip(layers, npz_layers, strict=True)):
        equal = len(ours) == len(same)
        equal &= all(np.array_equal(a, b) and a.dtype == b.dtype == np.float32 for a, b in zip(ours, same))
        expect(equal, f"layer {index} of the npz file is not that of the safetensors file")
    expect(np.array_equal(program.predict("model.npz", data), outputs), "the npz file predicts something else")

    together, alone = run_onnx(program.folder / "model.onnx", inputs, widths)
    onnx_off = max(distance(together, outputs), distance(alone, outputs[: len(alone)]))
    for off, what in ((numpy_off, "NumPy in f64"), (onnx_off, "ONNX Runtime")):
        expect(off <= TOLERANCE, f"{what} differs by {off:.1e} of the largest output, expected at most {TOLERANCE:.0e}")
    return numpy_off, onnx_off


def check_foreign(program):
    """An npz of others is refused, and read once it is as the message says."""
    random = np.random.default_rng(1)
    weights = random.normal(size=(10, 784)).astype(np.float32)
    arrays = {"W0": weights, "b0": np.zeros(10, np.float32)}
    np.savez(program.folder / "foreign.npz", **arrays)
    refused = program.run("eval", "foreign.npz", "--data", "classes.npz")
    expect(refused.returncode == BAD_FILE, f"foreign.npz: exit code {refused.returncode}, expected {BAD_FILE}")
    text = refused.stderr[refused.stderr.index("{") : refused.stderr.rindex("}") + 1]
    architecture = json.dumps(json.loads(text) | {"widths": [784, 10]})
    np.savez(program.folder / "foreign.npz", **arrays, architecture=np.frombuffer(architecture.encode(), np.uint8))
    with np.load(program.folder / "classes.npz") as file:
        expected = file["x_test"].reshape(TEST, -1) / 255 @ weights.T.astype(np.float64)
    off = distance(program.predict("foreign.npz", "classes.npz"), expected)
    expect(off <= TOLERANCE, f"foreign.npz: outputs are off by {off:.1e}, expected at most {TOLERANCE:.0e}")


def check_table(program):
    """A table with gaps, a column of text, and numbers in other units: what `predict` makes of it is what ONNX Runtime makes of
    its features, which the graph fills in, scales, and scales back."""
    random = np.random.default_rng(2)
    size = random.normal(900, 30, ROWS)
    colour = random.choice(["blue", "green", "red"], ROWS)
    price = 5000 + 3 * (size - 900) + 40 * (colour == "red") + random.normal(0, 5, ROWS)
    has_gap = random.random(ROWS) < 0.2
    lines = (f"{'' if gap else s},{c},{p}" for gap, s, c, p in zip(has_gap, size, colour, price))
    (program.folder / "table.csv").write_text("\n".join(["size,colour,price", *lines]))
    training = ["--target", "price", "--loss", "mse", "--hidden", "16x3", "--batch", BATCH, "--steps", 10 * STEPS]
    imputing = ["--impute", "mean", "--impute-indicators"]
    program.succeed("train", "--data", "table.csv", *training, *imputing, "--save", "model.npz", "--save", "model.onnx")
    outputs = program.predict("model.npz", "table.csv")
    off_price = abs(outputs.mean() / price.mean() - 1)
    expect(off_price < 0.01, f"predictions are not in the units of the table: their mean is off by {off_price:.1e}")
    _, architecture = read_npz(program.folder / "model.npz")
    categories = architecture["columns"][1]["categories"]
    inputs = np.column_stack([np.where(has_gap, np.nan, size), *(colour == name for name in categories)]).astype(np.float32)
    together, _ = run_onnx(program.folder / "model.onnx", inputs, [inputs.shape[1], 1])
    off = distance(together - price.mean(), outputs - price.mean())
    expect(off <= TABLE_TOLERANCE, f"ONNX Runtime is off by {off:.1e}, expected at most {TABLE_TOLERANCE:.0e}")


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("binary", type=Path, help="the ckpt-gpu to be checked")
    binary = flags.parse_args().binary.resolve()

    failures, worst = 0, np.zeros(2)
    with tempfile.TemporaryDirectory() as folder:
        program = Program(binary, Path(folder))
        inputs = write_data(program.folder)
        for case in CASES:
            widths, activation, residual, loss, switches = case
            form = ", residual" * residual + "".join(f", {switch[2:]}" for switch in switches)
            name = f"{activation}{form}, {loss}, {','.join(map(str, widths))}"
            try:
                off = check_case(program, inputs, *case)
                worst = np.maximum(worst, off)
                print(f"{name}: NumPy off by {off[0]:.1e}, ONNX Runtime by {off[1]:.1e}")
            except Mismatch as problem:
                failures += 1
                print(f"{name}: FAILED: {problem}")
        for name, check in (("an npz of others", check_foreign), ("a table", check_table)):
            try:
                check(program)
            except Mismatch as problem:
                failures += 1
                print(f"{name}: FAILED: {problem}")
    print(f"{len(CASES)} networks; NumPy off by at most {worst[0]:.1e}, ONNX Runtime by {worst[1]:.1e}")
    if failures:
        sys.exit(f"{failures} failed")


if __name__ == "__main__":
    main()
