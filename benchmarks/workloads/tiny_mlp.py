"""A tiny network on many rows: what a framework costs per step."""

import importlib
from typing import Any

import numpy as np

from benchmarks.common import (
    QUICK,
    adam,
    fit_epochs,
    flax_epochs,
    glorot,
    hand_epochs,
    regression,
    torch_epochs,
)  # fmt: skip
from benchmarks.common import (
    jax_singly as train_singly,
)

ROWS, BATCH, EPOCHS, SHORT_EPOCHS = (3200 if QUICK else 100_000), 32, 3, 15
SHAPES = [(32, 64), (64,), (64, 1), (1,)]


def _keras_style(name: str, epochs: int, **compile_options: Any) -> dict[str, float]:
    keras = importlib.import_module(name)
    layers = keras.layers
    model = keras.Sequential([keras.Input((32,)), layers.Dense(64, activation="relu"), layers.Dense(1)])
    model.set_weights(glorot(SHAPES))
    model.compile(optimizer="adam", loss="mse", **compile_options)
    return fit_epochs(keras, model, *regression(ROWS, 32), BATCH, epochs)


def kerasish() -> dict[str, float]:
    return _keras_style("kerasish", SHORT_EPOCHS)


def keras() -> dict[str, float]:
    return _keras_style("keras", EPOCHS)


def keras_32() -> dict[str, float]:
    return _keras_style("keras", EPOCHS + 3, steps_per_execution=32)


def _loss(parameters: list, x: Any, y: Any) -> Any:
    import jax
    import jax.numpy as jnp

    w1, b1, w2, b2 = parameters
    return jnp.mean((jax.nn.relu(x @ w1 + b1) @ w2 + b2 - y) ** 2)


def jax_scan() -> dict[str, float]:
    import jax
    import jax.numpy as jnp

    @jax.jit
    def run(state: tuple, x: Any, y: Any, order: Any) -> tuple:
        def body(state: tuple, index: Any) -> tuple:
            parameters, first, second, count = state
            value, gradients = jax.value_and_grad(_loss)(parameters, x[index], y[index])
            return (*adam(parameters, gradients, first, second, count + 1), count + 1), value

        state, values = jax.lax.scan(body, state, order)
        return state, values.mean()

    x, y = map(jnp.asarray, regression(ROWS, 32))
    parameters = [jnp.asarray(weight) for weight in glorot(SHAPES)]
    zeros = [jnp.zeros_like(p) for p in parameters]
    state = (parameters, zeros, zeros, jnp.zeros(()))

    def epoch(order: np.ndarray) -> float:
        nonlocal state
        state, value = run(state, x, y, jnp.asarray(order.reshape(-1, BATCH)))
        return float(value)

    return hand_epochs(epoch, ROWS, SHORT_EPOCHS)


def jax_singly() -> dict[str, float]:
    return train_singly(_loss, glorot(SHAPES), *regression(ROWS, 32), BATCH, EPOCHS)


def torch() -> dict[str, float]:
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 1))
    torch.set_num_threads(1)  # faster for networks this small
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), glorot(SHAPES)):
            parameter.copy_(torch.from_numpy(weight.T.copy()))
    return torch_epochs(model, nn.MSELoss(), *regression(ROWS, 32), BATCH, EPOCHS)


def flax() -> dict[str, float]:
    import jax.numpy as jnp
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.first, self.second = nnx.Linear(32, 64, rngs=rngs), nnx.Linear(64, 1, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.second(nnx.relu(self.first(x)))

    model = Network(nnx.Rngs(0))
    w1, b1, w2, b2 = map(jnp.asarray, glorot(SHAPES))
    nnx.update(model, {"first": {"kernel": w1, "bias": b1}, "second": {"kernel": w2, "bias": b2}})
    return flax_epochs(model, lambda m, x, y: jnp.mean((m(x) - y) ** 2), *regression(ROWS, 32), BATCH, EPOCHS)
