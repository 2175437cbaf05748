"""Pooling layers: largest elements and means of windows, of whole spatial axes, and of windows of adapted size."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from kerasish import ops
from kerasish.layers import arguments
from kerasish.layers.layer import Layer
from kerasish.layers.spec import InputSpec


class _Pooling(Layer):
    """Pooling over windows; the public classes say how and over how many axes."""

    rank: ClassVar[int]
    _pool: ClassVar[Callable]

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = arguments.integers(self, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else arguments.integers(self, "strides", strides, self.rank)
        self.padding = arguments.choice(self, "padding", padding, ("valid", "same"))
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        last = self.data_format == "channels_last"
        spatial = inputs.shape[1:-1] if last else inputs.shape[2:]
        if self.padding == "valid" and any(size < window for size, window in zip(spatial, self.pool_size)):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the output would be empty: the inputs of shape {inputs.shape} "
                f"({self.data_format}) are smaller than pool_size={self.pool_size}; padding='same' takes any size."
            )
        return type(self)._pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "pool_size", "padding", "strides", "data_format")


class MaxPooling1D(_Pooling):
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

    rank = 1
    _pool = staticmethod(ops.max_pool)

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(MaxPooling1D):
    """The largest element of each window over height and width; arguments as in `MaxPooling1D`, one or two integers."""

    rank = 2


class MaxPooling3D(MaxPooling1D):
    """The largest element of each window over three axes; arguments as in `MaxPooling1D`, one or three integers."""

    rank = 3


class AveragePooling1D(_Pooling):
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

    rank = 1
    _pool = staticmethod(ops.average_pool)


class AveragePooling2D(AveragePooling1D):
    """The mean of each window over height and width; arguments as in `AveragePooling1D`, one or two integers."""

    rank = 2


class AveragePooling3D(AveragePooling1D):
    """The mean of each window over three axes; arguments as in `AveragePooling1D`, one or three integers."""

    rank = 3


class _GlobalPooling(Layer):
    """Pooling over all spatial axes; the public classes say how and how many."""

    rank: ClassVar[int]
    _reduce: ClassVar[Callable]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _spatial_axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def call(self, inputs: Any) -> Any:
        return type(self)._reduce(inputs, axis=self._spatial_axes, keepdims=self.keepdims)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "data_format", "keepdims")


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest element of each channel over one spatial axis.

    Args:
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        keepdims: whether the spatial axes stay, with size 1.
        **kwargs: arguments of `Layer`.

    Example:
        >>> GlobalMaxPooling1D()(np.ones((2, 3, 4))).shape
        (2, 4)
    """

    rank = 1
    _reduce = staticmethod(ops.max)


class GlobalMaxPooling2D(GlobalMaxPooling1D):
    """The largest element of each channel over height and width; arguments as in `GlobalMaxPooling1D`."""

    rank = 2


class GlobalMaxPooling3D(GlobalMaxPooling1D):
    """The largest element of each channel over three spatial axes; arguments as in `GlobalMaxPooling1D`."""

    rank = 3


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean of each channel over one spatial axis; with a mask `(batch, steps)`, over the steps that count.

    Args:
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        keepdims: whether the spatial axis stays, with size 1.
        **kwargs: arguments of `Layer`.

    Example:
        >>> GlobalAveragePooling1D()(np.ones((2, 3, 4))).shape
        (2, 4)
    """

    rank = 1

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axis = self._spatial_axes
        if mask is None:
            return ops.mean(inputs, axis=axis, keepdims=self.keepdims)
        mask = jnp.expand_dims(jnp.asarray(mask, bool), 2 if self.data_format == "channels_last" else 1)
        total = jnp.sum(jnp.where(mask, inputs, 0), axis, keepdims=self.keepdims)
        return total / jnp.sum(mask.astype(inputs.dtype), axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Return None: no steps are left."""


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel over height and width; arguments as in `GlobalAveragePooling1D`.

    Example:
        >>> GlobalAveragePooling2D(keepdims=True)(np.ones((2, 4, 5, 3))).shape
        (2, 1, 1, 3)
    """

    rank = 2
    _reduce = staticmethod(ops.mean)


class GlobalAveragePooling3D(GlobalAveragePooling2D):
    """The mean of each channel over three spatial axes; arguments as in `GlobalAveragePooling1D`."""

    rank = 3


class _AdaptivePooling(Layer):
    """Pooling over windows chosen for an output size; the public classes say how and over how many axes."""

    rank: ClassVar[int]
    _pool: ClassVar[Callable]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = arguments.integers(self, "output_size", output_size, self.rank)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return type(self)._pool(inputs, self.output_size, self.data_format)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "output_size", "data_format")


class AdaptiveAveragePooling1D(_AdaptivePooling):
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

    rank = 1
    _pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling2D(AdaptiveAveragePooling1D):
    """Means of windows over height and width; arguments as in `AdaptiveAveragePooling1D`, one or two sizes."""

    rank = 2


class AdaptiveAveragePooling3D(AdaptiveAveragePooling1D):
    """Means of windows over three axes; arguments as in `AdaptiveAveragePooling1D`, one or three sizes."""

    rank = 3


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """The largest elements of windows over one axis; windows and arguments as in `AdaptiveAveragePooling1D`."""

    rank = 1
    _pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling2D(AdaptiveMaxPooling1D):
    """The largest elements of windows over height and width; arguments as in `AdaptiveAveragePooling1D`."""

    rank = 2


class AdaptiveMaxPooling3D(AdaptiveMaxPooling1D):
    """The largest elements of windows over three axes; arguments as in `AdaptiveAveragePooling1D`."""

    rank = 3


# Keras's other names.
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
