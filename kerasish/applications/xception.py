"""Xception: residual blocks of separable convolutions."""

from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.architecture import Request, channel_axis, published_files, standard
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor

SOURCE = "Chollet, 2016, https://arxiv.org/abs/1610.02357"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/xception/"
# md5 of the published weights with and without the classifier.
_HASHES = ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97")
_FILES = published_files(_URL, "xception_weights_tf_dim_ordering_tf_kernels", _HASHES)
# Filters of the separable convolutions in blocks 2 to 13. All of them have a relu before it, but for the very first,
# which follows that of the stem.
_BLOCKS = ((128, 128), (256, 256), (728, 728), *8 * ((728, 728, 728),), (728, 1024))


def _relu(x: KerasTensor, name: str) -> KerasTensor:
    return layers.Activation("relu", name=f"{name}_act")(x)


def _separable(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)


def _body(x: KerasTensor) -> KerasTensor:
    for part, filters, stride in ((1, 32, 2), (2, 64, 1)):
        name = f"block1_conv{part}"
        x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=name)(x)
        x = _relu(layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x), name)
    for block, widths in enumerate(_BLOCKS, start=2):
        halved = len(widths) == 2
        shortcut = x
        if halved:
            shortcut = layers.Conv2D(widths[-1], 1, strides=2, padding="same", use_bias=False)(x)
            shortcut = layers.BatchNormalization(axis=channel_axis())(shortcut)
        for part, filters in enumerate(widths, start=1):
            name = f"block{block}_sepconv{part}"
            x = _separable(x if name == "block2_sepconv1" else _relu(x, name), filters, name)
        if halved:
            x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
        x = layers.Add()([x, shortcut])
    for part, filters in enumerate((1536, 2048), start=1):
        name = f"block14_sepconv{part}"
        x = _relu(_separable(x, filters, name), name)
    return x


def _end(request: Request, x: KerasTensor) -> KerasTensor:
    return request.top(x) if request.include_top else request.pooled(x, avg_name=None, max_name=None)


Xception = standard("Xception", _body, source=SOURCE, file=_FILES, size=299, minimum=71, end=_end)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return images of 0..255 scaled to -1..1; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")
