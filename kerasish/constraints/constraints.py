"""The constraint classes and the functions that find them by name or config."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core import config, registry
from kerasish.core.variable import unwrap


class Constraint:
    """Base of weight constraints: a function from a weight to the allowed weight nearest to it.

    Subclasses override `__call__` and, where they take arguments, `get_config`.

    Example:
        >>> class Binary(Constraint):
        ...     def __call__(self, w):
        ...         return ops.cast(w > 0, w.dtype)
    """

    def __call__(self, w: Any) -> jax.Array:
        """Return the projection of weight `w`; here `w` itself."""
        return w

    def get_config(self) -> dict:
        """Return the arguments that make the same constraint again."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "Constraint":
        """Make a constraint from what `get_config` returned."""
        return cls(**config)


class MaxNorm(Constraint):
    """Scales weights down to norm `max_value` where they exceed it.

    Args:
        max_value: the greatest norm.
        axis: axis or axes along which norms are taken: `0` for the kernel `(inputs, outputs)` of a Dense layer,
            `[0, 1, 2]` for the kernel `(height, width, inputs, outputs)` of a Conv2D layer.
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> jax.Array:
        w, norms = _norms(w, self.axis)
        return w * (jnp.clip(norms, 0, self.max_value) / (config.epsilon() + norms))

    def get_config(self) -> dict:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Replaces negative weights by zero."""

    def __call__(self, w: Any) -> jax.Array:
        return jnp.maximum(jnp.asarray(unwrap(w)), 0)


class UnitNorm(Constraint):
    """Scales weights to norm 1.

    Args:
        axis: axis or axes along which norms are taken, as for `MaxNorm`.
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> jax.Array:
        w, norms = _norms(w, self.axis)
        return w / (config.epsilon() + norms)

    def get_config(self) -> dict:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Scales weights towards norms between `min_value` and `max_value`.

    Args:
        min_value: the least norm.
        max_value: the greatest norm.
        rate: how far to go: the new norm is `rate * clip(norm, min_value, max_value) + (1 - rate) * norm`.
        axis: axis or axes along which norms are taken, as for `MaxNorm`.
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int | Sequence[int] = 0
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> jax.Array:
        w, norms = _norms(w, self.axis)
        desired = self.rate * jnp.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (config.epsilon() + norms))

    def get_config(self) -> dict:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


def _norms(w: Any, axis: int | Sequence[int]) -> tuple[jax.Array, jax.Array]:
    w = jnp.asarray(unwrap(w))
    axes = axis if isinstance(axis, int) or axis is None else tuple(axis)
    norms = jnp.sqrt(jnp.sum(jnp.square(w), axis=axes, keepdims=True))
    return w.astype(norms.dtype), norms


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_CLASSES = {cls.__name__: cls for cls in (Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm)}
_TABLE = {
    **_CLASSES,
    "constraint": Constraint,
    "max_norm": MaxNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
    "unit_norm": UnitNorm,
}

registry.builtins("keras.constraints", _TABLE)


def serialize(constraint: Any) -> Any:
    """Return the config of a constraint."""
    return registry.serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Return the constraint that a config describes; `custom_objects` maps further names to classes."""
    return registry.deserialize_keras_object(config, custom_objects, module_objects=_TABLE)


def get(identifier: Any) -> Any:
    """Return the constraint for a name (`"max_norm"`), a config, a class or a callable; None for None.

    Raises:
        ValueError: if there is no such constraint.
    """
    return registry.resolve(identifier, _TABLE, "constraint")
