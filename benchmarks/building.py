"""What the workloads that build networks share: making one with random weights, and drawing as many numbers."""

import importlib
import time

import numpy as np


def network(library: str, name: str) -> dict[str, float]:
    """Build a network of `applications` with its classifier and random weights, until the last weight is there."""
    import jax

    keras = importlib.import_module(library)
    construct = getattr(keras.applications, name)
    keras.layers.Dense(1).build((None, 1))  # imports and the device's start do not count
    start = time.perf_counter()
    model = construct(weights=None)
    jax.block_until_ready([variable.value for variable in model.variables])
    return {"seconds": time.perf_counter() - start, "parameters": model.count_params()}


def uniform_numbers(count: int) -> dict[str, float]:
    """Draw as many uniform numbers as a network has weights, in pieces of the size of a typical kernel."""
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    for first in range(0, count, 512 * 512):
        rng.random(min(count - first, 512 * 512), dtype="float32") * np.float32(0.1) - np.float32(0.05)
    return {"seconds": time.perf_counter() - start}
