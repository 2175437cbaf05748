"""What the workloads with larger networks share: the same weights everywhere, training and inference times."""

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.common import fit_epochs, torch_epochs

Data = tuple[np.ndarray, np.ndarray]


def pictures(count: int, size: int, classes: int = 10) -> Data:
    """Return random RGB images in -1..1 with a spot whose place depends on the class, and int32 labels."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 0.3, (count, size, size, 3)), rng.integers(0, classes, count)
    side = size // 4
    for image, label in zip(x, y):
        row, column = divmod(int(label), 4)
        image[row * side : (row + 1) * side, column * side : (column + 1) * side] += 0.7
    return x.astype("float32"), y.astype("int32")


def sentences(rows: int, steps: int, words: int) -> Data:
    """Return random sequences of words (int32) and int32 labels; words of the second hundred mark the second class."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(1, words, (rows, steps)), rng.integers(0, 2, rows)
    x[:, ::8] = rng.integers(1, 100, x[:, ::8].shape) + 100 * y[:, None]
    return x.astype("int32"), y.astype("int32")


def weights_like(shapes: list[tuple[int, ...]], names: list[str]) -> list[np.ndarray]:
    """Return initial weights: normal kernels of variance 1 / inputs, unit scales and variances, zeros elsewhere.

    Contestants whose kernels have the same shapes in the same order get the same; the others the same distribution.
    """
    rng = np.random.default_rng(0)
    # How many inputs an output of each kind of kernel has; a depthwise kernel (height, width, channels, 1) reads one
    # channel, a kernel to several heads is (width, heads, size).
    inputs = {
        "kernel": lambda shape: np.prod(shape[:-1]),
        "recurrent_kernel": lambda shape: shape[0],
        "embeddings": lambda shape: 400,
        "depthwise": lambda shape: np.prod(shape[:2]),
        "heads": lambda shape: shape[0],
    }
    weights = []
    for shape, name in zip(shapes, names, strict=True):
        if name in inputs:
            weights.append(rng.normal(0, inputs[name](shape) ** -0.5, shape).astype("float32"))
        else:
            weights.append(np.full(shape, float(name in ("gamma", "moving_variance")), "float32"))
    return weights


def keras_style(
    name: str, build: Callable, data: Data, batch: int, epochs: int, fused: bool = False, **settings: Any
) -> dict[str, float]:
    """Train and run the model that `build(keras)` returns, not yet compiled.

    Args:
        name: `"kerasish"` or `"keras"`.
        build: makes the model.
        data: inputs and targets.
        batch: batch size, which divides the number of samples.
        epochs: how many.
        fused: whether Keras runs a whole epoch as one execution.
        **settings: arguments of `compile`.

    Returns:
        Seconds of an epoch, the loss, and seconds of `predict` on the same inputs.
    """
    keras = importlib.import_module(name)
    model = build(keras)
    model.set_weights(weights_like([w.shape for w in model.weights], [_kind(w) for w in model.weights]))
    if fused:
        settings["steps_per_execution"] = len(data[0]) // batch
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"], **settings)
    result = fit_epochs(keras, model, *data, batch, epochs)
    return {**result, "predict": _fastest(lambda: model.predict(data[0], batch_size=batch, verbose=0))}


def contestants(build: Callable, data: Callable[[], Data], batch: int, epochs: int) -> tuple[Callable, ...]:
    """Return what measures kerasish, Keras, and Keras with whole epochs per execution; see `keras_style`."""
    return (
        lambda: keras_style("kerasish", build, data(), batch, epochs),
        lambda: keras_style("keras", build, data(), batch, epochs),
        lambda: keras_style("keras", build, data(), batch, epochs, fused=True),
    )


def _kind(weight: Any) -> str:
    """Return what a weight is: its name, but for kernels with a shape of their own."""
    if weight.name != "kernel":
        return weight.name
    layer = weight.path.split("/")[-2]
    return "heads" if layer in ("query", "key", "value") else "depthwise" if "depthwise" in layer else "kernel"


def _fastest(call: Callable, turns: int = 4) -> float:
    """Return the median time of a call after its first."""
    call()
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def torch(model: Any, names: list[str], data: Data, batch: int, epochs: int) -> dict[str, float]:
    """Train and run a PyTorch module with cross-entropy of its logits.

    Args:
        model: parameters in the order of Keras's weights, moving statistics apart.
        names: for each parameter what it is: `"kernel"`, `"depthwise"`, `"embeddings"`, `"gamma"`, `"bias"`, ...
        data: inputs (images with channels last) and labels.
        batch: batch size.
        epochs: how many.
    """
    import torch
    from torch import nn

    parameters = list(model.parameters())
    shapes = [_keras_shape(tuple(parameter.shape), name) for parameter, name in zip(parameters, names, strict=True)]
    with torch.no_grad():
        for parameter, weight, name in zip(parameters, weights_like(shapes, names), names):
            parameter.copy_(torch.from_numpy(_torch_order(weight, name)))
    x, y = data
    if x.ndim == 4:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        # The layout in which PyTorch's convolutions are fastest on a CPU.
        model = model.to(memory_format=torch.channels_last)
    result = torch_epochs(model, nn.CrossEntropyLoss(), x, y.astype("int64"), batch, epochs)

    def predict() -> None:
        model.eval()
        with torch.inference_mode():
            for start in range(0, len(x), batch):
                torch.softmax(model(torch.from_numpy(x[start : start + batch])), dim=-1).numpy()

    return {**result, "predict": _fastest(predict)}


def _keras_shape(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return the shape that Keras gives a weight: kernels end in inputs and outputs, or in channels and 1."""
    if len(shape) < 2 or name == "embeddings":
        return shape
    return (*shape[2:], shape[0], shape[1]) if name == "depthwise" else (*shape[2:], shape[1], shape[0])


def _torch_order(weight: np.ndarray, name: str) -> np.ndarray:
    if weight.ndim < 2 or name == "embeddings":
        return weight
    ends = (-2, -1) if name == "depthwise" else (-1, -2)
    return np.ascontiguousarray(weight.transpose(*(weight.ndim + end for end in ends), *range(weight.ndim - 2)))
