"""The project's targets beside the measured ratios of times and of bytes."""

import statistics

from .contenders import OUR_NAMES
from .measure import by_contender, ratio
from .works import NOTEBOOK, VERY_LONG, WIDE


def targets(works):
    """Lines of (ratio, network, our n, measured, target) for the targets that were measured."""
    lines = []
    for work in works:
        rows, layers = by_contender(work), work["layers"]
        found = []
        if layers in NOTEBOOK:
            found += times_faster(rows, "cpu", "numpy", 5.0)
            found += times_faster_than_best(rows, "cpu", ["jax"], 1.5, {0, 10})
        if layers == VERY_LONG:
            found += times_faster_than_best(rows, "software", ["burn-software", "burn-software-checkpoint"], 20.0)
            found += times_faster(rows, "software", "software-no-fuse", 3.0)
        if layers == WIDE:
            found += times_faster_than_best(rows, "software", ["burn-software", "burn-software-checkpoint"], 3.0)
            found += as_flops_predict(rows)
        found += bytes_of(rows)
        lines += [(what, layers, every, measured, held) for what, every, measured, held in found]
    return lines


def times_faster(rows, ours, peer, target):
    """Our speed relative to the peer at the same n."""
    for name, every in rows:
        if name == ours and (peer, every) in rows:
            measured = ratio(rows, (peer, every), (ours, every))
            yield f"{ours} faster than {peer} at this n", every, f"{measured:.2f}", f"at least {target:g}"


def times_faster_than_best(rows, ours, peers, target, choices=None):
    """Our speed relative to the fastest peer at its fastest n."""
    theirs = [key for key in rows if key[0] in peers]
    if not theirs:
        return
    best = min(theirs, key=lambda key: statistics.median(rows[key]["seconds_per_step"]))
    for name, every in rows:
        if name == ours and (choices is None or every in choices):
            measured = ratio(rows, best, (ours, every))
            what = f"{ours} faster than {best[0]} at its best, every {best[1]}"
            yield what, every, f"{measured:.2f}", f"at least {target:g}"


def as_flops_predict(rows):
    """Time of each n relative to store-all, beside the prediction by FLOPs."""
    for name, every in rows:
        if every == 0 or name not in OUR_NAMES or (name, 0) not in rows:
            continue
        predicted = rows[name, every]["step_flops"] / rows[name, 0]["step_flops"]
        measured = ratio(rows, (name, every), (name, 0))
        yield f"{name}, time relative to store-all", every, f"{measured:.3f}", f"{predicted:.3f} by FLOPs, within 10 %"


def bytes_of(rows):
    """Our activation bytes relative to a peer at the same n."""
    for (name, every), row in rows.items():
        # Runs without fusion only serve to show its effect.
        if name not in OUR_NAMES or name.endswith("no-fuse"):
            continue
        for (peer, same), other in rows.items():
            if same == every and peer not in OUR_NAMES and other["activation_bytes"]:
                measured = row["activation_bytes"] / other["activation_bytes"]
                yield f"{name}, activation bytes relative to {peer}", every, f"{measured:.2f}", "at most 1"
