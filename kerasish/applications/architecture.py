"""What all applications share: the arguments of their constructors, the input, the classifier and the weights."""

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from kerasish import activations, layers
from kerasish.core import config
from kerasish.core.symbolic import KerasTensor, is_symbolic, source_inputs
from kerasish.models import Model
from kerasish.utils.data_files import get_file

ARGUMENTS = """
    Args:
        include_top: whether the classifier is part of the model.
        weights: {weights}, None (random), or the path of a weights file.
        input_tensor: KerasTensor to build the model on; by default a new `Input`.
        input_shape: shape of one image without the batch, at least {minimum} x {minimum}. Default: {size} x {size} x 3
            with the classifier, any size and 3 channels without.
        pooling: what follows the last feature map without the classifier: None, `"avg"` or `"max"` (global pooling).
        classes: number of classes.
        classifier_activation: activation of the classifier; None gives logits.
        name: of the model.

    Returns:
        A `Model` from images `(batch, height, width, channels)` (or the order of `image_data_format`) to class
        probabilities `(batch, classes)`, features `(batch, features)` with `pooling`, or a feature map.

    Raises:
        ValueError: for a wrong combination of arguments, a missing weights file, or one that does not fit.
        ConnectionError: if official weights are not in the cache and cannot be downloaded.
"""


class Architecture(Protocol):
    """The signature that most applications share."""

    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike | None = ...,
        input_tensor: KerasTensor | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = ...,
        classifier_activation: str | Callable | None = "softmax",
        name: str = ...,
    ) -> Model: ...


class Weights(Protocol):
    """Weights that a network can be given."""

    def load(self, model: Model) -> None: ...


class WeightsFile(NamedTuple):
    """A published file: its name, its URL, and its md5 or sha256 (None where none is published)."""

    name: str
    url: str
    hash: str | None

    def fetch(self) -> str:
        """Return the path in the cache, after a verified download if it is not there.

        Raises:
            ConnectionError: if it cannot be downloaded; the message says where to put it by hand.
        """
        try:
            return get_file(self.name, self.url, cache_subdir="models", file_hash=self.hash)
        except ConnectionError as error:
            error.add_note(f"Or pass the path of a file you already have: `weights='path/to/{self.name}'`.")
            raise

    def load(self, model: Model) -> None:
        """Give a network the weights of the file, which is downloaded first if it is not in the cache."""
        model.load_weights(self.fetch())


def published_files(url: str, name: str, hashes: tuple[str, str]) -> Callable[[bool], WeightsFile]:
    """Return what gives the published file with (True) or without (False) the classifier.

    Args:
        url: folder of both files, with a slash at its end.
        name: what both names begin with.
        hashes: of the file with and of that without the classifier.
    """

    def file(include_top: bool) -> WeightsFile:
        full_name = f"{name}{'' if include_top else '_notop'}.h5"
        return WeightsFile(full_name, url + full_name, hashes[0 if include_top else 1])

    return file


@dataclass(frozen=True)
class Request:
    """What a user asked a constructor for; its methods are the steps that all constructors have in common.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: the arguments
            of the constructor, see `ARGUMENTS`.
        pretrained: the name of the published weights, `"imagenet"` or that of a data set.
        pretrained_classes: the number of classes they were trained for.
    """

    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Any
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str
    pretrained: str = "imagenet"
    pretrained_classes: int = 1000

    def __post_init__(self) -> None:
        weights = self.weights
        if weights not in (None, self.pretrained) and not (
            isinstance(weights, str | os.PathLike) and os.path.exists(weights)
        ):
            raise self.complaint(
                "weights", weights, f"None (random), {self.pretrained!r}, or the path of an existing weights file"
            )
        if self.published and self.include_top and self.classes != self.pretrained_classes:
            raise self.complaint(
                "classes",
                self.classes,
                f"{self.pretrained_classes} with weights={weights!r} and include_top=True (include_top=False leaves "
                "the classifier to you)",
            )
        if self.pooling not in (None, "avg", "max"):
            raise self.complaint("pooling", self.pooling, "None, 'avg' or 'max'")
        if self.input_tensor is not None and not is_symbolic(self.input_tensor):
            raise self.complaint("input_tensor", self.input_tensor, "a KerasTensor, as `Input` returns")

    @property
    def published(self) -> bool:
        """Whether the published weights are wanted."""
        return self.weights is not None and self.weights == self.pretrained

    def complaint(self, argument: str, value: Any, expected: str) -> ValueError:
        """Return a ValueError that names the model and the argument."""
        return ValueError(f"{self.name}: `{argument}` must be {expected}; received {argument}={value!r}.")

    def image(self, size: int | None, minimum: int = 32) -> KerasTensor:
        """Return the symbolic images the model starts from.

        Args:
            size: default height and width, used if there is a classifier; None if it takes images of any size.
            minimum: smallest height and width that the network can reduce.

        Raises:
            ValueError: if `input_shape` does not fit.
        """
        shape = self._image_shape(size, minimum)
        return layers.Input(shape=shape) if self.input_tensor is None else self.input_tensor

    def _image_shape(self, size: int | None, minimum: int) -> tuple[int | None, ...]:
        last = config.image_data_format() == "channels_last"

        def image_shape(side: int | None, channels: int) -> tuple[int | None, ...]:
            return (side, side, channels) if last else (channels, side, side)

        shape = tuple(self.input_shape) if self.input_shape is not None else None
        if shape is None:
            return image_shape(size if self.include_top else None, 3)
        if len(shape) != 3:
            raise self.complaint("input_shape", shape, "three numbers, height, width and channels")
        channels, sides = (shape[-1], shape[:-1]) if last else (shape[0], shape[1:])
        if self.published:
            if channels != 3:
                raise self.complaint("input_shape", shape, f"of images with 3 channels for weights={self.weights!r}")
            if (
                self.include_top
                and self.pretrained == "imagenet"
                and size is not None
                and shape != image_shape(size, 3)
            ):
                raise self.complaint(
                    "input_shape", shape, f"{image_shape(size, 3)} with weights='imagenet' and include_top=True"
                )
        elif channels not in (1, 3):
            warnings.warn(
                f"{self.name}: images usually have 1 or 3 channels; received input_shape={shape}.", stacklevel=4
            )
        if any(side is not None and side < minimum for side in sides):
            raise self.complaint("input_shape", shape, f"at least {minimum} x {minimum} in height and width")
        if self.include_top and size is not None and None in shape:
            raise self.complaint("input_shape", shape, "complete (without None) when include_top=True")
        return shape

    def check_activation(self) -> None:
        """Refuse classifier activations that published weights were not trained with.

        Raises:
            ValueError: if there are weights and the activation is neither softmax nor None.
        """
        allowed = (activations.get("softmax"), activations.get(None))
        if self.weights is not None and activations.get(self.classifier_activation) not in allowed:
            raise self.complaint(
                "classifier_activation", self.classifier_activation, "'softmax' or None with pretrained weights"
            )

    def pooled(self, x: KerasTensor, avg_name: str | None = "avg_pool", max_name: str | None = "max_pool") -> Any:
        """Return a feature map pooled as `pooling` says, for models without the classifier."""
        if self.pooling == "avg":
            return layers.GlobalAveragePooling2D(name=avg_name)(x)
        return layers.GlobalMaxPooling2D(name=max_name)(x) if self.pooling == "max" else x

    def classified(self, x: KerasTensor, name: str = "predictions", **options: Any) -> KerasTensor:
        """Return class scores of feature vectors, from a `Dense` layer of that name.

        Args:
            x: `(batch, features)`.
            name: of the layer.
            **options: further arguments of `Dense`.
        """
        self.check_activation()
        return layers.Dense(self.classes, activation=self.classifier_activation, name=name, **options)(x)

    def top(self, x: KerasTensor) -> KerasTensor:
        """Return the usual end of a network: average pooling and classifier, or just the pooling that was asked for."""
        if not self.include_top:
            return self.pooled(x)
        return self.classified(layers.GlobalAveragePooling2D(name="avg_pool")(x))

    def model(self, image: KerasTensor, outputs: KerasTensor, published: Callable[[], Weights] | None = None) -> Model:
        """Return the model, with its weights.

        Args:
            image: where it starts.
            outputs: where it ends.
            published: returns the published weights for this request.
        """
        inputs = image if self.input_tensor is None else source_inputs(image)
        model = Model(inputs, outputs, name=self.name)
        if self.published:
            assert published is not None
            published().load(model)
        elif self.weights is not None:
            model.load_weights(self.weights)
        return model


def channel_axis() -> int:
    """Return the axis of the channels in image batches, as `image_data_format` says."""
    return -1 if config.image_data_format() == "channels_last" else 1


def image_size(x: KerasTensor) -> tuple[int | None, int | None]:
    """Return height and width of a symbolic image batch."""
    return tuple(x.shape[1:3] if channel_axis() == -1 else x.shape[2:4])


def padding_before_stride(x: KerasTensor, kernel_size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the zero padding with which a valid convolution of stride 2 halves an image, as published weights expect.

    Args:
        x: image batch; an odd size needs the same padding on both sides, an even one less before.
        kernel_size: of the convolution.
    """
    half = kernel_size // 2
    height, width = ((half - 1 if side is None else half - (1 - side % 2), half) for side in image_size(x))
    return height, width


def standard(
    title: str,
    body: Callable[[KerasTensor], KerasTensor],
    *,
    source: str,
    file: Callable[[bool], WeightsFile],
    size: int = 224,
    minimum: int = 32,
    end: Callable[[Request, KerasTensor], KerasTensor] = Request.top,
    model_name: str | None = None,
) -> Architecture:
    """Return the constructor of a network that has nothing but the usual arguments.

    Args:
        title: name of the constructor.
        body: from images to the last feature map.
        source: the paper, for the docstring.
        file: the published ImageNet weights, with (True) or without (False) the classifier.
        size: default height and width of the images.
        minimum: smallest height and width.
        end: from the last feature map to the outputs.
        model_name: default name of the model; the title in lower case.
    """

    def construct(
        include_top: bool = True,
        weights: str | os.PathLike | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | Callable | None = "softmax",
        name: str = model_name or title.lower(),
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        image = request.image(size, minimum)
        return request.model(image, end(request, body(image)), lambda: file(include_top))

    return documented(construct, title, source, size, minimum)


def documented(
    construct: Callable,
    title: str,
    source: str,
    size: int | None,
    minimum: int = 32,
    own: tuple[str, ...] = (),
    trained: str = "",
) -> Any:
    """Give the constructor of a network with ImageNet weights its name and its docstring.

    Args:
        construct: the constructor.
        title: its name.
        source: the paper.
        size: default height and width of the images; None if also the classifier takes any size.
        minimum: smallest height and width.
        own: a line `argument: what it is.` for each argument that other networks do not have.
        trained: for which arguments there are weights, if not for all.
    """
    weights = '`"imagenet"`' + (f"\n            ({trained})" if trained else "")
    arguments = ARGUMENTS.format(weights=weights, size=size or 224, minimum=minimum)
    if size is None:
        arguments = re.sub(r"Default: .*?\.\n", "Default: any size and 3 channels.\n", arguments, flags=re.DOTALL)
    lines = "".join(f"        {line}\n" for line in own)
    arguments = arguments.replace("\n    Returns:", f"{lines}\n    Returns:", 1)
    return named(construct, title, f"Return the network {title}.\n\n    Source: {source}.\n{arguments}")


def named(construct: Callable, title: str, documentation: str) -> Any:
    """Give a generated constructor its name, its module and its docstring."""
    construct.__name__ = construct.__qualname__ = title
    construct.__doc__ = documentation
    return construct
