"""A small transformer that classifies token sequences: two blocks of attention and feed-forward layers."""

from typing import Any

from benchmarks import networks
from benchmarks.common import QUICK

ROWS, STEPS, WORDS, WIDTH, HEADS, BLOCKS, BATCH, EPOCHS = (128 if QUICK else 2048), 64, 2000, 64, 4, 2, 32, 4


def _data() -> networks.Data:
    return networks.sentences(ROWS, STEPS, WORDS)


def _build(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((STEPS,), dtype="int32")
    x = layers.Embedding(WORDS, WIDTH)(inputs)
    for _ in range(BLOCKS):
        attended = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, x)
        x = layers.LayerNormalization()(layers.add([x, attended]))
        inner = layers.Dense(WIDTH)(layers.Dense(4 * WIDTH, activation="relu")(x))
        x = layers.LayerNormalization()(layers.add([x, inner]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))


kerasish, keras, keras_fused = networks.contestants(_build, _data, BATCH, EPOCHS)


def torch() -> dict[str, float]:
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
            self.first_norm = nn.LayerNorm(WIDTH, eps=1e-3)
            self.inner = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.ReLU(), nn.Linear(4 * WIDTH, WIDTH))
            self.second_norm = nn.LayerNorm(WIDTH, eps=1e-3)

        def forward(self, x: Any) -> Any:
            x = self.first_norm(x + self.attention(x, x, x, need_weights=False)[0])
            return self.second_norm(x + self.inner(x))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(WORDS, WIDTH)
            self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
            self.last = nn.Linear(WIDTH, 2)

        def forward(self, x: Any) -> Any:
            return self.last(self.blocks(self.embedding(x)).mean(dim=1))

    dense, norm = ["kernel", "bias"], ["gamma", "beta"]
    block = [*dense, *dense, *norm, *dense, *dense, *norm]
    return networks.torch(Network(), ["embeddings", *block * BLOCKS, *dense], _data(), BATCH, EPOCHS)
