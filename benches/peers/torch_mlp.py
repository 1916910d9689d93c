"""PyTorch in f32: eager, or on CUDA as a graph, with or without compiled kernels; checkpoints every n layers."""

import inspect
import sys

import torch
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import work
from live_bytes import peak_live_bytes


class Layer(torch.nn.Module):
    def __init__(self, weights, bias):
        super().__init__()
        self.weights = torch.nn.Parameter(weights)
        self.bias = torch.nn.Parameter(bias)

    def forward(self, state):
        return torch.sigmoid(torch.nn.functional.linear(state, self.weights, self.bias))


def network(layers, every):
    """The network as a function of the batch, with checkpoints between groups of n layers; the last group is kept."""
    if every == 0:
        return layers
    groups = [layers[first : first + every] for first in range(0, len(layers), every)]
    how = {"use_reentrant": False, "preserve_rng_state": False}
    if "use_reentrant" in inspect.signature(checkpoint_sequential).parameters:
        return lambda x: checkpoint_sequential(groups, len(groups), x, **how)

    # Before PyTorch 2.1 it had no such option, and no gradients if the input needs none.
    def forward(x):
        for group in groups[:-1]:
            x = checkpoint(group, x, **how)
        return groups[-1](x)

    return forward


def captured(step, x, y):
    """`step` as a CUDA graph: a function of a batch, which it copies into the graph's inputs."""
    x, y = x.clone(), y.clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(work.WARM_UP):
            step(x, y)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(x, y)

    def replay(next_x, next_y):
        x.copy_(next_x)
        y.copy_(next_y)
        graph.replay()
        return loss.clone()

    return replay


def main():
    flags = work.parser()
    flags.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    flags.add_argument("--mode", choices=["eager", "graph", "compile"], default="eager")
    options = flags.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit(f"PyTorch {torch.__version__} finds no CUDA device")
    if options.mode != "eager" and options.device != "cuda":
        sys.exit(f"--mode {options.mode} needs --device cuda")
    # TF32 has fewer bits than f32.
    torch.set_float32_matmul_precision("highest")

    def moved(array):
        return torch.from_numpy(array).to(options.device)

    batches = [(moved(x), moved(y)) for x, y in work.batches(options)]
    start = [(moved(weights), moved(bias)) for weights, bias in work.parameters(options)]
    layers = torch.nn.Sequential(*(Layer(weights.clone(), bias.clone()) for weights, bias in start))
    parameters = list(layers.parameters())
    forward = network(layers, options.every)

    def loss_of(x, y):
        return 0.5 * ((forward(x) - y) ** 2).sum() / len(x)

    if options.mode == "compile":
        loss_of = torch.compile(loss_of)

    def step(x, y):
        loss = loss_of(x, y)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-options.rate)
        return loss.detach()

    # A compiled step hides its tensors; a captured step has those of the eager one.
    peak = None
    if options.mode != "compile":
        peak = peak_live_bytes(lambda: torch.autograd.grad(loss_of(*batches[0]), parameters))
    one_step = step if options.mode == "eager" else captured(step, *batches[0])

    def train(steps):
        with torch.no_grad():
            for parameter, value in zip(parameters, [tensor for layer in start for tensor in layer]):
                parameter.copy_(value)
        losses = [one_step(x, y) for x, y in batches[:steps]]
        if options.device == "cuda":
            torch.cuda.synchronize()
        return losses

    versions = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    work.report("torch", versions, options, train, peak)


if __name__ == "__main__":
    main()
