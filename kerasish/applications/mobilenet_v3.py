"""MobileNetV3: the blocks of MobileNetV2 with attention to channels, in two sizes."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from kerasish import layers
from kerasish.applications.architecture import (
    Request,
    WeightsFile,
    channel_axis,
    documented,
    padding_before_stride,
)
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.applications.mobilenet import check_published
from kerasish.applications.mobilenet_v2 import divisible, normalized, sides_of_input
from kerasish.core.symbolic import KerasTensor
from kerasish.models import Model

SOURCE = "Howard et al., 2019, https://arxiv.org/abs/1905.02244"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/"
# md5 of the published weights with and without the classifier.
_HASHES = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}


class Block(NamedTuple):
    """A residual block: by which factor it widens, its filters, its stride, and which of the newer parts it has."""

    expansion: float
    filters: int
    stride: int
    large_kernel: bool
    attention: bool
    hard_swish: bool


_SMALL = (
    Block(1, 16, 2, False, True, False),
    Block(72 / 16, 24, 2, False, False, False),
    Block(88 / 24, 24, 1, False, False, False),
    Block(4, 40, 2, True, True, True),
    *2 * (Block(6, 40, 1, True, True, True),),
    *2 * (Block(3, 48, 1, True, True, True),),
    Block(6, 96, 2, True, True, True),
    *2 * (Block(6, 96, 1, True, True, True),),
)
_LARGE = (
    Block(1, 16, 1, False, False, False),
    Block(4, 24, 2, False, False, False),
    Block(3, 24, 1, False, False, False),
    Block(3, 40, 2, True, True, False),
    *2 * (Block(3, 40, 1, True, True, False),),
    Block(6, 80, 2, False, False, True),
    Block(2.5, 80, 1, False, False, True),
    *2 * (Block(2.3, 80, 1, False, False, True),),
    *2 * (Block(6, 112, 1, False, True, True),),
    Block(6, 160, 2, True, True, True),
    *2 * (Block(6, 160, 1, True, True, True),),
)


def _activated(x: KerasTensor, hard_swish: bool) -> KerasTensor:
    return layers.Activation("hard_swish")(x) if hard_swish else layers.ReLU()(x)


def _attended(x: KerasTensor, filters: int, prefix: str) -> KerasTensor:
    """Scale the channels of an image by what their averages say."""
    prefix = f"{prefix}squeeze_excite_"
    scale = layers.GlobalAveragePooling2D(keepdims=True, name=f"{prefix}avg_pool")(x)
    scale = layers.Conv2D(divisible(filters / 4), 1, padding="same", name=f"{prefix}conv")(scale)
    scale = layers.ReLU(name=f"{prefix}relu")(scale)
    scale = layers.Conv2D(filters, 1, padding="same", name=f"{prefix}conv_1")(scale)
    scale = layers.ReLU(6.0)(scale + 3.0) * (1 / 6)
    return layers.Multiply(name=f"{prefix}mul")([x, scale])


def _block(inputs: KerasTensor, block: Block, filters: int, minimalistic: bool, prefix: str) -> KerasTensor:
    x, channels = inputs, inputs.shape[channel_axis()]
    hard_swish = block.hard_swish and not minimalistic
    kernel_size = 5 if block.large_kernel and not minimalistic else 3
    width = divisible(channels * block.expansion)
    if prefix != "expanded_conv_":
        x = layers.Conv2D(width, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = _activated(normalized(x, f"{prefix}expand_bn"), hard_swish)
    if block.stride == 2:
        x = layers.ZeroPadding2D(padding_before_stride(x, kernel_size), name=f"{prefix}depthwise_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides=block.stride,
        padding="same" if block.stride == 1 else "valid",
        use_bias=False,
        name=f"{prefix}depthwise",
    )(x)
    x = _activated(normalized(x, f"{prefix}depthwise_bn"), hard_swish)
    if block.attention and not minimalistic:
        x = _attended(x, width, prefix)
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = normalized(x, f"{prefix}project_bn")
    return layers.Add(name=f"{prefix}add")([inputs, x]) if block.stride == 1 and channels == filters else x


def _body(x: KerasTensor, blocks: tuple[Block, ...], alpha: float, minimalistic: bool) -> KerasTensor:
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = _activated(normalized(x, "conv_bn"), not minimalistic)
    for number, block in enumerate(blocks):
        prefix = f"expanded_conv_{number}_" if number else "expanded_conv_"
        x = _block(x, block, divisible(block.filters * alpha), minimalistic, prefix)
    width = divisible(6 * x.shape[channel_axis()])
    x = layers.Conv2D(width, 1, padding="same", use_bias=False, name="conv_1")(x)
    return _activated(normalized(x, "conv_1_bn"), not minimalistic)


def _end(request: Request, x: KerasTensor, width: int, minimalistic: bool, dropout_rate: float) -> KerasTensor:
    if not request.include_top:
        return request.pooled(x)
    request.check_activation()
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = _activated(layers.Conv2D(width, 1, padding="same", name="conv_2")(x), not minimalistic)
    if dropout_rate > 0:
        x = layers.Dropout(dropout_rate)(x)
    x = layers.Conv2D(request.classes, 1, padding="same", name="logits")(x)
    return layers.Activation(request.classifier_activation, name="predictions")(layers.Flatten()(x))


def _file(model: str, alpha: float, minimalistic: bool, include_top: bool) -> WeightsFile:
    model = f"{model}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}_float"
    name = f"weights_mobilenet_v3_{model}{'' if include_top else '_no_top_v2'}.h5"
    return WeightsFile(name, _URL + name, _HASHES[model][0 if include_top else 1])


class Constructor(Protocol):
    """The signature of both sizes."""

    def __call__(
        self,
        input_shape: tuple[int | None, ...] | None = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: str | os.PathLike | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: str | Callable | None = "softmax",
        include_preprocessing: bool = True,
        name: str = ...,
    ) -> Model: ...


def _network(title: str, blocks: tuple[Block, ...], width: int, model: str) -> Constructor:
    def construct(
        input_shape: tuple[int | None, ...] | None = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: str | os.PathLike | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: str | Callable | None = "softmax",
        include_preprocessing: bool = True,
        name: str = title,
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        image = sides_of_input(request) or (224, 224)
        inputs = request.image(size=None)
        check_published(request, alpha, (1.0,) if minimalistic else (0.75, 1.0), image, (224,))
        x = layers.Rescaling(1 / 127.5, -1.0)(inputs) if include_preprocessing else inputs
        x = _body(x, blocks, alpha, minimalistic)
        # The last layer grows with large factors, but does not shrink with small ones.
        x = _end(request, x, divisible(width * max(alpha, 1.0)), minimalistic, dropout_rate)
        return request.model(inputs, x, lambda: _file(model, alpha, minimalistic, include_top))

    own = (
        "alpha: factor of all numbers of filters.",
        "minimalistic: leave out attention, hard swish and 5 x 5 convolutions.",
        "dropout_rate: rate before the classifier.",
        "include_preprocessing: whether the model scales images of 0..255 itself.",
    )
    trained = "for `alpha` 0.75 and 1, if minimalistic only for 1; on images of 224"
    return documented(construct, title, SOURCE, size=None, own=own, trained=trained)


MobileNetV3Small = _network("MobileNetV3Small", _SMALL, 1024, "small")
MobileNetV3Large = _network("MobileNetV3Large", _LARGE, 1280, "large")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images as they are: the network scales them itself."""
    return x
