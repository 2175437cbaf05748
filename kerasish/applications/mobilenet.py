"""MobileNet: pairs of a depthwise and a pointwise convolution, with a multiplier for all widths."""

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.architecture import Request, WeightsFile, channel_axis, documented
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor
from kerasish.models import Model

SOURCE = "Howard et al., 2017, https://arxiv.org/abs/1704.04861"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
# Sizes of images and widths with published weights, and how the names of the files spell the widths.
_SIZES = (128, 160, 192, 224)
_ALPHAS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
# Filters and stride of the pairs.
_PAIRS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *5 * ((512, 1),), (1024, 2), (1024, 1),
)  # fmt: skip


def sides(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    """Return height and width of an image of that shape, which has no batch."""
    return tuple(shape[:-1] if channel_axis() == -1 else shape[1:])


def trained_size(image: tuple[int | None, ...], sizes: tuple[int, ...]) -> int:
    """Return the size whose published weights fit images of these sides: their own if there are such, or 224."""
    return image[0] if image in [(size, size) for size in sizes] else 224


def check_published(request: Request, alpha: float, alphas: Sequence[float], image: tuple, sizes: tuple) -> None:
    """Refuse widths without published weights, and warn about sizes without.

    Raises:
        ValueError: for another `alpha`.
    """
    if not request.published:
        return
    if alpha not in alphas:
        raise request.complaint("alpha", alpha, f"one of {', '.join(map(str, sorted(alphas)))} with weights='imagenet'")
    if None not in image and image not in [(size, size) for size in sizes]:
        warnings.warn(
            f"{request.name}: there are no weights for images of {' x '.join(map(str, image))}; those for 224 x 224 "
            "are used.",
            stacklevel=3,
        )


def _normalized(x: KerasTensor, name: str) -> KerasTensor:
    x = layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _pair(x: KerasTensor, filters: int, stride: int, depth_multiplier: int, number: int) -> KerasTensor:
    if stride > 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        depth_multiplier=depth_multiplier,
        use_bias=False,
        name=f"conv_dw_{number}",
    )(x)
    x = _normalized(x, f"conv_dw_{number}")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{number}")(x)
    return _normalized(x, f"conv_pw_{number}")


def _body(x: KerasTensor, alpha: float, depth_multiplier: int) -> KerasTensor:
    x = layers.Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(x)
    x = _normalized(x, "conv1")
    for number, (filters, stride) in enumerate(_PAIRS, start=1):
        x = _pair(x, int(filters * alpha), stride, depth_multiplier, number)
    return x


def _end(request: Request, x: KerasTensor, dropout: float) -> KerasTensor:
    if not request.include_top:
        return request.pooled(x, avg_name=None, max_name=None)
    request.check_activation()
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(request.classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((request.classes,), name="reshape_2")(x)
    return layers.Activation(request.classifier_activation, name="predictions")(x)


def MobileNet(
    input_shape: tuple[int | None, ...] | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: str | os.PathLike | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | Callable | None = "softmax",
    name: str | None = None,
) -> Model:
    """Return a MobileNet."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name or "MobileNet"
    )
    usual = (224, 224) if include_top else (None, None)
    image = usual if input_shape is None else sides(input_shape)
    size = trained_size(image, _SIZES)
    inputs = request.image(size)
    if request.published and depth_multiplier != 1:
        raise request.complaint("depth_multiplier", depth_multiplier, "1 with weights='imagenet'")
    check_published(request, alpha, _ALPHAS, image, _SIZES)
    if name is None:
        request = replace(request, name=f"mobilenet_{alpha:0.2f}_{size if request.published else image[0]}")

    def file() -> WeightsFile:
        model = f"mobilenet_{_ALPHAS[alpha]}_{size}_tf{'' if include_top else '_no_top'}.h5"
        return WeightsFile(model, _URL + model, None)

    return request.model(inputs, _end(request, _body(inputs, alpha, depth_multiplier), dropout), file)


documented(
    MobileNet,
    "MobileNet",
    SOURCE,
    size=224,
    own=(
        "alpha: factor of all numbers of filters.",
        "depth_multiplier: channels that a depthwise convolution makes of each of its input's.",
        "dropout: rate before the classifier.",
    ),
    trained="for `alpha` 0.25, 0.5, 0.75 and 1; on images of 128, 160, 192 and 224",
)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return images of 0..255 scaled to -1..1; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")
