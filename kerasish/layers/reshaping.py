"""Layers that rearrange, cut, pad and repeat elements without computing with them."""

import math
import operator
from typing import Any, ClassVar

import jax.numpy as jnp

from kerasish import ops
from kerasish.core.symbolic import KerasTensor
from kerasish.layers import arguments
from kerasish.layers.layer import Layer
from kerasish.layers.spec import InputSpec


class Flatten(Layer):
    """Make one axis of all axes but the batch.

    Args:
        data_format: `"channels_first"` puts the channels (axis 1) last before flattening, so that the order of the
            elements is that of `"channels_last"`; None for the default.
        **kwargs: arguments of `Layer`.

    Example:
        >>> Flatten()(np.ones((10, 64, 32))).shape
        (10, 2048)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = jnp.moveaxis(inputs, 1, -1)
        return inputs.reshape(inputs.shape[0], math.prod(inputs.shape[1:]))

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "data_format")


class Reshape(Layer):
    """Give the elements of each sample another shape.

    Args:
        target_shape: shape without the batch axis; one size may be -1 and then follows from the others.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for a bad shape, and when called on inputs whose elements do not fit into it.

    Example:
        >>> Reshape((-1, 2))(np.ones((5, 4))).shape
        (5, 2, 2)
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        expected = "a tuple of sizes, at most one of them -1"
        try:
            shape = tuple(operator.index(size) for size in target_shape)
        except TypeError:
            raise arguments.complaint(self, "target_shape", target_shape, expected) from None
        if any(size < -1 for size in shape) or shape.count(-1) > 1:
            raise arguments.complaint(self, "target_shape", target_shape, expected)
        self.target_shape = shape

    def _resolved(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the target shape for samples of this shape, with None where it depends on unknown sizes."""
        target = self.target_shape
        if None in input_shape:
            return tuple(None if size == -1 else size for size in target)
        total, known = math.prod(input_shape), math.prod(size for size in target if size != -1)
        if total != known and (-1 not in target or known == 0 or total % known):
            raise ValueError(
                f"Reshape {self.name!r}: samples of shape {input_shape} with {total} elements do not fit into "
                f"target_shape={target}."
            )
        return tuple(total // max(known, 1) if size == -1 else size for size in target)

    def call(self, inputs: Any) -> Any:
        return inputs.reshape(inputs.shape[0], *self._resolved(inputs.shape[1:]))

    # Written out because no sizes tried for unknown axes might fit the target.
    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], *self._resolved(tuple(input_shape[1:])))

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "target_shape")


class Permute(Layer):
    """Put the axes of each sample into another order.

    Args:
        dims: the axes in their new order, counted from 1 after the batch; `(2, 1)` swaps the first two.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: if `dims` is no order of 1, 2, ...

    Example:
        >>> Permute((2, 1))(np.ones((5, 10, 64))).shape
        (5, 64, 10)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        expected = "an order of the axes 1, 2, ..., such as (2, 1)"
        try:
            self.dims = tuple(operator.index(axis) for axis in dims)
        except TypeError:
            raise arguments.complaint(self, "dims", dims, expected) from None
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise arguments.complaint(self, "dims", dims, expected)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return inputs.transpose(0, *self.dims)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "dims")


class RepeatVector(Layer):
    """Repeat each sample `n` times along a new axis: `(batch, features)` to `(batch, n, features)`.

    Args:
        n: how often.
        **kwargs: arguments of `Layer`.

    Raises:
        TypeError: if `n` is no integer.
        ValueError: if it is not positive.

    Example:
        >>> RepeatVector(3)(np.ones((5, 32))).shape
        (5, 3, 32)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = _positive(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return jnp.repeat(inputs[:, None], self.n, axis=1)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "n")


def _positive(layer: Layer, name: str, value: Any) -> int:
    """Return a positive integer; a TypeError for other types."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{type(layer).__name__}: `{name}` must be an integer, received {name}={value!r}.")
    return arguments.positive_integer(layer, name, value)


def _pairs(layer: Layer, name: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """Return `(before, after)` for each axis, from one integer, one for each axis, or a pair for each axis."""
    if isinstance(value, str) or (hasattr(value, "__len__") and len(value) != rank):
        raise arguments.complaint(layer, name, value, f"an integer, {rank} integers or {rank} pairs of integers")
    items = value if hasattr(value, "__len__") else (value,) * rank
    return tuple(arguments.integers(layer, name, item, 2, minimum=0) for item in items)


class _Spatial(Layer):
    """A layer that changes the sizes of spatial axes; the public classes say how many."""

    rank: ClassVar[int]
    data_format = "channels_last"

    @property
    def _first_axis(self) -> int:
        return 1 if self.data_format == "channels_last" else 2


class _Cropping(_Spatial):
    """Cut elements off both ends of spatial axes."""

    def _pairs_of_axes(self) -> tuple[tuple[int, int], ...]:
        return self.cropping

    def call(self, inputs: Any) -> Any:
        index: list[Any] = [slice(None)] * inputs.ndim
        for axis, (before, after) in enumerate(self._pairs_of_axes(), start=self._first_axis):
            size = inputs.shape[axis]
            if before + after >= size:
                raise ValueError(
                    f"{type(self).__name__} {self.name!r}: `cropping` must leave something of every axis, received "
                    f"cropping={self.cropping} for inputs of shape {inputs.shape} ({self.data_format})."
                )
            index[axis] = slice(before, size - after)
        return inputs[tuple(index)]


class Cropping1D(_Cropping):
    """Cut steps off both ends of `(batch, steps, features)`.

    Args:
        cropping: how many at start and end, or one integer for both.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for negative sizes, and when called on inputs that are too short.

    Example:
        >>> Cropping1D((1, 2))(np.ones((2, 5, 3))).shape
        (2, 2, 3)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = arguments.integers(self, "cropping", cropping, 2, minimum=0)
        self.input_spec = InputSpec(ndim=3)

    def _pairs_of_axes(self) -> tuple[tuple[int, int], ...]:
        return (self.cropping,)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "cropping")


class Cropping2D(_Cropping):
    """Cut borders off images.

    Args:
        cropping: an integer, two (height, width), or two pairs `((top, bottom), (left, right))`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for negative sizes, and when called on inputs that are too small.

    Example:
        >>> Cropping2D(((2, 2), (4, 4)))(np.ones((2, 28, 28, 3))).shape
        (2, 24, 20, 3)
    """

    rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.cropping = _pairs(self, "cropping", cropping, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "cropping", "data_format")


class Cropping3D(Cropping2D):
    """Cut borders off volumes; arguments as in `Cropping2D`, three sizes or pairs.

    Example:
        >>> Cropping3D(1)(np.ones((2, 5, 6, 7, 3))).shape
        (2, 3, 4, 5, 3)
    """

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


class _ZeroPadding(_Spatial):
    """Put zeros at both ends of spatial axes."""

    def _pairs_of_axes(self) -> tuple[tuple[int, int], ...]:
        return self.padding

    def call(self, inputs: Any) -> Any:
        before = ((0, 0),) * self._first_axis
        return jnp.pad(inputs, (before + self._pairs_of_axes() + ((0, 0),))[: inputs.ndim])

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "padding", "data_format")


class ZeroPadding1D(_ZeroPadding):
    """Put zeros before the first and after the last step.

    Args:
        padding: how many before and after, or one integer for both.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for negative sizes.

    Example:
        >>> ZeroPadding1D((1, 2))(np.ones((2, 5, 3))).shape
        (2, 8, 3)
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.padding = arguments.integers(self, "padding", padding, 2, minimum=0)
        self.input_spec = InputSpec(ndim=3)

    def _pairs_of_axes(self) -> tuple[tuple[int, int], ...]:
        return (self.padding,)


class ZeroPadding2D(_ZeroPadding):
    """Put borders of zeros around images.

    Args:
        padding: an integer, two (height, width), or two pairs `((top, bottom), (left, right))`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for negative sizes.

    Example:
        >>> ZeroPadding2D(1)(np.ones((1, 1, 2, 2))).shape
        (1, 3, 4, 2)
    """

    rank = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.padding = _pairs(self, "padding", padding, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)


class ZeroPadding3D(ZeroPadding2D):
    """Put borders of zeros around volumes; arguments as in `ZeroPadding2D`, three sizes or pairs."""

    rank = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


class _UpSampling(_Spatial):
    """Repeat elements along spatial axes."""

    def _factors(self) -> tuple[int, ...]:
        return self.size

    def call(self, inputs: Any) -> Any:
        for axis, factor in enumerate(self._factors(), start=self._first_axis):
            inputs = jnp.repeat(inputs, factor, axis=axis)
        return inputs


class UpSampling1D(_UpSampling):
    """Repeat each step `size` times.

    Args:
        size: how often.
        **kwargs: arguments of `Layer`.

    Raises:
        TypeError: if `size` is no integer.
        ValueError: if it is not positive.

    Example:
        >>> UpSampling1D(2)(np.ones((2, 5, 3))).shape
        (2, 10, 3)
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = _positive(self, "size", size)
        self.input_spec = InputSpec(ndim=3)

    def _factors(self) -> tuple[int, ...]:
        return (self.size,)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "size")


class UpSampling2D(_UpSampling):
    """Make images `size` times as large.

    Args:
        size: factors of height and width, or one integer for both.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        interpolation: `"nearest"` (repeat), `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range.

    Example:
        >>> UpSampling2D((1, 2))(np.ones((2, 2, 1, 3))).shape
        (2, 2, 2, 3)
    """

    rank = 2

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.size = arguments.integers(self, "size", size, self.rank)
        methods = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
        self.interpolation = arguments.choice(self, "interpolation", interpolation, methods)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        height, width = inputs.shape[self._first_axis : self._first_axis + 2]
        size = (height * self.size[0], width * self.size[1])
        return ops.image.resize(inputs, size, self.interpolation, data_format=self.data_format)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "size", "data_format", "interpolation")


class UpSampling3D(_UpSampling):
    """Repeat the elements of volumes along three axes.

    Args:
        size: factors of the three axes, or one integer for all.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range.
    """

    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.size = arguments.integers(self, "size", size, self.rank)
        self.input_spec = InputSpec(ndim=5)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "size", "data_format")
