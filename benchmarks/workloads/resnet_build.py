"""Building a model of the size of ResNet50, its 25.6 million random weights included."""

import importlib
import time
from typing import Any

import numpy as np

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


def _network(keras: Any) -> Any:
    layers = keras.layers

    def convolve(x: Any, filters: int, size: int, strides: int = 1, activate: bool = True) -> Any:
        x = layers.Conv2D(filters, size, strides=strides, padding="same")(x)
        x = layers.BatchNormalization()(x)
        return layers.Activation("relu")(x) if activate else x

    inputs = keras.Input((224, 224, 3))
    x = layers.MaxPooling2D(3, 2, padding="same")(convolve(inputs, 64, 7, 2))
    for filters, blocks, strides in STAGES:
        for block in range(blocks):
            step = strides if block == 0 else 1
            shortcut = convolve(x, 4 * filters, 1, step, activate=False) if block == 0 else x
            y = convolve(convolve(x, filters, 1, step), filters, 3)
            y = convolve(y, 4 * filters, 1, activate=False)
            x = layers.Activation("relu")(layers.Add()([shortcut, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1000, activation="softmax")(x))


def _keras_style(name: str) -> dict[str, float]:
    import jax

    keras = importlib.import_module(name)
    keras.layers.Dense(1).build((None, 1))  # imports and the device's start do not count
    start = time.perf_counter()
    model = _network(keras)
    jax.block_until_ready([variable.value for variable in model.variables])
    return {"seconds": time.perf_counter() - start, "parameters": model.count_params()}


def kerasish() -> dict[str, float]:
    return _keras_style("kerasish")


def keras() -> dict[str, float]:
    return _keras_style("keras")


def numpy() -> dict[str, float]:
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    count = 0
    # As many uniform numbers as the model has weights, in pieces of the size of a typical kernel.
    while count < 25_636_712:
        count += (rng.random(512 * 512, dtype="float32") * np.float32(0.1) - np.float32(0.05)).size
    return {"seconds": time.perf_counter() - start}
