"""MobileNetV2 on 96 x 96 images: every weight is trained."""

from typing import Any

from benchmarks import networks
from benchmarks.common import QUICK

IMAGES, SIZE, BATCH, EPOCHS = (32 if QUICK else 256), 96, 32, 4
# Expansion, filters, blocks and stride of each stage.
STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def data() -> networks.Data:
    return networks.pictures(IMAGES, SIZE)


def build(keras: Any) -> Any:
    """Return the network with ten classes, of a Keras-style library."""
    return keras.applications.MobileNetV2(weights=None, input_shape=(SIZE, SIZE, 3), classes=10)


def torch_network() -> tuple[Any, list[str]]:
    """Return the same network for PyTorch, and the names of its parameters in Keras."""
    from torch import nn

    names: list[str] = []

    def convolved(inputs: int, filters: int, size: int, stride: int = 1, groups: int = 1, relu: bool = True) -> list:
        names.extend(["depthwise" if groups > 1 else "kernel", "gamma", "beta"])
        convolution = nn.Conv2d(inputs, filters, size, stride, size // 2, groups=groups, bias=False)
        return [convolution, nn.BatchNorm2d(filters, momentum=0.001, eps=1e-3), *([nn.ReLU6()] if relu else [])]

    class Block(nn.Module):
        def __init__(self, inputs: int, filters: int, expansion: int, stride: int) -> None:
            super().__init__()
            inner = inputs * expansion
            parts = convolved(inputs, inner, 1) if expansion > 1 else []
            parts += convolved(inner, inner, 3, stride, groups=inner) + convolved(inner, filters, 1, relu=False)
            self.parts, self.residual = nn.Sequential(*parts), inputs == filters and stride == 1

        def forward(self, x: Any) -> Any:
            return x + self.parts(x) if self.residual else self.parts(x)

    parts, inputs = convolved(3, 32, 3, 2), 32
    for expansion, filters, blocks, stride in STAGES:
        for block in range(blocks):
            parts.append(Block(inputs, filters, expansion, 1 if block else stride))
            inputs = filters
    parts += [*convolved(inputs, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(1280, 10)), [*names, "kernel", "bias"]


kerasish, keras, keras_fused = networks.contestants(build, data, BATCH, EPOCHS)


def torch() -> dict[str, float]:
    model, names = torch_network()
    return networks.torch(model, names, data(), BATCH, EPOCHS)
