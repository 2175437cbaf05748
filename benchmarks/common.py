"""What the training workloads share: data, initial weights, loops over epochs, and Adam by hand."""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

QUICK = bool(os.environ.get("BENCHMARK_QUICK"))
LEARNING_RATE, EPSILON = 1e-3, 1e-7
# Losses are compared after this epoch; who has short epochs does more of them, for a steadier median.
LOSS_EPOCH = 3


def glorot(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Return the same initial weights for every contestant: Glorot uniform kernels, zero biases."""
    rng = np.random.default_rng(0)
    weights = []
    for shape in shapes:
        fans = int(np.prod(shape[:-2])) * (shape[-2] + shape[-1]) if len(shape) > 1 else 1
        bound = np.sqrt(6 / fans) if len(shape) > 1 else 0.0
        weights.append(rng.uniform(-bound, bound, size=shape).astype("float32"))
    return weights


def regression(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and the values of a linear function of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns)).astype("float32")
    return x, (x @ rng.normal(size=(columns, 1))).astype("float32")


def fit_epochs(keras: Any, model: Any, x: np.ndarray, y: np.ndarray, batch_size: int, epochs: int) -> dict[str, float]:
    """Train a compiled Keras-style model; return the median time of its epochs and a loss."""
    ends: list[float] = []
    losses: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            losses.append(float(logs["loss"]))
            ends.append(time.perf_counter())

    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=[Clock()])
    return _summary(ends, losses)


def hand_epochs(epoch: Callable[[np.ndarray], float], rows: int, epochs: int) -> dict[str, float]:
    """Run `epoch(order) -> mean loss` with a fresh order of the rows each time; return likewise."""
    rng = np.random.default_rng(0)
    ends: list[float] = []
    losses: list[float] = []
    for _ in range(epochs):
        losses.append(float(epoch(rng.permutation(rows))))
        ends.append(time.perf_counter())
    return _summary(ends, losses)


def _summary(ends: list[float], losses: list[float]) -> dict[str, float]:
    # From end to end, so that whatever happens between epochs counts; the first epoch, with its compiling, does not.
    return {"seconds": statistics.median(np.diff(ends)), "loss": losses[LOSS_EPOCH - 1]}


def adam(parameters: list, gradients: list, first: list, second: list, step: Any) -> tuple[list, list, list]:
    """One Adam step over lists of JAX arrays, with Keras's defaults; return parameters and both moments."""
    import jax.numpy as jnp

    first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients)]
    second = [0.999 * v + 0.001 * g * g for v, g in zip(second, gradients)]
    rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    parameters = [p - rate * m / (jnp.sqrt(v) + EPSILON) for p, m, v in zip(parameters, first, second)]
    return parameters, first, second


def jax_singly(
    loss: Callable, weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, batch: int, epochs: int
) -> dict:
    """Train with a jitted step, called batch by batch, as one writes it by hand."""
    import jax
    import jax.numpy as jnp

    @jax.jit
    def step(parameters: list, first: list, second: list, count: Any, x: Any, y: Any) -> tuple:
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        return *adam(parameters, gradients, first, second, count + 1), count + 1, value

    parameters = [jnp.asarray(weight) for weight in weights]
    state = [
        parameters,
        [jnp.zeros_like(p) for p in parameters],
        [jnp.zeros_like(p) for p in parameters],
        jnp.zeros(()),
    ]

    def epoch(order: np.ndarray) -> float:
        values = []
        for start in range(0, len(order) - batch + 1, batch):
            index = order[start : start + batch]
            *state[:], value = step(*state, x[index], y[index])
            values.append(value)
        return float(jnp.mean(jnp.stack(values)))

    return hand_epochs(epoch, len(x), epochs)


def torch_epochs(model: Any, loss: Callable, x: np.ndarray, y: np.ndarray, batch: int, epochs: int) -> dict[str, float]:
    """Train a PyTorch module with Adam."""
    import torch

    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, eps=EPSILON)

    def epoch(order: np.ndarray) -> float:
        total = torch.zeros(())
        indices = torch.from_numpy(order)
        for start in range(0, len(order), batch):
            index = indices[start : start + batch]
            optimizer.zero_grad()
            value = loss(model(inputs[index]), targets[index])
            value.backward()
            optimizer.step()
            total += value.detach() * len(index)
        return float(total) / len(order)

    model.train()
    return hand_epochs(epoch, len(x), epochs)


def flax_epochs(model: Any, loss: Callable, x: np.ndarray, y: np.ndarray, batch: int, epochs: int) -> dict[str, float]:
    """Train a Flax NNX module with Optax's Adam; `loss(model, x, y)` returns a scalar."""
    import jax.numpy as jnp
    import optax
    from flax import nnx

    optimizer = nnx.Optimizer(model, optax.adam(LEARNING_RATE, eps=EPSILON), wrt=nnx.Param)

    @nnx.jit
    def step(model: Any, optimizer: Any, x: Any, y: Any) -> Any:
        value, gradients = nnx.value_and_grad(loss)(model, x, y)
        optimizer.update(model, gradients)
        return value

    def epoch(order: np.ndarray) -> float:
        values = []
        for start in range(0, len(order) - batch + 1, batch):
            index = order[start : start + batch]
            values.append(step(model, optimizer, x[index], y[index]))
        return float(jnp.mean(jnp.stack(values)))

    return hand_epochs(epoch, len(x), epochs)
