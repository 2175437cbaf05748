"""What `predict` of a single row costs above the compiled network itself."""

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.common import QUICK, glorot

CALLS = 100 if QUICK else 1500
SHAPES = [(32, 64), (64,), (64, 1), (1,)]


def _timed(call: Callable[[], Any]) -> dict[str, float]:
    for _ in range(20):
        call()
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return {"microseconds": statistics.median(times) * 1e6}


def _row() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, 32)).astype("float32")


def _keras_style(name: str) -> dict[str, float]:
    keras = importlib.import_module(name)
    layers = keras.layers
    model = keras.Sequential([keras.Input((32,)), layers.Dense(64, activation="relu"), layers.Dense(1)])
    model.set_weights(glorot(SHAPES))
    row = _row()
    return _timed(lambda: model.predict(row, verbose=0))


def kerasish() -> dict[str, float]:
    return _keras_style("kerasish")


def keras() -> dict[str, float]:
    return _keras_style("keras")


def jax_jit() -> dict[str, float]:
    import jax

    @jax.jit
    def network(parameters: list, x: Any) -> Any:
        w1, b1, w2, b2 = parameters
        return jax.nn.relu(x @ w1 + b1) @ w2 + b2

    parameters, row = [jax.device_put(weight) for weight in glorot(SHAPES)], _row()
    return _timed(lambda: np.asarray(network(parameters, row)))
