"""The regularizer classes and the functions that find them by name or config."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core import registry
from kerasish.core.variable import unwrap


class Regularizer:
    """Base of regularizers: a function from a weight (or a layer's output) to a penalty, a scalar.

    Subclasses override `__call__` and `get_config`. Any function of one array can serve as a regularizer too; a class
    is needed where models are saved.

    Example:
        >>> class Spread(Regularizer):
        ...     def __call__(self, x):
        ...         return 0.1 * ops.var(x)
        ...     def get_config(self):
        ...         return {}
    """

    def __call__(self, x: Any) -> Any:
        """Return the penalty on `x`; here zero."""
        return 0.0

    def get_config(self) -> dict:
        """Return the arguments that make the same regularizer again."""
        raise NotImplementedError(f"{type(self).__name__} has no `get_config()`; add one to save models that use it.")

    @classmethod
    def from_config(cls, config: dict) -> "Regularizer":
        """Make a regularizer from what `get_config` returned."""
        return cls(**config)


class L1L2(Regularizer):
    """The penalty `l1 * sum(abs(x)) + l2 * sum(square(x))`.

    Args:
        l1: factor of the absolute values, not negative.
        l2: factor of the squares, not negative.
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> jax.Array:
        x = jnp.asarray(unwrap(x))
        penalty = jnp.zeros((), x.dtype)
        if self.l1:
            penalty += _scaled(self.l1, jnp.abs(x))
        if self.l2:
            penalty += _scaled(self.l2, jnp.square(x))
        return penalty

    def get_config(self) -> dict:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """The penalty `l1 * sum(abs(x))`.

    Args:
        l1: factor, not negative.
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> jax.Array:
        return _scaled(self.l1, jnp.abs(jnp.asarray(unwrap(x))))

    def get_config(self) -> dict:
        return {"l1": self.l1}


class L2(Regularizer):
    """The penalty `l2 * sum(square(x))`.

    Args:
        l2: factor, not negative.
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> jax.Array:
        return _scaled(self.l2, jnp.square(jnp.asarray(unwrap(x))))

    def get_config(self) -> dict:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """The penalty that makes the rows or columns of a matrix orthogonal to each other.

    It is `factor` times the mean absolute cosine between different rows (or columns).

    Args:
        factor: factor, not negative.
        mode: `"rows"` or `"columns"`.

    Raises:
        ValueError: for another mode, and when called on anything but a matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(f"Argument `mode` must be 'rows' or 'columns'. Received: mode={mode!r}.")
        self.mode = mode

    def __call__(self, inputs: Any) -> jax.Array:
        x = jnp.asarray(unwrap(inputs))
        if x.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer takes matrices. Received an array of shape {x.shape}.")
        if self.mode == "columns":
            x = x.T
        # A row of nothing but zeros stays zero, with a finite gradient.
        x = x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=1, keepdims=True), 1e-24))
        size = x.shape[0]
        others = (x @ x.T) * (1 - jnp.eye(size, dtype=x.dtype))
        pairs = size * (size - 1.0) / 2.0
        return self.factor * 0.5 * jnp.sum(jnp.abs(others)) / pairs

    def get_config(self) -> dict:
        return {"factor": self.factor, "mode": self.mode}


def _scaled(factor: float, values: jax.Array) -> jax.Array:
    return jnp.asarray(factor, values.dtype) * jnp.sum(values)


def _factor(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"Argument `{name}` must be a finite number that is not negative. Received: {name}={value!r}.")
    return float(value)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_TABLE = {
    "L1": L1,
    "L2": L2,
    "L1L2": L1L2,
    "OrthogonalRegularizer": OrthogonalRegularizer,
    "Regularizer": Regularizer,
    "l1": L1,
    "l2": L2,
    "l1_l2": L1L2,
    "l1l2": L1L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
    "regularizer": Regularizer,
}

registry.builtins("keras.regularizers", _TABLE)


def serialize(regularizer: Any) -> Any:
    """Return the config of a regularizer."""
    return registry.serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Return the regularizer that a config describes; `custom_objects` maps further names to classes."""
    return registry.deserialize_keras_object(config, custom_objects, module_objects=_TABLE)


def get(identifier: Any) -> Any:
    """Return the regularizer for a name (`"l2"`), a config, a class or a callable; None for None.

    Raises:
        ValueError: if there is no such regularizer.
    """
    return registry.resolve(identifier, _TABLE, "regularizer")
