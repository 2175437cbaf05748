"""MobileNetV2 on 96 x 96 images: a new head is trained on the frozen network."""

from typing import Any

from benchmarks import networks
from benchmarks.common import QUICK
from benchmarks.workloads.mobilenet import SIZE, torch_network

IMAGES, BATCH, EPOCHS = (32 if QUICK else 512), 32, 4


def _data() -> networks.Data:
    return networks.pictures(IMAGES, SIZE)


def _build(keras: Any) -> Any:
    base = keras.applications.MobileNetV2(weights=None, input_shape=(SIZE, SIZE, 3), include_top=False, pooling="avg")
    base.trainable = False
    head = keras.layers.Dense(10, activation="softmax")
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), base, head])


kerasish, keras, keras_fused = networks.contestants(_build, _data, BATCH, EPOCHS)


def torch() -> dict[str, float]:
    from torch import nn

    model, names = torch_network()
    base, head = model[:-1], model[-1]
    base.requires_grad_(False)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base, self.head = base, head

        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            self.base.eval()
            return self

        def forward(self, x: Any) -> Any:
            return self.head(self.base(x))

    return networks.torch(Network(), names, _data(), BATCH, EPOCHS)
