"""EfficientNetV2: EfficientNet whose first stages replace expansion and depthwise convolution by one convolution."""

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from kerasish import layers
from kerasish.applications.architecture import Request, channel_axis, documented, published_files
from kerasish.applications.efficientnet import DROP_RATE, added, convolved, end, inverted_block, rounded
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor
from kerasish.models import Model

SOURCE = "Tan and Le, 2021, https://arxiv.org/abs/2104.00298"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
_MOMENTUM = 0.9
PREPROCESSING = "include_preprocessing: whether the model scales images of 0..255 itself."


class _Stage(NamedTuple):
    fused: bool
    blocks: int
    filters: int
    expansion: int
    stride: int


class _Scale(NamedTuple):
    stem: int  # filters of the first convolution
    stages: tuple[_Stage, ...]
    size: int
    hashes: tuple[str, str]  # md5 of the published weights with and without the classifier
    width: float = 1.0
    depth: float = 1.0


def _stages(blocks: tuple[int, ...], filters: tuple[int, ...]) -> tuple[_Stage, ...]:
    """Three fused stages, then others; all stages but the first, the fifth and the seventh halve the image."""
    expansions, strides = (1, 4, 4, 4, 6, 6, 6), (1, 2, 2, 2, 1, 2, 1)
    fused = (True, True, True, False, False, False, False)
    return tuple(map(_Stage, fused, blocks, filters, expansions, strides))


_B = _stages((1, 2, 2, 3, 5, 8), (16, 32, 48, 96, 112, 192))
_S = _stages((2, 4, 4, 6, 9, 15), (24, 48, 64, 128, 160, 256))
_M = _stages((3, 5, 5, 7, 14, 18, 5), (24, 48, 80, 160, 176, 304, 512))
_L = _stages((4, 7, 7, 10, 19, 25, 7), (32, 64, 96, 192, 224, 384, 640))
_SCALES = {
    "B0": _Scale(32, _B, 224, ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff")),
    "B1": _Scale(32, _B, 240, ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"), 1.0, 1.1),
    "B2": _Scale(32, _B, 260, ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"), 1.1, 1.2),
    "B3": _Scale(32, _B, 300, ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"), 1.2, 1.4),
    "S": _Scale(24, _S, 384, ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070")),
    "M": _Scale(24, _M, 480, ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342")),
    "L": _Scale(32, _L, 480, ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")),
}


def _fused_block(
    x: KerasTensor, filters: int, stride: int, expansion: int, drop_rate: float, name: str
) -> KerasTensor:  # fmt: skip
    shortcut, channels = x, x.shape[channel_axis()]
    if expansion == 1:
        x = convolved(x, filters, 3, f"{name}project_", _MOMENTUM, strides=stride)
    else:
        x = convolved(x, expansion * channels, 3, f"{name}expand_", _MOMENTUM, strides=stride)
        x = convolved(x, filters, 1, f"{name}project_", _MOMENTUM, activate=False)
    return added(x, shortcut, drop_rate, name) if stride == 1 and channels == filters else x


def _preprocessed(x: KerasTensor, like_first_version: bool) -> KerasTensor:
    if like_first_version and x.shape[channel_axis()] == 3:
        x = layers.Rescaling(1 / 255)(x)
        mean, variance = [0.485, 0.456, 0.406], [0.229**2, 0.224**2, 0.225**2]
        return layers.Normalization(axis=channel_axis(), mean=mean, variance=variance)(x)
    return layers.Rescaling(1 / 128, offset=-1)(x)


def _body(x: KerasTensor, scale: _Scale) -> KerasTensor:
    x = convolved(x, rounded(scale.width * scale.stem), 3, "stem_", _MOMENTUM, strides=2)
    done, unscaled = 0, sum(stage.blocks for stage in scale.stages)
    for number, stage in enumerate(scale.stages, start=1):
        filters = rounded(scale.width * stage.filters)
        for block in range(math.ceil(scale.depth * stage.blocks)):
            stride = stage.stride if block == 0 else 1
            # Of the number of blocks before `depth`, as in the weights' training: deep networks drop more than 0.2.
            drop_rate = DROP_RATE * done / unscaled
            name = f"block{number}{chr(ord('a') + block)}_"
            if stage.fused:
                x = _fused_block(x, filters, stride, stage.expansion, drop_rate, name)
            else:
                x = inverted_block(
                    x, filters, 3, stride, stage.expansion, drop_rate, name,
                    momentum=_MOMENTUM, depthwise="dwconv2", pad_first=False,
                )  # fmt: skip
            done += 1
    return x


def _network(letter: str) -> Callable[..., Model]:
    title, scale, own_name = f"EfficientNetV2{letter}", _SCALES[letter], f"efficientnetv2-{letter.lower()}"
    file = published_files(_URL, own_name, scale.hashes)

    def construct(
        include_top: bool = True,
        weights: str | os.PathLike | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | Callable | None = "softmax",
        include_preprocessing: bool = True,
        name: str = own_name,
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        image = request.image(scale.size)
        x = _preprocessed(image, letter.startswith("B")) if include_preprocessing else image
        x = end(request, _body(x, scale), rounded(scale.width * 1280), _MOMENTUM, dropout=0.2)
        return request.model(image, x, lambda: file(include_top))

    return documented(construct, title, SOURCE, scale.size, own=(PREPROCESSING,))


EfficientNetV2B0 = _network("B0")
EfficientNetV2B1 = _network("B1")
EfficientNetV2B2 = _network("B2")
EfficientNetV2B3 = _network("B3")
EfficientNetV2S = _network("S")
EfficientNetV2M = _network("M")
EfficientNetV2L = _network("L")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images as they are: by default the networks scale images of 0..255 themselves."""
    return x
