"""Activations as layers."""

import math
import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np

from kerasish import activations, ops
from kerasish.layers import arguments
from kerasish.layers.layer import Layer, ShapePreserving
from kerasish.layers.spec import InputSpec


def _not_negative(layer: Layer, name: str, value: Any) -> Any:
    """Return a number of at least 0, or raise a ValueError that names layer and argument."""
    if not isinstance(value, (int, float, np.number)) or not value >= 0 or math.isinf(value):
        raise arguments.complaint(layer, name, value, "a number of at least 0")
    return value


class Activation(ShapePreserving):
    """Apply an activation function.

    Args:
        activation: function of a tensor, or its name, such as `"relu"`.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> Activation("relu")(np.array([-3.0, 0.0, 2.0]))
        Array([0., 0., 2.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        arguments.keep(self, activation=activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "activation")


class ReLU(ShapePreserving):
    """Rectified linear unit: `max(x, 0)`, with options.

    `f(x) = max_value` for `x >= max_value`, `x` for `threshold <= x < max_value`, else
    `negative_slope * (x - threshold)`.

    Args:
        max_value: upper limit; None for none.
        negative_slope: slope below the threshold.
        threshold: where the positive part starts.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for negative arguments.

    Example:
        >>> ReLU(max_value=6)(np.array([-1.0, 3.0, 9.0]))
        Array([0., 3., 6.], dtype=float32)
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else _not_negative(self, "max_value", max_value)
        self.negative_slope = _not_negative(self, "negative_slope", negative_slope)
        self.threshold = _not_negative(self, "threshold", threshold)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "max_value", "negative_slope", "threshold")


class LeakyReLU(ShapePreserving):
    """`x` where it is positive, else `negative_slope * x`.

    Args:
        negative_slope: slope for negative inputs.
        **kwargs: arguments of `Layer`; `alpha`, the former name of `negative_slope`, is taken with a warning.

    Raises:
        ValueError: if `negative_slope` is negative.

    Example:
        >>> LeakyReLU(0.5)(np.array([-2.0, 2.0]))
        Array([-1.,  2.], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn("LeakyReLU: `alpha` is deprecated, use `negative_slope`.", DeprecationWarning, stacklevel=2)
        super().__init__(**kwargs)
        self.negative_slope = _not_negative(self, "negative_slope", negative_slope)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "negative_slope")


class PReLU(Layer):
    """`x` where it is positive, else `alpha * x` with a learned `alpha` for each feature.

    Source: He et al., 2015, https://arxiv.org/abs/1502.01852.

    Args:
        alpha_initializer: initializer of the slopes, of the shape of one sample.
        alpha_regularizer: penalty on them.
        alpha_constraint: projection of them after updates.
        shared_axes: axes (counted from 1 after the batch) along which one slope is shared, such as `[1, 2]` for images.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: at the first call, if an axis that is not shared has an unknown size, or there is no such axis.

    Example:
        >>> PReLU(shared_axes=[1, 2])(np.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        arguments.keep(
            self,
            alpha_initializer=alpha_initializer,
            alpha_regularizer=alpha_regularizer,
            alpha_constraint=alpha_constraint,
        )
        if shared_axes is not None:
            shared_axes = list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = shared_axes

    def build(self, input_shape: Any) -> None:
        shared = self.shared_axes or []
        if any(not isinstance(axis, int) or not 1 <= axis < len(input_shape) for axis in shared):
            expected = f"integers from 1 to {len(input_shape) - 1} for inputs of shape {tuple(input_shape)}"
            raise arguments.complaint(self, "shared_axes", self.shared_axes, expected)
        shape = tuple(1 if axis in shared else size for axis, size in enumerate(input_shape))[1:]
        if None in shape:
            raise ValueError(
                f"PReLU {self.name!r}: axes of unknown size must be among `shared_axes`, received inputs of shape "
                f"{tuple(input_shape)} and shared_axes={self.shared_axes}."
            )
        self.alpha = self.add_weight(name="alpha", shape=shape, **arguments.weight_options(self, "alpha"))
        sizes = {axis: size for axis, size in enumerate(input_shape) if axis and axis not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=sizes if shared else {})

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs) + -self.alpha * activations.relu(-inputs)

    def get_config(self) -> dict:
        names = ("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")
        return super().get_config() | arguments.kept(self, *names)


class ELU(ShapePreserving):
    """`x` where it is positive, else `alpha * (exp(x) - 1)`.

    Args:
        alpha: scale of the negative part.
        **kwargs: arguments of `Layer`.

    Example:
        >>> ELU()(np.array([0.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "alpha")


class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along an axis or several; where a mask is False the result is 0 and does not count.

    Args:
        axis: integer or several.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: when called with a mask that does not broadcast to the inputs.

    Example:
        >>> Softmax()(np.array([1.0, 1.0]), mask=np.array([True, False]))
        Array([1., 0.], dtype=float32)
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        arguments.axes(self, axis)
        self.axis = axis
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axes = tuple(self.axis) if isinstance(self.axis, (list, tuple)) else (self.axis,)
        if mask is not None:
            mask = self._checked_mask(mask, inputs)
            # Finite, so that a line without any True gives numbers and gradients.
            inputs = jnp.where(mask, inputs, jnp.asarray(-3e4 if inputs.dtype == "float16" else -1e9, inputs.dtype))
        if len(axes) > 1:
            outputs = jnp.exp(inputs - ops.logsumexp(inputs, axis=axes, keepdims=True))
        else:
            outputs = activations.softmax(inputs, axis=axes[0])
        return outputs if mask is None else jnp.where(mask, outputs, 0.0)

    def _checked_mask(self, mask: Any, inputs: Any) -> Any:
        mask = jnp.asarray(mask)
        sizes = zip(mask.shape[::-1], inputs.shape[::-1])
        if mask.ndim > inputs.ndim or any(size not in (1, full) for size, full in sizes):
            raise ValueError(
                f"Softmax {self.name!r}: `mask` must broadcast to the inputs, received a mask of shape {mask.shape} "
                f"for inputs of shape {inputs.shape}."
            )
        return mask if mask.dtype == bool else mask > 0.5

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "axis")
