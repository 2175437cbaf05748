"""ResNet8 and ResNet14: small residual networks for 32 x 32 images, with weights that come in the package."""

import os
from collections.abc import Callable

from kerasish import layers
from kerasish.applications.architecture import ARGUMENTS, Architecture, Request, channel_axis, named
from kerasish.applications.bundled_weights import find
from kerasish.core.symbolic import KerasTensor
from kerasish.models import Model

SOURCE = "the residual networks for CIFAR of He, Zhang, Ren and Sun, 2015, https://arxiv.org/abs/1512.03385"
_WIDTHS = (32, 64, 128)
# Mean and standard deviation of all channels of CIFAR-100.
_MEAN, _DEVIATION = 121.9, 68.4


def _convolved(x: KerasTensor, filters: int, size: int, stride: int, name: str) -> KerasTensor:
    x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)


def _block(x: KerasTensor, filters: int, stride: int, name: str) -> KerasTensor:
    shortcut = x
    if stride > 1:
        shortcut = layers.AveragePooling2D(stride, padding="same", name=f"{name}_0_pool")(shortcut)
        shortcut = _convolved(shortcut, filters, 1, 1, f"{name}_0")
    x = layers.ReLU(name=f"{name}_1_relu")(_convolved(x, filters, 3, stride, f"{name}_1"))
    x = _convolved(x, filters, 3, 1, f"{name}_2")
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, x]))


def _body(blocks: int, x: KerasTensor) -> KerasTensor:
    x = layers.Rescaling(1 / _DEVIATION, -_MEAN / _DEVIATION, name="rescaling")(x)
    x = layers.ReLU(name="stem_relu")(_convolved(x, _WIDTHS[0], 3, 2, "stem"))
    for stage, filters in enumerate(_WIDTHS, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _block(x, filters, stride, f"stage{stage}_block{block}")
    return x


def _network(title: str, blocks: int) -> Architecture:
    def construct(
        include_top: bool = True,
        weights: str | os.PathLike | None = "cifar100",
        input_tensor: KerasTensor | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = 100,
        classifier_activation: str | Callable | None = "softmax",
        name: str = title.lower(),
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name,
            pretrained="cifar100", pretrained_classes=100,
        )  # fmt: skip
        image = request.image(size=32, minimum=8)
        return request.model(image, request.top(_body(blocks, image)), lambda: find(title, "cifar100"))

    arguments = ARGUMENTS.format(weights='`"cifar100"` (comes in the package, no download)', size=32, minimum=8)
    return named(construct, title, f"Return a {title} network.\n\n    Source: {SOURCE}.\n{arguments}")


ResNet8 = _network("ResNet8", blocks=1)
ResNet14 = _network("ResNet14", blocks=2)
