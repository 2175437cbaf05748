"""A convnet of the size of MNIST examples, on the packaged digits enlarged to 28x28."""

import importlib
from typing import Any

import numpy as np

from benchmarks.common import QUICK, fit_epochs, flax_epochs, glorot, torch_epochs
from benchmarks.common import jax_singly as train_singly
from benchmarks.workloads import digits_file

IMAGES, BATCH, EPOCHS = (256 if QUICK else 2048), 128, 3
SHAPES = [(3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), (1600, 10), (10,)]


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return float32 images `(2048, 28, 28, 1)` in 0..1 and int32 labels; some of the 1,797 digits come twice."""
    with np.load(digits_file()) as file:
        images, labels = file["x"], file["y"]
    index = np.arange(IMAGES) % len(images)
    images = np.pad(images.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2)))[index, ..., None]
    return images / np.float32(16), labels[index].astype("int32")


def compiled(keras: Any, **settings: Any) -> Any:
    """Return the network of a Keras-style library, compiled with these further settings."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"], **settings)
    return model


def _keras_style(name: str, **settings: Any) -> dict[str, float]:
    keras = importlib.import_module(name)
    model = compiled(keras, **settings)
    model.set_weights(glorot(SHAPES))
    return fit_epochs(keras, model, *data(), BATCH, EPOCHS)


def kerasish() -> dict[str, float]:
    return _keras_style("kerasish")


def keras() -> dict[str, float]:
    return _keras_style("keras")


def keras_fused() -> dict[str, float]:
    return _keras_style("keras", steps_per_execution=IMAGES // BATCH)


def _cross_entropy(logits: Any, y: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1))


def jax_singly() -> dict[str, float]:
    import jax
    import jax.numpy as jnp
    from jax import lax

    def convolve(x: Any, kernel: Any, bias: Any) -> Any:
        x = lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return lax.reduce_window(jax.nn.relu(x + bias), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def loss(parameters: list, x: Any, y: Any) -> Any:
        k1, b1, k2, b2, w, b = parameters
        x = convolve(convolve(x, k1, b1), k2, b2)
        return _cross_entropy(x.reshape(len(x), -1) @ w + b, y)

    return train_singly(loss, glorot(SHAPES), *data(), BATCH, EPOCHS)


def torch() -> dict[str, float]:
    import torch
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 10),
    )  # fmt: skip
    k1, b1, k2, b2, w, b = glorot(SHAPES)
    # Channels come first here, also in what is flattened.
    w = w.reshape(5, 5, 64, 10).transpose(2, 0, 1, 3).reshape(1600, 10).T
    with torch.no_grad():
        weights = [k1.transpose(3, 2, 0, 1), b1, k2.transpose(3, 2, 0, 1), b2, w, b]
        for parameter, weight in zip(model.parameters(), weights):
            parameter.copy_(torch.from_numpy(weight.copy()))
    x, y = data()
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return torch_epochs(model, nn.CrossEntropyLoss(), x, y.astype("int64"), BATCH, EPOCHS)


def flax() -> dict[str, float]:
    import jax.numpy as jnp
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.first = nnx.Conv(1, 32, (3, 3), padding="VALID", rngs=rngs)
            self.second = nnx.Conv(32, 64, (3, 3), padding="VALID", rngs=rngs)
            self.last = nnx.Linear(1600, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = nnx.max_pool(nnx.relu(self.first(x)), (2, 2), (2, 2))
            x = nnx.max_pool(nnx.relu(self.second(x)), (2, 2), (2, 2))
            return self.last(x.reshape(len(x), -1))

    model = Network(nnx.Rngs(0))
    weights = [jnp.asarray(weight) for weight in glorot(SHAPES)]
    names = ("first", "second", "last")
    nnx.update(model, {name: {"kernel": k, "bias": b} for name, k, b in zip(names, weights[::2], weights[1::2])})
    return flax_epochs(model, lambda m, x, y: _cross_entropy(m(x), y), *data(), BATCH, EPOCHS)
