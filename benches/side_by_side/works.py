"""Networks that are trained side by side, and steps per turn."""

from dataclasses import dataclass

# Contenders of a kind are about equally fast, and make equally many steps per turn.
HOST, SOFTWARE, BURN_SOFTWARE, HARDWARE = "host", "software", "burn-software", "hardware"


@dataclass(frozen=True)
class Work:
    layers: str
    batch: int
    # Values of n to compare; 0 keeps all activations.
    every: tuple
    # Steps per turn by kind of contender; other kinds do not train it.
    steps: dict


SMALL, LONGER, VERY_LONG = "784,100,10", "784,30x6,10", "784,30x50,10"
NOTEBOOK = (SMALL, LONGER, VERY_LONG)
WIDE, HUGE = "784,256x8,10", "784,4096x48,10"

WORKS = [
    Work(SMALL, 100, (0, 10), {HOST: 600, SOFTWARE: 200, HARDWARE: 600}),
    Work(LONGER, 100, (0, 2, 4, 10), {HOST: 600, SOFTWARE: 200, HARDWARE: 600}),
    Work(VERY_LONG, 100, (0, 4, 7, 10), {HOST: 300, SOFTWARE: 60, BURN_SOFTWARE: 20, HARDWARE: 300}),
    Work(WIDE, 512, (0, 2, 4), {HOST: 60, SOFTWARE: 20, BURN_SOFTWARE: 10, HARDWARE: 300}),
    Work(HUGE, 4096, (0, 4, 7), {HARDWARE: 10}),
]
