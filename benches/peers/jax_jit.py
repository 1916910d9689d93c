"""JAX on its CPU or GPU: one jitted step, with jax.checkpoint around every n layers."""

import jax
import jax.numpy as jnp

import work

# On a GPU the default may be TF32, which has fewer bits than f32.
jax.config.update("jax_default_matmul_precision", "highest")


def network(every):
    def run(parameters, state):
        for weights, bias in parameters:
            state = jax.nn.sigmoid(state @ weights.T + bias)
        return state

    def forward(parameters, x):
        if every == 0:
            return run(parameters, x)
        for first in range(0, len(parameters), every):
            x = jax.checkpoint(run)(parameters[first : first + every], x)
        return x

    return forward


def main():
    flags = work.parser()
    flags.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    options = flags.parse_args()
    forward = network(options.every)

    def loss(parameters, x, y):
        return 0.5 * jnp.sum((forward(parameters, x) - y) ** 2) / x.shape[0]

    @jax.jit
    def step(parameters, x, y):
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        return jax.tree.map(lambda p, g: p - options.rate * g, parameters, gradients), value

    jax.config.update("jax_default_device", jax.devices(options.device)[0])
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in work.batches(options)]
    start = [(jnp.asarray(weights), jnp.asarray(bias)) for weights, bias in work.parameters(options)]

    def train(steps):
        parameters, losses = start, []
        for x, y in batches[:steps]:
            parameters, value = step(parameters, x, y)
            losses.append(value)
        jax.block_until_ready(parameters)
        return losses

    memory = step.lower(start, *batches[0]).compile().memory_analysis()
    work.report("jax", {"jax": jax.__version__}, options, train, memory and memory.temp_size_in_bytes)


if __name__ == "__main__":
    main()
