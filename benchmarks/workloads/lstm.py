"""A classifier of token sequences: embedding, LSTM, dense layer."""

from typing import Any

from benchmarks import networks
from benchmarks.common import QUICK

ROWS, STEPS, WORDS, WIDTH, UNITS, BATCH, EPOCHS = (256 if QUICK else 4096), 80, 5000, 64, 64, 64, 4


def _data() -> networks.Data:
    return networks.sentences(ROWS, STEPS, WORDS)


def _build(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((STEPS,), dtype="int32")
    x = layers.LSTM(UNITS)(layers.Embedding(WORDS, WIDTH)(inputs))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))


kerasish, keras, keras_fused = networks.contestants(_build, _data, BATCH, EPOCHS)


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
