"""The notebook's algorithm in NumPy and f64: samples as columns, checkpoints in a dictionary, other states recomputed."""

import numpy as np

import work


def sigmoid(sums):
    return 1.0 / (1.0 + np.exp(-sums))


def backward(weights, biases, x, y, every):
    """Loss, and gradients of all weights and biases, for a batch with samples as columns."""
    last = len(weights)
    kept = {0: x}
    state = x
    for layer in range(last):
        state = sigmoid(weights[layer] @ state + biases[layer])
        if every == 0 or (layer + 1) % every == 0 or layer + 1 == last:
            kept[layer + 1] = state
    loss = 0.5 * np.sum((state - y) ** 2) / x.shape[1]

    gradients = [None] * last
    upstream = state - y
    for layer in reversed(range(last)):
        if layer not in kept:
            first = layer // every * every
            recomputed = kept[first]
            for lower in range(first, layer):
                recomputed = sigmoid(weights[lower] @ recomputed + biases[lower])
                kept[lower + 1] = recomputed
        output = kept.pop(layer + 1)
        delta = upstream * output * (1.0 - output)
        gradients[layer] = (delta @ kept[layer].T, delta.sum(axis=1, keepdims=True))
        upstream = weights[layer].T @ delta
    return loss, gradients


def blas():
    """NumPy's BLAS and the kernels that it chose; None without threadpoolctl."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    named = [f"{pool['internal_api']} {pool['version']}, {pool.get('architecture')}" for pool in threadpool_info()]
    return named[0] if named else None


def main():
    options = work.parser().parse_args()
    start = work.parameters(options)
    batches = [(x.T.astype(np.float64), y.T.astype(np.float64)) for x, y in work.batches(options)]

    def train(steps):
        weights = [weights.astype(np.float64) for weights, _ in start]
        biases = [bias.astype(np.float64).reshape(-1, 1) for _, bias in start]
        losses = []
        for x, y in batches[:steps]:
            loss, gradients = backward(weights, biases, x, y, options.every)
            losses.append(loss)
            rate = options.rate / x.shape[1]
            weights = [w - rate * gradient for w, (gradient, _) in zip(weights, gradients)]
            biases = [b - rate * gradient for b, (_, gradient) in zip(biases, gradients)]
        return losses

    work.report("numpy", {"blas": blas()}, options, train)


if __name__ == "__main__":
    main()
