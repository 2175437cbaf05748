"""NASNet: cells of five sums of separable convolutions and poolings, as a search over small networks found them."""

import os
from collections.abc import Callable
from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.architecture import (
    Request,
    WeightsFile,
    channel_axis,
    documented,
    image_size,
    padding_before_stride,
)
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.naming import name_scope
from kerasish.core.symbolic import KerasTensor
from kerasish.models import Model

SOURCE = "Zoph, Vasudevan, Shlens and Le, 2017, https://arxiv.org/abs/1707.07012"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/"


def _normalized(x: KerasTensor, name: str) -> KerasTensor:
    return layers.BatchNormalization(momentum=0.9997, epsilon=1e-3, name=name)(x)


def _relu(x: KerasTensor, name: str | None = None) -> KerasTensor:
    return layers.Activation("relu", name=name)(x)


def _pointwise(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    return layers.Conv2D(
        filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)  # fmt: skip


def _padded(x: KerasTensor, size: int, name: str) -> KerasTensor:
    return layers.ZeroPadding2D(padding_before_stride(x, size), name=name)(x)


def _separable(x: KerasTensor, filters: int, size: int, name: str, stride: int = 1) -> KerasTensor:
    """Twice relu, separable convolution and normalization; the first convolution has the stride."""
    with name_scope(f"separable_conv_block_{name}"):
        x = _relu(x)
        if stride == 2:
            x = _padded(x, size, f"separable_conv_1_pad_{name}")
        padding = "valid" if stride == 2 else "same"
        x = layers.SeparableConv2D(
            filters, size, strides=stride, padding=padding, use_bias=False, name=f"separable_conv_1_{name}"
        )(x)
        x = _relu(_normalized(x, f"separable_conv_1_bn_{name}"))
        x = layers.SeparableConv2D(
            filters, size, padding="same", use_bias=False, name=f"separable_conv_2_{name}"
        )(x)  # fmt: skip
        return _normalized(x, f"separable_conv_2_bn_{name}")


def _subsampled(x: KerasTensor, filters: int, part: int, cell: str) -> KerasTensor:
    x = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{part}_{cell}")(x)
    return _pointwise(x, filters // 2, f"adjust_conv_{part}_{cell}")


def _adjusted(before: KerasTensor | None, x: KerasTensor, filters: int, cell: str) -> KerasTensor:
    """Return the output of the cell before the last with the size of the last one's and this number of channels."""
    if before is None:
        return x
    with name_scope("adjust_block"):
        if image_size(before) != image_size(x):
            with name_scope(f"adjust_reduction_block_{cell}"):
                before = _relu(before, f"adjust_relu_1_{cell}")
                even = _subsampled(before, filters, 1, cell)
                shifted = layers.ZeroPadding2D(((0, 1), (0, 1)))(before)
                shifted = layers.Cropping2D(((1, 0), (1, 0)))(shifted)
                both = layers.Concatenate()([even, _subsampled(shifted, filters, 2, cell)])
                return _normalized(both, f"adjust_bn_{cell}")
        if before.shape[-1] != filters:
            with name_scope(f"adjust_projection_block_{cell}"):
                before = _pointwise(_relu(before), filters, f"adjust_conv_projection_{cell}")
                return _normalized(before, f"adjust_bn_{cell}")
    return before


def _pooled(x: KerasTensor, name: str) -> KerasTensor:
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def _normal(x: KerasTensor, before: KerasTensor, filters: int, cell: str) -> KerasTensor:
    def separable(x: KerasTensor, size: int, side: str) -> KerasTensor:
        return _separable(x, filters, size, f"normal_{side}_{cell}")

    def added(number: int, parts: list[KerasTensor]) -> KerasTensor:
        return layers.Add(name=f"normal_add_{number}_{cell}")(parts)

    with name_scope(f"normal_A_block_{cell}"):
        before = _adjusted(before, x, filters, cell)
        h = _normalized(_pointwise(_relu(x), filters, f"normal_conv_1_{cell}"), f"normal_bn_1_{cell}")
        with name_scope("block_1"):
            first = added(1, [separable(h, 5, "left1"), separable(before, 3, "right1")])
        with name_scope("block_2"):
            second = added(2, [separable(before, 5, "left2"), separable(before, 3, "right2")])
        third = added(3, [_pooled(h, f"normal_left3_{cell}"), before])
        fourth = added(4, [_pooled(before, f"normal_left4_{cell}"), _pooled(before, f"normal_right4_{cell}")])
        with name_scope("block_5"):
            fifth = added(5, [separable(h, 3, "left5"), h])
        parts = [before, first, second, third, fourth, fifth]
        return layers.Concatenate(name=f"normal_concat_{cell}")(parts)


def _reduction(x: KerasTensor, before: KerasTensor | None, filters: int, cell: str) -> KerasTensor:
    def separable(x: KerasTensor, size: int, side: str, stride: int = 2) -> KerasTensor:
        return _separable(x, filters, size, f"reduction_{side}_{cell}", stride)

    def added(name: str, parts: list[KerasTensor]) -> KerasTensor:
        return layers.Add(name=f"reduction_{name}_{cell}")(parts)

    with name_scope(f"reduction_A_block_{cell}"):
        before = _adjusted(before, x, filters, cell)
        h = _normalized(_pointwise(_relu(x), filters, f"reduction_conv_1_{cell}"), f"reduction_bn_1_{cell}")
        padded = _padded(h, 3, f"reduction_pad_1_{cell}")
        with name_scope("block_1"):
            first = added("add_1", [separable(h, 5, "left1"), separable(before, 7, "right1")])
        with name_scope("block_2"):
            second = layers.MaxPooling2D(3, strides=2, name=f"reduction_left2_{cell}")(padded)
            second = added("add_2", [second, separable(before, 7, "right2")])
        with name_scope("block_3"):
            third = layers.AveragePooling2D(3, strides=2, name=f"reduction_left3_{cell}")(padded)
            third = added("add3", [third, separable(before, 5, "right3")])
        fourth = layers.Add()([second, _pooled(first, f"reduction_left4_{cell}")])
        with name_scope("block_5"):
            fifth = separable(first, 3, "left4", stride=1)
            fifth = added("add4", [fifth, layers.MaxPooling2D(3, strides=2, name=f"reduction_right5_{cell}")(padded)])
        return layers.Concatenate(name=f"reduction_concat_{cell}")([second, third, fourth, fifth])


def _body(x: KerasTensor, stem: int, filters: int, cells: int, skip_reduction: bool) -> KerasTensor:
    x = layers.Conv2D(stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal", name="stem_conv1")(x)
    x = _normalized(x, "stem_bn1")
    x, before = _reduction(x, None, filters // 4, "stem_1"), x
    x, before = _reduction(x, before, filters // 2, "stem_2"), x
    for stage in range(3):
        width, start = filters * 2**stage, stage * cells
        if stage:
            reduced = _reduction(x, before, width, f"reduce_{start}")
            # The larger network's next cell sees the cell before the reduction's input, not that input.
            x, before = reduced, before if skip_reduction else x
        for cell in range(cells):
            x, before = _normal(x, before, width, f"{start + cell + (1 if stage else 0)}"), x
    return _relu(x)


def _network(
    title: str, own_name: str, size: int, files: tuple[str, str], hashes: tuple[str, str], **widths: Any
) -> Callable[..., Model]:
    def file(include_top: bool) -> WeightsFile:
        ending = "" if include_top else "_no_top"
        url = f"{_URL}{files[0 if include_top else 1]}"
        return WeightsFile(f"{own_name}{ending}.h5", url, hashes[0 if include_top else 1])

    def construct(
        input_shape: tuple[int | None, ...] | None = None,
        include_top: bool = True,
        weights: str | os.PathLike | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | Callable | None = "softmax",
        name: str = own_name,
    ) -> Model:
        if input_shape is None and not include_top:
            input_shape = (size, size, 3)
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        if channel_axis() != -1:
            raise ValueError(f"{name}: images must be channels_last; call `set_image_data_format('channels_last')`.")
        image = request.image(size)
        if None in image_size(image):
            raise request.complaint("input_shape", image.shape[1:], "complete (without None): cells depend on the size")
        x = _body(image, **widths)
        if include_top:
            x = request.classified(layers.GlobalAveragePooling2D()(x))
        else:
            x = request.pooled(x, avg_name=None, max_name=None)
        return request.model(image, x, lambda: file(include_top))

    return documented(construct, title, SOURCE, size)


# Files and md5 of the published weights with and without the classifier.
NASNetMobile = _network(
    "NASNetMobile", "nasnet_mobile", 224, ("NASNet-mobile.h5", "NASNet-mobile-no-top.h5"),
    ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    stem=32, filters=44, cells=4, skip_reduction=False,
)  # fmt: skip
NASNetLarge = _network(
    "NASNetLarge", "nasnet_large", 331, ("NASNet-large.h5", "NASNet-large-no-top.h5"),
    ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
    stem=96, filters=168, cells=6, skip_reduction=True,
)  # fmt: skip


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return images of 0..255 scaled to -1..1; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")
