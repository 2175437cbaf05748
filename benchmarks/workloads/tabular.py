"""A network for tables, with dropout, on as many rows as UCI Adult has for training."""

import importlib
from typing import Any

import numpy as np

from benchmarks.common import QUICK, fit_epochs, glorot, regression, torch_epochs

ROWS, COLUMNS, BATCH, EPOCHS, SHORT_EPOCHS = (2000 if QUICK else 32_561), 14, 64, 5, 15
SHAPES = [(COLUMNS, 64), (64,), (64, 64), (64,), (64, 1), (1,)]


def _data() -> tuple[np.ndarray, np.ndarray]:
    x, y = regression(ROWS, COLUMNS)
    return x, (y > 0).astype("float32")


def _keras_style(name: str, epochs: int, **settings: Any) -> dict[str, float]:
    keras = importlib.import_module(name)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((COLUMNS,)),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.set_weights(glorot(SHAPES))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"], **settings)
    return fit_epochs(keras, model, *_data(), BATCH, epochs)


def kerasish() -> dict[str, float]:
    return _keras_style("kerasish", SHORT_EPOCHS)


def keras() -> dict[str, float]:
    return _keras_style("keras", EPOCHS)


def keras_fused() -> dict[str, float]:
    return _keras_style("keras", EPOCHS, steps_per_execution=-(-ROWS // BATCH))


def torch() -> dict[str, float]:
    import torch
    from torch import nn

    model = nn.Sequential(
        nn.Linear(COLUMNS, 64), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 1),
    )  # fmt: skip
    torch.set_num_threads(1)  # faster for networks this small
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), glorot(SHAPES)):
            parameter.copy_(torch.from_numpy(weight.T.copy()))
    return torch_epochs(model, nn.BCEWithLogitsLoss(), *_data(), BATCH, EPOCHS)
