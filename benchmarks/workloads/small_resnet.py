"""A small residual network with batch normalization, on 32 x 32 images."""

from typing import Any

from benchmarks import networks
from benchmarks.common import QUICK

IMAGES, BATCH, EPOCHS = (128 if QUICK else 1024), 64, 4
WIDTHS = (16, 32, 64)


def _data() -> networks.Data:
    return networks.pictures(IMAGES, 32)


def _build(keras: Any) -> Any:
    layers = keras.layers

    def convolved(x: Any, filters: int, size: int, stride: int) -> Any:
        x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(convolved(inputs, WIDTHS[0], 3, 1))
    for stage, filters in enumerate(WIDTHS):
        for block in range(2):
            stride = 2 if stage and not block else 1
            shortcut = convolved(x, filters, 1, stride) if stride > 1 else x
            y = layers.ReLU()(convolved(x, filters, 3, stride))
            x = layers.ReLU()(layers.add([convolved(y, filters, 3, 1), shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


kerasish, keras, keras_fused = networks.contestants(_build, _data, BATCH, EPOCHS)


def torch() -> dict[str, float]:
    from torch import nn

    names: list[str] = []

    def convolved(inputs: int, filters: int, size: int, stride: int) -> Any:
        names.extend(["kernel", "gamma", "beta"])
        convolution = nn.Conv2d(inputs, filters, size, stride, size // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01))

    class Block(nn.Module):
        def __init__(self, inputs: int, filters: int, stride: int) -> None:
            super().__init__()
            self.shortcut = convolved(inputs, filters, 1, stride) if stride > 1 else nn.Identity()
            self.first = convolved(inputs, filters, 3, stride)
            self.second = convolved(filters, filters, 3, 1)

        def forward(self, x: Any) -> Any:
            return (self.second(self.first(x).relu()) + self.shortcut(x)).relu()

    blocks = [convolved(3, WIDTHS[0], 3, 1), nn.ReLU()]
    inputs = WIDTHS[0]
    for stage, filters in enumerate(WIDTHS):
        for block in range(2):
            blocks.append(Block(inputs, filters, 2 if stage and not block else 1))
            inputs = filters
    model = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))
    return networks.torch(model, [*names, "kernel", "bias"], _data(), BATCH, EPOCHS)
