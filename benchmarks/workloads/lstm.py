"""A classifier of token sequences: embedding, LSTM, dense layer."""

from typing import Any

import numpy as np

from benchmarks import networks
from benchmarks.common import QUICK

ROWS, STEPS, WORDS, WIDTH, UNITS, BATCH, EPOCHS = (256 if QUICK else 4096), 80, 5000, 64, 64, 64, 4


def _data() -> networks.Data:
    rng = np.random.default_rng(0)
    x, y = rng.integers(1, WORDS, (ROWS, STEPS)), rng.integers(0, 2, ROWS)
    # Words of the second hundred mark the second class.
    x[:, ::8] = rng.integers(1, 100, x[:, ::8].shape) + 100 * y[:, None]
    return x.astype("int32"), y.astype("int32")


def _build(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((STEPS,), dtype="int32")
    x = layers.LSTM(UNITS)(layers.Embedding(WORDS, WIDTH)(inputs))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))


def kerasish() -> dict[str, float]:
    return networks.keras_style("kerasish", _build, _data(), BATCH, EPOCHS)


def keras() -> dict[str, float]:
    return networks.keras_style("keras", _build, _data(), BATCH, EPOCHS)


def keras_fused() -> dict[str, float]:
    return networks.keras_style("keras", _build, _data(), BATCH, EPOCHS, fused=True)


def torch() -> dict[str, float]:
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(WORDS, WIDTH)
            self.lstm = nn.LSTM(WIDTH, UNITS, batch_first=True)
            self.last = nn.Linear(UNITS, 2)

        def forward(self, x: Any) -> Any:
            return self.last(self.lstm(self.embedding(x))[0][:, -1])

    names = ["embeddings", "kernel", "recurrent_kernel", "bias", "bias", "kernel", "bias"]
    return networks.torch(Network(), names, _data(), BATCH, EPOCHS)
