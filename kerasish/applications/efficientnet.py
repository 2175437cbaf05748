"""EfficientNet: inverted residual blocks with squeeze and excitation, scaled in width, depth and image size."""

import functools
import math
from typing import Any, NamedTuple

from kerasish import layers
from kerasish.applications.architecture import (
    Architecture,
    Request,
    channel_axis,
    padding_before_stride,
    published_files,
    standard,
)
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor
from kerasish.initializers import VarianceScaling

SOURCE = "Tan and Le, 2019, https://arxiv.org/abs/1905.11946"
_URL = "https://storage.googleapis.com/keras-applications/"
# What the variances of the channels are taken for by the published weights; after it, images are not quite normalized.
_DEVIATIONS = (0.229, 0.224, 0.225)
# Share of the residual branches dropped in the last block; in the others less, the earlier the block.
DROP_RATE = 0.2


class _Stage(NamedTuple):
    kernel_size: int
    blocks: int
    filters: int
    expansion: int
    stride: int


_STAGES = (
    _Stage(3, 1, 16, 1, 1),
    _Stage(3, 2, 24, 6, 2),
    _Stage(5, 2, 40, 6, 2),
    _Stage(3, 3, 80, 6, 2),
    _Stage(5, 3, 112, 6, 1),
    _Stage(5, 4, 192, 6, 2),
    _Stage(3, 1, 320, 6, 1),
)


class _Scale(NamedTuple):
    width: float
    depth: float
    size: int
    dropout: float
    hashes: tuple[str, str]  # md5 of the published weights with and without the classifier


_SCALES = {
    "B0": _Scale(1.0, 1.0, 224, 0.2, ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d")),
    "B1": _Scale(1.0, 1.1, 240, 0.2, ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432")),
    "B2": _Scale(1.1, 1.2, 260, 0.3, ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39")),
    "B3": _Scale(1.2, 1.4, 300, 0.3, ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226")),
    "B4": _Scale(1.4, 1.8, 380, 0.4, ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba")),
    "B5": _Scale(1.6, 2.2, 456, 0.4, ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f")),
    "B6": _Scale(1.8, 2.6, 528, 0.5, ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743")),
    "B7": _Scale(2.0, 3.1, 600, 0.5, ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a")),
}


def rounded(filters: float, least_share: float = 0.0) -> int:
    """Return the multiple of 8 next to a number of filters, at least 8 and at least this share of it."""
    result = max(8, int(filters + 4) // 8 * 8)
    return result + 8 if result < least_share * filters else result


def kernels() -> VarianceScaling:
    """Return the initial values of convolutions."""
    return VarianceScaling(2.0, "fan_out", "truncated_normal")


def normalized(x: KerasTensor, name: str, momentum: float, activate: bool = True) -> KerasTensor:
    """Batch normalization and swish, in layers `{name}bn` and `{name}activation`."""
    x = layers.BatchNormalization(axis=channel_axis(), momentum=momentum, name=f"{name}bn")(x)
    return layers.Activation("swish", name=f"{name}activation")(x) if activate else x


def convolved(
    x: KerasTensor, filters: int, size: int, name: str, momentum: float, activate: bool = True, **options: Any
) -> KerasTensor:
    """A convolution `{name}conv`, normalized; `options` are further arguments of `Conv2D`."""
    options = {"padding": "same", **options}
    x = layers.Conv2D(
        filters, size, use_bias=False, kernel_initializer=kernels(), name=f"{name}conv", **options
    )(x)  # fmt: skip
    return normalized(x, name, momentum, activate)


def excited(x: KerasTensor, squeezed: int, name: str) -> KerasTensor:
    """Scale each channel by what a small network makes of the means of all, Hu et al., 2017, arXiv:1709.01507."""
    filters = x.shape[channel_axis()]
    scale = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    shape = (1, 1, filters) if channel_axis() == -1 else (filters, 1, 1)
    scale = layers.Reshape(shape, name=f"{name}se_reshape")(scale)
    for part, width, activation in (("reduce", squeezed, "swish"), ("expand", filters, "sigmoid")):
        scale = layers.Conv2D(
            width, 1, padding="same", activation=activation, kernel_initializer=kernels(), name=f"{name}se_{part}"
        )(scale)
    return layers.Multiply(name=f"{name}se_excite")([x, scale])


def added(x: KerasTensor, shortcut: KerasTensor, drop_rate: float, name: str) -> KerasTensor:
    """The sum of a residual branch, which is dropped at this rate, and a shortcut."""
    if drop_rate > 0:
        x = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.Add(name=f"{name}add")([x, shortcut])


def inverted_block(
    x: KerasTensor, filters: int, kernel_size: int, stride: int, expansion: int, drop_rate: float, name: str,
    squeeze: float = 0.25, momentum: float = 0.99, depthwise: str = "dwconv", pad_first: bool = True,
) -> KerasTensor:  # fmt: skip
    """Expansion, depthwise convolution, squeeze and excitation, projection, and a shortcut where shapes allow.

    Args:
        x: feature maps.
        filters: number of output channels.
        kernel_size: of the depthwise convolution.
        stride: of the depthwise convolution.
        expansion: channels of the depthwise convolution over input channels.
        drop_rate: of the residual branch in training.
        name: prefix of the layers' names.
        squeeze: width of squeeze and excitation over input channels.
        momentum: of the batch normalizations.
        depthwise: name of the depthwise convolution.
        pad_first: whether a layer of its own pads before a stride.
    """
    shortcut, channels = x, x.shape[channel_axis()]
    if expansion != 1:
        x = convolved(x, expansion * channels, 1, f"{name}expand_", momentum)
    pad_first = pad_first and stride == 2
    if pad_first:
        x = layers.ZeroPadding2D(padding_before_stride(x, kernel_size), name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel_size, strides=stride, padding="valid" if pad_first else "same", use_bias=False,
        depthwise_initializer=kernels(), name=f"{name}{depthwise}",
    )(x)  # fmt: skip
    x = excited(normalized(x, name, momentum), max(1, int(squeeze * channels)), name)
    x = convolved(x, filters, 1, f"{name}project_", momentum, activate=False)
    return added(x, shortcut, drop_rate, name) if stride == 1 and channels == filters else x


def end(request: Request, x: KerasTensor, filters: int, momentum: float, dropout: float) -> KerasTensor:
    """The last convolution, then pooling, dropout and classifier, or just the pooling that was asked for."""
    x = convolved(x, filters, 1, "top_", momentum)
    if not request.include_top:
        return request.pooled(x)
    x = layers.Dropout(dropout, name="top_dropout")(layers.GlobalAveragePooling2D(name="avg_pool")(x))
    return request.classified(x, kernel_initializer=VarianceScaling(1 / 3, "fan_out", "uniform"))


def _outputs(request: Request, x: KerasTensor, scale: _Scale) -> KerasTensor:
    def width(filters: int) -> int:
        return rounded(scale.width * filters, least_share=0.9)

    x = layers.Normalization(axis=channel_axis())(layers.Rescaling(1 / 255)(x))
    if request.published:
        x = layers.Rescaling([1 / math.sqrt(deviation) for deviation in _DEVIATIONS])(x)
    x = layers.ZeroPadding2D(padding_before_stride(x, 3), name="stem_conv_pad")(x)
    x = convolved(x, width(32), 3, "stem_", 0.99, strides=2, padding="valid")
    repeats = [math.ceil(scale.depth * stage.blocks) for stage in _STAGES]
    done = 0
    for number, (stage, blocks) in enumerate(zip(_STAGES, repeats), start=1):
        for block in range(blocks):
            x = inverted_block(
                x, width(stage.filters), stage.kernel_size, stage.stride if block == 0 else 1, stage.expansion,
                DROP_RATE * done / sum(repeats), f"block{number}{chr(ord('a') + block)}_",
            )  # fmt: skip
            done += 1
    return end(request, x, width(1280), 0.99, scale.dropout)


def _network(letter: str) -> Architecture:
    title, scale = f"EfficientNet{letter}", _SCALES[letter]

    file = published_files(_URL, title.lower(), scale.hashes)
    outputs = functools.partial(_outputs, scale=scale)
    return standard(title, lambda image: image, source=SOURCE, file=file, size=scale.size, end=outputs)


EfficientNetB0 = _network("B0")
EfficientNetB1 = _network("B1")
EfficientNetB2 = _network("B2")
EfficientNetB3 = _network("B3")
EfficientNetB4 = _network("B4")
EfficientNetB5 = _network("B5")
EfficientNetB6 = _network("B6")
EfficientNetB7 = _network("B7")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images as they are: the networks scale images of 0..255 themselves."""
    return x
