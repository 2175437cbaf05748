"""Pooling layers: largest elements and means of windows, of whole spatial axes, and of windows of adapted size."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from kerasish import ops
from kerasish.layers import arguments
from kerasish.layers.layer import Layer
from kerasish.layers.spec import InputSpec

# Tables of this length are made for each axis; more comes from a damaged file, and would take all memory.
_LARGEST_OUTPUT = 2**14


class _Ranked(Layer):
    """What all pooling layers share: a number of spatial axes, given where a public class is defined."""

    _rank: ClassVar[int]

    def __init_subclass__(cls, rank: int | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if rank is not None:
            cls._rank = rank
            cls.__init__ = arguments.for_rank(cls.__init__, rank, ("pool_size",))  # type: ignore[misc]


class _Pooling(_Ranked):
    """Pooling over windows; the public classes say how and over how many axes."""

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        pool_dimensions: int,
        pool_mode: str = "max",
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        rank = pool_dimensions
        self.pool_mode = pool_mode
        self.pool_size = arguments.integers(self, "pool_size", pool_size, rank)
        self.strides = self.pool_size if strides is None else arguments.integers(self, "strides", strides, rank)
        self.padding = arguments.choice(self, "padding", padding, ("valid", "same"))
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def call(self, inputs: Any) -> Any:
        last = self.data_format == "channels_last"
        spatial = inputs.shape[1:-1] if last else inputs.shape[2:]
        if self.padding == "valid" and any(size < window for size, window in zip(spatial, self.pool_size)):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the output would be empty: the inputs of shape {inputs.shape} "
                f"({self.data_format}) are smaller than pool_size={self.pool_size}; padding='same' takes any size."
            )
        pool = ops.max_pool if self.pool_mode == "max" else ops.average_pool
        return pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "pool_size", "padding", "strides", "data_format")


class MaxPooling1D(_Pooling, rank=1):
    """The largest element of each window over one axis, such as time.

    Args:
        pool_size: length of the window.
        strides: its step; by default its length.
        padding: `"valid"` (windows lie inside), or `"same"` (outputs of length `ceil(steps / strides)`).
        data_format: `"channels_last"` for `(batch, steps, channels)`, `"channels_first"` for
            `(batch, channels, steps)`, or None for the default.
        name: name of the layer.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range, and when called on inputs smaller than the window.

    Example:
        >>> MaxPooling1D(2, strides=1)(np.array([[[1.0], [3.0], [2.0]]])).ravel()
        Array([3., 3.], dtype=float32)
    """

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, self._rank, "max", padding, data_format, name, **kwargs)


class MaxPooling2D(MaxPooling1D, rank=2):
    """The largest element of each window over height and width; arguments as in `MaxPooling1D`, one or two integers."""


class MaxPooling3D(MaxPooling1D, rank=3):
    """The largest element of each window over three axes; arguments as in `MaxPooling1D`, one or three integers."""


class AveragePooling1D(_Pooling, rank=1):
    """The mean of each window over one axis, padding not counted.

    Args:
        pool_size: length of the window.
        strides: its step; by default its length.
        padding: `"valid"` (windows lie inside), or `"same"` (outputs of length `ceil(steps / strides)`).
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        name: name of the layer.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range, and when called on inputs smaller than the window.

    Example:
        >>> AveragePooling1D(2)(np.array([[[1.0], [3.0]]]))
        Array([[[2.]]], dtype=float32)
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, self._rank, "average", padding, data_format, name, **kwargs)


class AveragePooling2D(AveragePooling1D, rank=2):
    """The mean of each window over height and width; arguments as in `AveragePooling1D`, one or two integers."""


class AveragePooling3D(AveragePooling1D, rank=3):
    """The mean of each window over three axes; arguments as in `AveragePooling1D`, one or three integers."""


class _GlobalPooling(_Ranked):
    """Pooling over all spatial axes; the public classes say how and how many."""

    _reduce: ClassVar[Callable]

    def __init__(self, pool_dimensions: int, data_format: str | None, keepdims: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=pool_dimensions + 2)

    @property
    def _spatial_axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self._rank))

    def call(self, inputs: Any) -> Any:
        return type(self)._reduce(inputs, axis=self._spatial_axes, keepdims=self.keepdims)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "data_format", "keepdims")


class GlobalMaxPooling1D(_GlobalPooling, rank=1):
    """The largest element of each channel over one spatial axis.

    Args:
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        keepdims: whether the spatial axes stay, with size 1.
        **kwargs: arguments of `Layer`.

    Example:
        >>> GlobalMaxPooling1D()(np.ones((2, 3, 4))).shape
        (2, 4)
    """

    _reduce = staticmethod(ops.max)

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(self._rank, data_format, keepdims, **kwargs)


class GlobalMaxPooling2D(GlobalMaxPooling1D, rank=2):
    """The largest element of each channel over height and width; arguments as in `GlobalMaxPooling1D`."""


class GlobalMaxPooling3D(GlobalMaxPooling1D, rank=3):
    """The largest element of each channel over three spatial axes; arguments as in `GlobalMaxPooling1D`."""


class GlobalAveragePooling1D(_GlobalPooling, rank=1):
    """The mean of each channel over one spatial axis; with a mask `(batch, steps)`, over the steps that count.

    Args:
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        keepdims: whether the spatial axis stays, with size 1.
        **kwargs: arguments of `Layer`.

    Example:
        >>> GlobalAveragePooling1D()(np.ones((2, 3, 4))).shape
        (2, 4)
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(self._rank, data_format, keepdims, **kwargs)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axis = self._spatial_axes
        if mask is None:
            return ops.mean(inputs, axis=axis, keepdims=self.keepdims)
        mask = jnp.expand_dims(jnp.asarray(mask, bool), 2 if self.data_format == "channels_last" else 1)
        total = jnp.sum(jnp.where(mask, inputs, 0), axis, keepdims=self.keepdims)
        return total / jnp.sum(mask.astype(inputs.dtype), axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None: no steps are left."""


class GlobalAveragePooling2D(_GlobalPooling, rank=2):
    """The mean of each channel over height and width; arguments as in `GlobalAveragePooling1D`.

    Example:
        >>> GlobalAveragePooling2D(keepdims=True)(np.ones((2, 4, 5, 3))).shape
        (2, 1, 1, 3)
    """

    _reduce = staticmethod(ops.mean)

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(self._rank, data_format, keepdims, **kwargs)


class GlobalAveragePooling3D(GlobalAveragePooling2D, rank=3):
    """The mean of each channel over three spatial axes; arguments as in `GlobalAveragePooling1D`."""


class _AdaptivePooling(_Ranked):
    """Pooling over windows chosen for an output size; the public classes say how and over how many axes."""

    _pool: ClassVar[Callable]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = arguments.integers(self, "output_size", output_size, self._rank)
        if max(self.output_size) > _LARGEST_OUTPUT:
            raise arguments.complaint(self, "output_size", output_size, f"at most {_LARGEST_OUTPUT}")
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def call(self, inputs: Any) -> Any:
        return type(self)._pool(inputs, self.output_size, self.data_format)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "output_size", "data_format")


class AdaptiveAveragePooling1D(_AdaptivePooling, rank=1):
    """Means of windows over one axis, as many and as long as the output size asks for.

    Window `i` of `m` over an axis of length `n` goes from `floor(i n / m)` to `ceil((i + 1) n / m)`.

    Args:
        output_size: length of the output's spatial axis.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range.

    Example:
        >>> AdaptiveAveragePooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).ravel()
        Array([1., 3.], dtype=float32)
    """

    _pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling2D(AdaptiveAveragePooling1D, rank=2):
    """Means of windows over height and width; arguments as in `AdaptiveAveragePooling1D`, one or two sizes."""


class AdaptiveAveragePooling3D(AdaptiveAveragePooling1D, rank=3):
    """Means of windows over three axes; arguments as in `AdaptiveAveragePooling1D`, one or three sizes."""


class AdaptiveMaxPooling1D(_AdaptivePooling, rank=1):
    """The largest elements of windows over one axis; windows and arguments as in `AdaptiveAveragePooling1D`."""

    _pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling2D(AdaptiveMaxPooling1D, rank=2):
    """The largest elements of windows over height and width; arguments as in `AdaptiveAveragePooling1D`."""


class AdaptiveMaxPooling3D(AdaptiveMaxPooling1D, rank=3):
    """The largest elements of windows over three axes; arguments as in `AdaptiveAveragePooling1D`."""


# Keras's other names.
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
