"""MobileNetV2: residual blocks that widen, filter by channel, and narrow again."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.architecture import (
    Request,
    WeightsFile,
    channel_axis,
    documented,
    padding_before_stride,
)
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.applications.mobilenet import check_published, sides, trained_size
from kerasish.core.symbolic import KerasTensor
from kerasish.models import Model

SOURCE = "Sandler, Howard, Zhu, Zhmoginov and Chen, 2018, https://arxiv.org/abs/1801.04381"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
# Sizes of images and widths with published weights.
_SIZES = (96, 128, 160, 192, 224)
_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
# Filters, blocks and stride of the stages after the first block, which has 16 filters.
_STAGES = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))


def divisible(width: float) -> int:
    """Return the multiple of 8 that is nearest to a number of filters, at least 8 and not below 90 % of it."""
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded


def sides_of_input(request: Request) -> tuple[int | None, ...] | None:
    """Return height and width of the images as `input_shape` or `input_tensor` say, None if neither is given.

    Raises:
        ValueError: if they say different things.
    """
    shape, tensor = request.input_shape, request.input_tensor
    if shape is not None and tensor is not None and sides(shape) != sides(tensor.shape[1:]):
        raise request.complaint("input_shape", shape, f"as `input_tensor` has it, {tuple(tensor.shape[1:])}")
    if shape is None and tensor is not None:
        shape = tensor.shape[1:]
    return None if shape is None else sides(shape)


def normalized(x: KerasTensor, name: str) -> KerasTensor:
    """Batch normalization with the constants of MobileNetV2 and V3."""
    return layers.BatchNormalization(axis=channel_axis(), epsilon=1e-3, momentum=0.999, name=name)(x)


def _block(inputs: KerasTensor, filters: int, stride: int, prefix: str) -> KerasTensor:
    x, channels = inputs, inputs.shape[channel_axis()]
    if prefix != "expanded_conv_":
        x = layers.Conv2D(6 * channels, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = layers.ReLU(6.0, name=f"{prefix}expand_relu")(normalized(x, f"{prefix}expand_BN"))
    if stride == 2:
        x = layers.ZeroPadding2D(padding_before_stride(x, 3), name=f"{prefix}pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=f"{prefix}depthwise")(x)
    x = layers.ReLU(6.0, name=f"{prefix}depthwise_relu")(normalized(x, f"{prefix}depthwise_BN"))
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = normalized(x, f"{prefix}project_BN")
    return layers.Add(name=f"{prefix}add")([inputs, x]) if channels == filters and stride == 1 else x


def _body(x: KerasTensor, alpha: float) -> KerasTensor:
    x = layers.Conv2D(divisible(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
    x = layers.ReLU(6.0, name="Conv1_relu")(normalized(x, "bn_Conv1"))
    x = _block(x, divisible(int(16 * alpha)), 1, "expanded_conv_")
    number = 0
    for filters, blocks, stride in _STAGES:
        for block in range(blocks):
            number += 1
            x = _block(x, divisible(int(filters * alpha)), stride if block == 0 else 1, f"block_{number}_")
    # The last convolution grows with large factors, but does not shrink with small ones.
    x = layers.Conv2D(divisible(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
    return layers.ReLU(6.0, name="out_relu")(normalized(x, "Conv_1_bn"))


def _end(request: Request, x: KerasTensor) -> KerasTensor:
    if not request.include_top:
        return request.pooled(x, avg_name=None, max_name=None)
    return request.classified(layers.GlobalAveragePooling2D()(x))


def MobileNetV2(
    input_shape: tuple[int | None, ...] | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: str | os.PathLike | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | Callable | None = "softmax",
    name: str | None = None,
) -> Model:
    """Return a MobileNetV2."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name or "MobileNetV2"
    )
    image = sides_of_input(request) or (224, 224)
    if input_shape is None and not include_top:
        image = (None, None)  # as in Keras, the size of `input_tensor` chooses weights only with the classifier
    size = trained_size(image, _SIZES)
    inputs = request.image(size)
    check_published(request, alpha, _ALPHAS, image, _SIZES)
    if name is None:
        rows = size if request.published or (input_shape is None and include_top) else image[0]
        request = replace(request, name=f"mobilenetv2_{alpha:0.2f}_{rows}")

    def file() -> WeightsFile:
        ending = "" if include_top else "_no_top"
        model = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}{ending}.h5"
        return WeightsFile(model, _URL + model, None)

    return request.model(inputs, _end(request, _body(inputs, alpha)), file)


documented(
    MobileNetV2,
    "MobileNetV2",
    SOURCE,
    size=224,
    own=("alpha: factor of all numbers of filters.",),
    trained="for `alpha` 0.35, 0.5, 0.75, 1, 1.3 and 1.4; on images of 96, 128, 160, 192 and 224",
)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return images of 0..255 scaled to -1..1; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")
