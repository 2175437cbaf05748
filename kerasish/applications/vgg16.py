"""VGG16: thirteen 3 x 3 convolutions with poolings between them, and three dense layers."""

import functools
from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.architecture import Architecture, Request, published_files, standard
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor

SOURCE = "Simonyan and Zisserman, 2014, https://arxiv.org/abs/1409.1556"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/"
_WIDTHS = (64, 128, 256, 512, 512)


def _body(convolutions: tuple[int, ...], x: KerasTensor) -> KerasTensor:
    for block, (filters, count) in enumerate(zip(_WIDTHS, convolutions), start=1):
        for index in range(1, count + 1):
            name = f"block{block}_conv{index}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    return x


def _end(request: Request, x: KerasTensor) -> KerasTensor:
    if not request.include_top:
        return request.pooled(x, avg_name=None, max_name=None)
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return request.classified(x)


def network(title: str, convolutions: tuple[int, ...], hashes: tuple[str, str]) -> Architecture:
    """Return the constructor of a VGG network.

    Args:
        title: its name.
        convolutions: their number in each of the five blocks.
        hashes: md5 of the published weights with and without the classifier.
    """
    model = title.lower()
    file = published_files(f"{_URL}{model}/", f"{model}_weights_tf_dim_ordering_tf_kernels", hashes)
    return standard(title, functools.partial(_body, convolutions), source=SOURCE, file=file, end=_end)


VGG16 = network(
    "VGG16", (2, 2, 3, 3, 3), ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")
)  # fmt: skip


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return RGB images in 0..255 as BGR with the mean of ImageNet taken off; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="caffe")
