"""What the project wants of its figures, beside what was measured: ratios of medians, or of bytes."""

import statistics

from .contenders import OUR_NAMES
from .measure import by_contender, ratio
from .works import NOTEBOOK, VERY_LONG, WIDE


def targets(works):
    """Lines of (what, network, our n, measured, held against), of those that were measured."""
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
    """Ours against the peer at the same n."""
    for name, every in rows:
        if name == ours and (peer, every) in rows:
            measured = ratio(rows, (peer, every), (ours, every))
            yield f"{ours} faster than {peer} at this n", every, f"{measured:.2f}", f"at least {target:g}"


def times_faster_than_best(rows, ours, peers, target, choices=None):
    """Ours against the n of the peers that is the fastest of theirs."""
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
    """What every n takes of store-all's time, by what FLOPs predict."""
    for name, every in rows:
        if every == 0 or name not in OUR_NAMES or (name, 0) not in rows:
            continue
        predicted = rows[name, every]["step_flops"] / rows[name, 0]["step_flops"]
        measured = ratio(rows, (name, every), (name, 0))
        yield f"{name}, of store-all's time", every, f"{measured:.3f}", f"{predicted:.3f} by FLOPs, within 10 %"


def bytes_of(rows):
    """Our bytes of activations by those of a peer at the same n."""
    for (name, every), row in rows.items():
        # Without fusion we only show what it is worth.
        if name not in OUR_NAMES or name.endswith("no-fuse"):
            continue
        for (peer, same), other in rows.items():
            if same == every and peer not in OUR_NAMES and other["activation_bytes"]:
                measured = row["activation_bytes"] / other["activation_bytes"]
                yield f"{name}, of {peer}'s bytes of activations", every, f"{measured:.2f}", "at most 1"
