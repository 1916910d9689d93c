"""Trains small networks for 50 steps with JAX and optax in float64, and writes what comes of it for tests/device/trajectories.rs.

    python3 generate.py          writes cases.json and trajectories.npz beside this file
    python3 generate.py --check  trains again and compares with what is there

Formulas are those of the project's documentation, gradients are JAX's own, and optimizers are optax's.
"""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)

HERE = Path(__file__).parent
WIDTHS = [6, 9, 9, 9, 4]
BATCH, STEPS = 7, 50
ACTIVATIONS = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "leaky-relu": lambda z: jnp.where(z < 0, 0.01 * z, z),
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "mish": jax.nn.mish,
    "sine": jnp.sin,
    "identity": lambda z: z,
}
# φ′ of these cannot be computed from their output, so layers apply them to their input.
APPLIED_AS_READ = ("gelu", "silu", "softplus", "mish", "sine")
LOSSES = ["quadratic", "mse", "cross-entropy", "binary-cross-entropy", "huber", "log-cosh"]
OPTIMIZERS = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "lion"]
# Weight decay is a part of these, and not added to the gradient.
DECOUPLED = ("adamw", "lion")
RATES = {
    "sgd": 0.125,
    "momentum": 0.03125,
    "nesterov": 0.03125,
    "rmsprop": 0.001953125,
    "adam": 0.0078125,
    "adamw": 0.0078125,
    "lion": 0.001953125,
}
DEFAULTS = {
    "activation": "tanh",
    "residual": False,
    "normalisation": None,
    "loss": "cross-entropy",
    "values": False,
    "optimizer": "sgd",
    "weight_decay": 0.0,
    "clip_norm": None,
    "schedule": "constant",
    "label_smoothing": 0.0,
    "weights": False,
    "dropout": 0.0,
    "samples": None,
    "ema": None,
}
SEED = 9


def all_cases():
    """Every activation with and without residual layers; every loss with both kinds of targets; every optimizer with and
    without weight decay and clipping; every schedule; every activation again under layer normalisation without gain and shift; label smoothing,
    weights, dropout, short last mini-batches, and averaged parameters; and other normalisations with all of these."""
    cases = []
    for name in ACTIVATIONS:
        for residual in (False, True):
            cases.append({"activation": name, "residual": residual, "optimizer": "adam"})
            cases.append({"activation": name, "residual": residual, "loss": "quadratic"})
    for loss in LOSSES:
        for values in (False, True):
            for optimizer in ("sgd", "adam"):
                if not (values and loss == "cross-entropy"):
                    cases.append({"loss": loss, "values": values, "optimizer": optimizer})
    for optimizer in OPTIMIZERS:
        for weight_decay in (0.0, 0.0625):
            for clip_norm in (None, 0.125):
                cases.append({"optimizer": optimizer, "weight_decay": weight_decay, "clip_norm": clip_norm})
    for schedule in ("step", "cosine"):
        for optimizer in ("momentum", "adam"):
            cases.append({"schedule": schedule, "optimizer": optimizer})
    for name in ACTIVATIONS:
        for residual in (False, True):
            cases.append({"activation": name, "residual": residual, "normalisation": "plain-layer", "optimizer": "adam"})
    for smoothing in ({"label_smoothing": 0.25}, {"label_smoothing": 0.25, "weights": True}):
        cases.append(smoothing | {"optimizer": "adam"})
    for loss in ("quadratic", "cross-entropy", "binary-cross-entropy"):
        cases.append({"loss": loss, "weights": True, "values": loss != "cross-entropy"})
    for name, residual, normalisation in (("tanh", False, None), ("silu", True, None), ("gelu", True, "plain-layer")):
        dropping = {"activation": name, "residual": residual, "normalisation": normalisation, "dropout": 0.25}
        cases.append(dropping | {"optimizer": "adam"})
    # Epochs of 24 samples, the last three of which are a mini-batch of their own.
    for weights in (False, True):
        cases.append({"samples": 24, "weights": weights, "dropout": 0.25 if weights else 0.0, "optimizer": "momentum"})
    for schedule in ("restarts", "one-cycle"):
        for optimizer in ("momentum", "adam"):
            cases.append({"schedule": schedule, "optimizer": optimizer})
    for optimizer in ("sgd", "momentum", "adam"):
        cases.append({"ema": 0.875, "optimizer": optimizer, "weight_decay": 0.0625 if optimizer == "momentum" else 0.0})
    for turn, normalisation in enumerate(("layer", "rms", "plain-rms")):
        for place, name in enumerate(ACTIVATIONS):
            residual = (turn + place) % 2 == 0
            cases.append({"activation": name, "residual": residual, "normalisation": normalisation, "optimizer": "adam"})
        for optimizer in ("sgd", "momentum", "adamw", "lion"):
            decaying = {"optimizer": optimizer, "weight_decay": 0.0625, "clip_norm": 0.125 if optimizer == "momentum" else None}
            cases.append({"normalisation": normalisation} | decaying)
        cases.append({"activation": "gelu", "residual": True, "normalisation": normalisation, "dropout": 0.25, "optimizer": "adam"})
        cases.append({"activation": "relu", "normalisation": normalisation, "weights": True, "ema": 0.875, "optimizer": "momentum"})
    # The quadratic loss adds up over outputs, where nothing bounds them.
    slower = lambda case: 0.125 if case.get("loss") == "quadratic" and case.get("activation") is not None else 1.0
    return [DEFAULTS | case | {"lr": RATES[case.get("optimizer", "sgd")] * slower(case)} for case in cases]


def normalised(case, s, trained):
    """Layer or RMS normalisation, sample by sample, with a gain and shift if they are trained."""
    if case["normalisation"].endswith("layer"):
        n = (s - jnp.mean(s, axis=1, keepdims=True)) / jnp.sqrt(jnp.var(s, axis=1, keepdims=True) + 1e-5)
    else:
        n = s / jnp.sqrt(jnp.mean(s**2, axis=1, keepdims=True) + 1e-5)
    match trained:
        case (gain, shift):
            return gain * n + shift
        case (gain,):
            return gain * n
    return n


def threefry(key, counter):
    """Threefry-2x32 of 13 rounds (Salmon et al. 2011), of arrays of counters."""
    keys = [np.uint32(key[0]), np.uint32(key[1]), np.uint32(key[0] ^ key[1] ^ 0x1BD11BDA)]
    low, high = counter[0] + keys[0], counter[1] + keys[1]
    for turn in range(13):
        if turn and turn % 4 == 0:
            low, high = low + keys[turn // 4 % 3], high + keys[(turn // 4 + 1) % 3] + np.uint32(turn // 4)
        low = low + high
        rotation = (13, 15, 26, 6, 17, 29, 16, 24)[turn % 8]
        high = ((high << np.uint32(rotation)) | (high >> np.uint32(32 - rotation))) ^ low
    return low, high


def masks_of(case, step):
    """What the layers multiply their input by in a step, `[BATCH, inputs]` each; none of the first."""
    words = lambda number: (np.uint32(number & 0xFFFFFFFF), np.uint32(number >> 32))
    dropped = round(case["dropout"] * 65536)
    masks = [np.ones((BATCH, WIDTHS[0]))]
    with np.errstate(over="ignore"):
        key = threefry(words(SEED), words(step))
        for layer in range(1, len(WIDTHS) - 1):
            from_last = len(WIDTHS) - 1 - layer
            samples, fours = np.meshgrid(
                np.arange(BATCH, dtype=np.uint32), np.arange((WIDTHS[layer] + 3) // 4, dtype=np.uint32), indexing="ij"
            )
            low, high = threefry((key[0], key[1] ^ np.uint32(from_last)), (samples, fours))
            bits = np.stack([low & 0xFFFF, low >> 16, high & 0xFFFF, high >> 16], axis=2).reshape(BATCH, -1)
            masks.append((bits[:, : WIDTHS[layer]] >= dropped) * 65536 / (65536 - dropped))
    return masks


def forward(case, parameters, x, masks):
    """`store(load(s) W^T + b) [+ s]`, layer by layer; under a normalisation, `load` of the normalised `s`. In training, what is
    multiplied by the weights is multiplied by a mask before."""
    phi = ACTIVATIONS[case["activation"]]
    pre_activation = case["residual"] or case["normalisation"] or case["activation"] in APPLIED_AS_READ
    s, last = x, len(parameters) - 1
    for index, (w, b, *trained) in enumerate(parameters):
        if pre_activation:
            read = normalised(case, s, trained) if case["normalisation"] and index else s
            z = (masks[index] * (s if index == 0 else phi(read))) @ w.T + b
            is_residual = case["residual"] and 0 < index < last and w.shape[0] == w.shape[1]
            s = z + s if is_residual else z
        else:
            z = (masks[index] * s) @ w.T + b
            s = phi(z) if index < last or case["loss"] == "quadratic" else z
    return s


def loss_of(case, parameters, x, y, weights, masks):
    """The weighted mean over the samples; those past the end of the data have no weight."""
    a = forward(case, parameters, x, masks)
    y = y + case["label_smoothing"] * (1 / y.shape[1] - y)
    match case["loss"]:
        case "quadratic":
            losses = 0.5 * jnp.sum((a - y) ** 2, axis=1)
        case "mse":
            losses = jnp.mean((a - y) ** 2, axis=1)
        case "cross-entropy":
            losses = -jnp.sum(y * jax.nn.log_softmax(a), axis=1)
        case "binary-cross-entropy":
            losses = jnp.mean(jax.nn.softplus(a) - y * a, axis=1)
        case "huber":
            losses = jnp.mean(optax.losses.huber_loss(a, y), axis=1)
        case "log-cosh":
            losses = jnp.mean(optax.losses.log_cosh(a, y), axis=1)
    return jnp.sum(weights * losses) / jnp.sum(weights)


def share(case, index):
    """The share of the learning rate that step `index` takes: as Schedule::share, with a warm-up of 5 steps but for one-cycle, a decay by
    0.5 every 10, a floor of 0.25, periods of 10 steps that double."""
    if case["schedule"] == "constant":
        return 1.0
    if case["schedule"] == "one-cycle":
        # optax divides the start of the cycle by this, where the floor is a share of its peak.
        rise = {"pct_start": 0.3, "div_factor": 25.0, "final_div_factor": 1 / (25 * 0.25)}
        return float(optax.cosine_onecycle_schedule(STEPS, 1.0, **rise)(index))
    if index < 5:
        return (index + 1) / 5
    since = index - 5
    if case["schedule"] == "step":
        return 0.5 ** (since // 10)
    if case["schedule"] == "restarts":
        periods = [optax.cosine_decay_schedule(1.0, steps, alpha=0.25) for steps in (10, 20, 40)]
        return float(optax.join_schedules(periods, [10, 30])(since))
    return 0.25 + 0.75 * 0.5 * (1 + np.cos(np.pi * since / (STEPS - 5)))


def optimizer_of(case):
    rate = jnp.asarray([case["lr"] * share(case, index) for index in range(STEPS + 1)])
    schedule = lambda step: rate[step]
    decay = case["weight_decay"]
    # What f32 makes of these numbers, as both sides should start from the same.
    b1, b2, b2_short, eps = (float(np.float32(value)) for value in (0.9, 0.999, 0.99, 1e-8))
    rule = {
        "sgd": lambda: optax.sgd(schedule),
        "momentum": lambda: optax.sgd(schedule, momentum=b1),
        "nesterov": lambda: optax.sgd(schedule, momentum=b1, nesterov=True),
        "rmsprop": lambda: optax.rmsprop(schedule, decay=b2_short, eps=eps, eps_in_sqrt=False),
        "adam": lambda: optax.adam(schedule, b1=b1, b2=b2, eps=eps),
        "adamw": lambda: optax.adamw(schedule, b1=b1, b2=b2, eps=eps, weight_decay=decay),
        "lion": lambda: optax.lion(schedule, b1=b1, b2=b2_short, weight_decay=decay),
    }[case["optimizer"]]()
    parts = []
    if case["clip_norm"] is not None:
        parts.append(optax.clip_by_global_norm(case["clip_norm"]))
    if decay and case["optimizer"] not in DECOUPLED:
        parts.append(optax.add_decayed_weights(decay))
    return optax.chain(*parts, rule)


def start_of(case, data):
    """Weights and bias of each layer, and the gain and shift that its normalisation has."""
    norm = {"layer": ("gain", "shift"), "rms": ("gain",)}.get(case["normalisation"], ())
    return [tuple(data[f"{kind}{i}"] for kind in ("W", "b", *norm * (i > 0))) for i in range(len(WIDTHS) - 1)]


def run(case, data, dtype):
    cast = lambda tree: jax.tree.map(lambda a: jnp.asarray(a, dtype), tree)
    parameters = cast(start_of(case, data))
    x = cast(data["x"])
    y = cast(data["values"] if case["values"] else np.eye(WIDTHS[-1])[data["labels"]])
    weights = cast(data["weights"] if case["weights"] else np.ones(len(x)))
    samples = case["samples"] or len(x)
    in_epoch = -(-samples // BATCH)
    optimizer = optimizer_of(case)
    state, losses = optimizer.init(parameters), []
    average = parameters

    @jax.jit
    def step(parameters, state, x, y, weights, masks):
        loss, gradients = jax.value_and_grad(lambda p: loss_of(case, p, x, y, weights, masks))(parameters)
        updates, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), state, loss

    for index in range(STEPS):
        places = index % in_epoch * BATCH + np.arange(BATCH)
        rows = np.minimum(places, samples - 1)
        counted = cast(np.where(places < samples, 1.0, 0.0)) * weights[rows]
        masks = cast(masks_of(case, index))
        parameters, state, loss = step(parameters, state, x[rows], y[rows], counted, masks)
        average = optax.incremental_update(parameters, average, 1 - case["ema"]) if case["ema"] else parameters
        losses.append(float(loss))
    return np.asarray(losses), np.concatenate([np.asarray(a, np.float64).ravel() for layer in average for a in layer])


def problem():
    """Random numbers that are float32, so that both sides start from the same."""
    rng = np.random.default_rng(6)
    data = {"x": rng.normal(size=(BATCH * STEPS, WIDTHS[0])).astype(np.float32)}
    teacher = rng.normal(size=(WIDTHS[0], WIDTHS[-1]))
    data["labels"] = np.argmax(data["x"] @ teacher, axis=1).astype(np.int64)
    data["values"] = (1 / (1 + np.exp(-data["x"] @ teacher))).astype(np.float32)
    data["weights"] = np.random.default_rng(8).choice([0.0, 0.5, 1.0, 3.0], size=BATCH * STEPS).astype(np.float32)
    for index, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        data[f"W{index}"] = (rng.normal(size=(outputs, inputs)) * 1.2 / np.sqrt(inputs)).astype(np.float32)
        data[f"b{index}"] = (rng.normal(size=outputs) * 0.3).astype(np.float32)
    rng = np.random.default_rng(10)
    for index, inputs in enumerate(WIDTHS[1:-1], 1):
        data[f"gain{index}"] = (1 + 0.3 * rng.normal(size=inputs)).astype(np.float32)
        data[f"shift{index}"] = (0.3 * rng.normal(size=inputs)).astype(np.float32)
    return data


def error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def main():
    data, cases = problem(), all_cases()
    arrays = dict(data)
    for index, case in enumerate(cases):
        losses, parameters = run(case, data, jnp.float64)
        low = run(case, data, jnp.float32)
        errors = error(low[0], losses), error(low[1], parameters)
        # A trajectory that float32 cannot follow would tell nothing of what is compared with it.
        if not max(errors) < 2e-5:
            sys.exit(f"float32 cannot follow {case}: {errors}")
        start = np.concatenate([tensor.ravel() for layer in start_of(case, data) for tensor in layer])
        assert error(start, parameters) > 0.01, (case, "hardly moves")
        arrays[f"losses{index}"], arrays[f"parameters{index}"] = losses, parameters
    if "--check" in sys.argv[1:]:
        assert json.loads((HERE / "cases.json").read_text())["cases"] == cases
        held = np.load(HERE / "trajectories.npz")
        assert sorted(held) == sorted(arrays)
        for name in held:
            assert error(held[name], arrays[name]) < 1e-9, name
        print(f"{len(cases)} trajectories are as before")
        return
    about = {"jax": jax.__version__, "optax": optax.__version__, "widths": WIDTHS, "batch": BATCH, "seed": SEED, "cases": cases}
    (HERE / "cases.json").write_text(json.dumps(about, indent=1) + "\n")
    np.savez_compressed(HERE / "trajectories.npz", **arrays)


main()
