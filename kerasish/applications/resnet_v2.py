"""ResNetV2: residual blocks with normalization and activation before each convolution."""

from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.applications.resnet import STAGES, network, normalized, stem
from kerasish.core.symbolic import KerasTensor

SOURCE = "He, Zhang, Ren and Sun, 2016, https://arxiv.org/abs/1603.05027"


def _block(x: KerasTensor, filters: int, stride: int, project: bool, name: str) -> KerasTensor:
    before = normalized(x, f"{name}_preact", f"{name}_preact_relu")
    if project:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    x = normalized(x, f"{name}_1", f"{name}_1_relu")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = normalized(x, f"{name}_2", f"{name}_2_relu")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _body(stages: tuple[int, ...], x: KerasTensor) -> KerasTensor:
    x = stem(x, normalize=False)
    for stage, blocks in enumerate(stages):
        for block in range(blocks):
            # The size is halved in the last block of each stage but the last.
            stride = 2 if block == blocks - 1 and stage < len(stages) - 1 else 1
            x = _block(x, 64 * 2**stage, stride, project=block == 0, name=f"conv{stage + 2}_block{block + 1}")
    return normalized(x, "post", "post_relu")


ResNet50V2 = network("ResNet50V2", _body, STAGES["50"], SOURCE)
ResNet101V2 = network("ResNet101V2", _body, STAGES["101"], SOURCE)
ResNet152V2 = network("ResNet152V2", _body, STAGES["152"], SOURCE)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return images of 0..255 scaled to -1..1; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")
