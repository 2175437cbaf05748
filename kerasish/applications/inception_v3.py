"""InceptionV3: blocks of parallel branches whose channels are put together."""

from collections.abc import Sequence
from typing import Any

from kerasish import layers
from kerasish.applications import imagenet_utils
from kerasish.applications.architecture import Request, channel_axis, published_files, standard
from kerasish.applications.imagenet_utils import decode_predictions as decode_predictions
from kerasish.core.symbolic import KerasTensor

SOURCE = "Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, 2015, https://arxiv.org/abs/1512.00567"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
# md5 of the published weights with and without the classifier.
_HASHES = ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")
_FILES = published_files(_URL, "inception_v3_weights_tf_dim_ordering_tf_kernels", _HASHES)

# A convolution: filters and kernel size. A branch: convolutions one after the other.
Convolution = tuple[int, int | tuple[int, int]]
Branch = Sequence[Convolution]
_ROW, _COLUMN = (1, 7), (7, 1)


def convolved(
    x: KerasTensor, filters: int, size: int | tuple[int, int], name: str | None = None, **options: Any
) -> KerasTensor:
    """A convolution without bias, normalized, with relu; `options` are further arguments of `Conv2D`."""
    options = {"padding": "same", **options}
    x = layers.Conv2D(filters, size, use_bias=False, name=name, **options)(x)
    x = layers.BatchNormalization(axis=channel_axis(), scale=False, name=name and f"{name}_bn")(x)
    return layers.Activation("relu", name=name and f"{name}_ac")(x)


def stem(x: KerasTensor) -> KerasTensor:
    """Five convolutions and two poolings: an eighth of the size."""
    x = convolved(x, 32, 3, strides=2, padding="valid")
    x = convolved(convolved(x, 32, 3, padding="valid"), 64, 3)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = convolved(convolved(x, 80, 1, padding="valid"), 192, 3, padding="valid")
    return layers.MaxPooling2D(3, strides=2)(x)


def concatenated(branches: list[KerasTensor], name: str | None = None) -> KerasTensor:
    """The channels of all branches."""
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def branch(x: KerasTensor, convolutions: Branch, halve: bool = False) -> KerasTensor:
    """Convolutions one after the other; with `halve` the last has stride 2 and no padding."""
    for position, (filters, size) in enumerate(convolutions, start=1):
        last = halve and position == len(convolutions)
        x = convolved(x, filters, size, **({"strides": 2, "padding": "valid"} if last else {}))
    return x


def mixed(x: KerasTensor, name: str, branches: Sequence[Branch], pooled: int) -> KerasTensor:
    """Put together branches and one of average pooling, followed by a convolution with `pooled` filters."""
    parts = [branch(x, convolutions) for convolutions in branches]
    average = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    return concatenated([*parts, convolved(average, pooled, 1)], name)


def reduced(x: KerasTensor, name: str, branches: Sequence[Branch]) -> KerasTensor:
    """Put together branches that halve the size and one of max pooling."""
    parts = [branch(x, convolutions, halve=True) for convolutions in branches]
    return concatenated([*parts, layers.MaxPooling2D(3, strides=2)(x)], name)


def _crossed(x: KerasTensor, name: str | None = None) -> KerasTensor:
    return concatenated([convolved(x, 384, (1, 3)), convolved(x, 384, (3, 1))], name)


def _body(x: KerasTensor) -> KerasTensor:
    x = stem(x)
    for block, pooled in enumerate((32, 64, 64)):
        x = mixed(x, f"mixed{block}", [[(64, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)]], pooled)
    x = reduced(x, "mixed3", [[(384, 3)], [(64, 1), (96, 3), (96, 3)]])
    for block, width in enumerate((128, 160, 160, 192), start=4):
        short = [(width, 1), (width, _ROW), (192, _COLUMN)]
        long = [(width, 1), (width, _COLUMN), (width, _ROW), (width, _COLUMN), (192, _ROW)]
        x = mixed(x, f"mixed{block}", [[(192, 1)], short, long], 192)
    x = reduced(x, "mixed8", [[(192, 1), (320, 3)], [(192, 1), (192, _ROW), (192, _COLUMN), (192, 3)]])
    for block in (0, 1):
        single = convolved(x, 320, 1)
        short = _crossed(convolved(x, 384, 1), f"mixed9_{block}")
        long = _crossed(branch(x, [(448, 1), (384, 3)]))
        average = convolved(layers.AveragePooling2D(3, strides=1, padding="same")(x), 192, 1)
        x = concatenated([single, short, long, average], f"mixed{9 + block}")
    return x


def end(request: Request, x: KerasTensor) -> KerasTensor:
    """The usual end, but without names of its own for the pooling of models without the classifier."""
    return request.top(x) if request.include_top else request.pooled(x, avg_name=None, max_name=None)


InceptionV3 = standard(
    "InceptionV3", _body, source=SOURCE, file=_FILES, size=299, minimum=75, end=end, model_name="inception_v3"
)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return images of 0..255 scaled to -1..1; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")
