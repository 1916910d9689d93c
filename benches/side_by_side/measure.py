"""Measures all contenders on one work, in turns."""

import os
import statistics
import sys
from pathlib import Path

from .contenders import DATA, OURS, NotRun, Ours, output

# Relative difference of losses that rounding explains.
LOSS_TOLERANCE = 1e-4


def measure(here, work, contenders, rounds, folder):
    """A row for each contender and n with its times by round, and the reasons why others did not run."""
    contenders = [contender for contender in contenders if contender.kind in work.steps]
    not_run = {contender.name: problem for contender in contenders if (problem := contender.problem(here))}
    rows = {}
    for contender in contenders:
        for every in work.every:
            # A peer without checkpointing every n trains once.
            if contender.name not in not_run and (contender.does_every or every == 0):
                rows[contender.name, every] = contender, []
    start = initial_parameters(work, folder) if rows else None
    expected = Losses(here, work, contenders, not_run, start)
    for turn in range(rounds):
        for (name, every), (contender, outcomes) in list(rows.items()):
            print(f"{work.layers}: round {turn + 1} of {rounds}, {name}, every {every}", file=sys.stderr)
            steps = work.steps[contender.kind]
            try:
                outcome = contender.run(here, work, every, steps, start)
                expected.hold(steps, outcome["loss"], name, every)
                outcomes.append(outcome)
            except NotRun as problem:
                not_run[f"{name}, every {every}"] = str(problem)
                del rows[name, every]
    results = [
        row(name, every, work.steps[contender.kind], outcomes) for (name, every), (contender, outcomes) in rows.items()
    ]
    return {"layers": work.layers, "batch": work.batch, "rounds": rounds, "results": results, "not_run": not_run}


def row(name, every, steps, outcomes):
    """Row of the file of results for one contender and n."""
    last = dict(outcomes[-1])
    del last["loss"]
    times = [outcome["seconds_per_step"] for outcome in outcomes]
    return {"contender": name, "every": every, "steps": steps, **last, "seconds_per_step": times}


class Losses:
    """Expected mean losses by number of steps, from the first of our devices; every contender must agree."""

    def __init__(self, here, work, contenders, not_run, start):
        ours = [contender for contender in contenders if isinstance(contender, Ours) and contender.name not in not_run]
        self.reference = ours[0] if ours else None
        self.arguments = here, work, start
        self.by_steps = {}

    def hold(self, steps, loss, name, every):
        here, work, start = self.arguments
        if steps not in self.by_steps:
            expected = self.reference.run(here, work, 0, steps, start)["loss"] if self.reference else loss
            self.by_steps[steps] = expected
        expected = self.by_steps[steps]
        if not abs(loss - expected) <= LOSS_TOLERANCE * abs(expected):
            raise NotRun(f"trains something else: found a mean loss of {loss}, expected {expected}")


def initial_parameters(work, folder):
    """Initial parameters of ckpt-gpu, saved after a step with a learning rate too small to change them."""
    path = Path(folder) / f"{work.layers}.npz"
    # A batch of one sample is fast even with the widest network.
    flags = f"train --layers {work.layers} --batch 1 --steps 1 --lr 1e-38 --device cpu"
    output([OURS, *flags.split(), "--data", DATA, "--save", path], dict(os.environ))
    return path


def ratio(rows, numerator, denominator):
    """Median over rounds of the ratio of two rows' times in the same round; the rows are keys of `rows`."""
    pairs = zip(rows[numerator]["seconds_per_step"], rows[denominator]["seconds_per_step"])
    return statistics.median(one / other for one, other in pairs)


def by_contender(work):
    """The rows of a work, by contender and n."""
    return {(row["contender"], row["every"]): row for row in work["results"]}
