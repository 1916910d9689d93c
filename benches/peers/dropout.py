"""Does checkpointing change the gradient under dropout? Compares the gradient along a random direction with a central difference of
the loss under the same seed, in float64, for PyTorch without checkpointing, with it, and compiled within a memory budget.

    python3 dropout.py

A relative error far above 1e-6 means that the backward pass used other masks than the forward pass.
"""

import sys

import torch
import torch._functorch.config as functorch
from torch import nn
from torch.utils.checkpoint import checkpoint

torch.set_default_dtype(torch.float64)
WIDTH, DEPTH, BATCH, RATE, SEED = 64, 12, 128, 0.2, 7


def network():
    torch.manual_seed(0)
    blocks = [nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Dropout(RATE)) for _ in range(DEPTH)]
    return nn.Sequential(*blocks, nn.Linear(WIDTH, 10))


def stored(net, x):
    return net(x)


def checkpointed(**options):
    def run(net, x):
        for block in net[:-1]:
            x = checkpoint(block, x, use_reentrant=False, **options)
        return net[-1](x)

    return run


def error(net, run):
    """Relative error of the gradient along a random direction, against a central difference of the loss with the same masks."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(BATCH, WIDTH, generator=generator)
    labels = torch.randint(0, 10, (BATCH,), generator=generator)

    def loss():
        torch.manual_seed(SEED)
        return nn.functional.cross_entropy(run(net, x), labels)

    net.zero_grad()
    loss().backward()
    direction = [torch.randn(p.shape, generator=generator) for p in net.parameters()]
    along = sum((p.grad * d).sum() for p, d in zip(net.parameters(), direction)).item()

    def moved(distance):
        with torch.no_grad():
            for p, d in zip(net.parameters(), direction):
                p += distance * d
        value = loss().item()
        with torch.no_grad():
            for p, d in zip(net.parameters(), direction):
                p -= distance * d
        return value

    distance = 1e-5
    difference = (moved(distance) - moved(-distance)) / (2 * distance)
    return abs(along - difference) / abs(difference)


def report(name, run):
    try:
        print(f"{name:60} {error(network(), run):.1e}", flush=True)
    except Exception as problem:
        print(f"{name:60} {type(problem).__name__}: {str(problem).splitlines()[0][:100]}", flush=True)


print(f"PyTorch {torch.__version__}, Python {sys.version.split()[0]}")
report("without checkpointing", stored)
report("checkpoint", checkpointed())
report("checkpoint, preserve_rng_state=False", checkpointed(preserve_rng_state=False))
for budget in (1.0, 0.8, 0.6, 0.4, 0.2, 0.0):
    torch._dynamo.reset()
    functorch.activation_memory_budget = budget
    report(f"torch.compile, activation_memory_budget={budget}", torch.compile(stored))
torch._dynamo.reset()
functorch.activation_memory_budget = 1.0
report("torch.compile of checkpoint", torch.compile(checkpointed()))
