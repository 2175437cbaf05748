"""DenseNet: each block of two convolutions sees the outputs of all blocks before it in its stage."""

import functools
from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.architecture import Architecture, channel_axis, published_files, standard
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor

SOURCE = "Huang, Liu, van der Maaten and Weinberger, 2016, https://arxiv.org/abs/1608.06993"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
_EPSILON = 1.001e-5
_GROWTH = 32


def _normalized(x: KerasTensor, normalization: str, activation: str) -> KerasTensor:
    x = layers.BatchNormalization(axis=channel_axis(), epsilon=_EPSILON, name=normalization)(x)
    return layers.Activation("relu", name=activation)(x)


def _block(x: KerasTensor, name: str) -> KerasTensor:
    new = _normalized(x, f"{name}_0_bn", f"{name}_0_relu")
    new = layers.Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = _normalized(new, f"{name}_1_bn", f"{name}_1_relu")
    new = layers.Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(new)
    return layers.Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, new])


def _halved(x: KerasTensor, name: str) -> KerasTensor:
    x = _normalized(x, f"{name}_bn", f"{name}_relu")
    x = layers.Conv2D(x.shape[channel_axis()] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _body(stages: tuple[int, ...], x: KerasTensor) -> KerasTensor:
    x = layers.ZeroPadding2D(3)(x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1)(_normalized(x, "conv1_bn", "conv1_relu"))
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, blocks in enumerate(stages, start=2):
        if stage > 2:
            x = _halved(x, f"pool{stage - 1}")
        for block in range(1, blocks + 1):
            x = _block(x, f"conv{stage}_block{block}")
    return _normalized(x, "bn", "relu")


def _network(title: str, stages: tuple[int, ...], hashes: tuple[str, str]) -> Architecture:
    file = published_files(_URL, f"{title.lower()}_weights_tf_dim_ordering_tf_kernels", hashes)
    return standard(title, functools.partial(_body, stages), source=SOURCE, file=file)


# Blocks in each of the four stages; md5 of the published weights with and without the classifier.
DenseNet121 = _network(
    "DenseNet121", (6, 12, 24, 16), ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738")
)
DenseNet169 = _network(
    "DenseNet169", (6, 12, 32, 32), ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b")
)
DenseNet201 = _network(
    "DenseNet201", (6, 12, 48, 32), ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1")
)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return images of 0..255 with mean 0 and deviation 1 over ImageNet; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="torch")
