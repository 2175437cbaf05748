"""What it costs to call a built layer outside any compiled program: Python calls, and microseconds."""

import importlib
import statistics
import sys
import time
from typing import Any

import numpy as np

from benchmarks.common import QUICK

ROUNDS, CALLS = (3 if QUICK else 30), 100


def _keras_style(name: str) -> dict[str, float]:
    import jax

    keras = importlib.import_module(name)
    layer = keras.layers.Dense(64)
    x = jax.device_put(np.ones((8, 32), "float32"))
    for _ in range(20):
        layer(x)

    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    layer(x)
    sys.setprofile(None)

    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            output = layer(x)
        jax.block_until_ready(output)
        times.append((time.perf_counter() - start) / CALLS)
    return {"microseconds": statistics.median(times) * 1e6, "python_calls": count}


def kerasish() -> dict[str, float]:
    return _keras_style("kerasish")


def keras() -> dict[str, float]:
    return _keras_style("keras")
