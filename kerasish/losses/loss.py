"""The base class of losses: conversion of inputs, masks, sample weights and the reduction to a scalar."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core import config as settings
from kerasish.core import naming, registry, tree
from kerasish.core.dtypes import DTypePolicy, get_policy
from kerasish.core.masks import get_mask, mask_frame
from kerasish.losses.arrays import as_array, map_tensors, squeeze_or_expand_to_same_rank
from kerasish.ops import divide_no_nan

_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss:
    """Base class of losses: subclasses implement `call(y_true, y_pred)`, which returns one value per sample.

    Args:
        name: name of the loss; by default made from the class name.
        reduction: `"sum_over_batch_size"` or `"mean"` (sum divided by the number of values), `"sum"`,
            `"mean_with_sample_weight"` (sum divided by the sum of the sample weights), `"none"` or None (no reduction).
        dtype: dtype that inputs are cast to, or a policy whose compute dtype is used; by default `floatx`.

    Raises:
        ValueError: for an unknown reduction.

    Example:
        >>> class MeanCubedError(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.mean(ops.abs(y_pred - y_true) ** 3, axis=-1)
    """

    # Class numbers stay integers: half precision cannot hold all of them.
    _keeps_integer_targets = False

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: str | DTypePolicy | None = None,
    ) -> None:
        self.name = name or naming.auto_name(type(self).__name__)
        self.reduction = standardize_reduction(reduction)
        self._dtype = get_policy(dtype or settings.floatx()).compute_dtype

    @property
    def dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """Return the reduced loss.

        Args:
            y_true: targets, an array or a nest of arrays.
            y_pred: predictions, nested likewise. A Keras mask on it leaves entries out.
            sample_weight: weights that broadcast to the values of `call`: one per sample, or one per value.

        Returns:
            A scalar, or the values themselves with reduction `"none"`.
        """
        in_mask = get_mask(y_pred)
        with mask_frame():
            y_pred = map_tensors(lambda x: as_array(x, self._dtype), y_pred)
            y_true = map_tensors(self._as_target, y_true)
            try:
                values = self.call(y_true, y_pred)
            except (TypeError, ValueError) as error:
                shapes = [tree.map_structure(lambda x: x.shape, y) for y in (y_true, y_pred)]
                error.add_note(f"In loss {self.name!r}: y_true has shape {shapes[0]}, y_pred {shapes[1]}.")
                raise
            out_mask = get_mask(values)
        if in_mask is None or out_mask is None:
            mask = in_mask if out_mask is None else out_mask
        else:
            mask = in_mask & out_mask
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self._dtype)

    def _as_target(self, x: Any) -> jax.Array:
        if not self._keeps_integer_targets:
            return as_array(x, self._dtype)
        x = as_array(x)
        return x if jnp.issubdtype(x.dtype, jnp.integer) else x.astype(self._dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return the loss of each sample; implemented by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must implement `call(y_true, y_pred)`.")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same loss again."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Loss":
        """Make a loss from what `get_config` returned."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A loss made from a function of `(y_true, y_pred, **kwargs)`.

    Args:
        fn: the function; returns one value per sample.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
        **kwargs: further arguments of the function.
    """

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | DTypePolicy | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        if isinstance(y_true, jax.Array) and isinstance(y_pred, jax.Array):
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        else:
            flat_true, flat_pred = tree.flatten(y_true), tree.flatten(y_pred)
            if len(flat_true) != len(flat_pred):
                raise ValueError(
                    f"`y_true` must be nested like `y_pred`; received {len(flat_true)} and {len(flat_pred)} arrays."
                )
            pairs = [squeeze_or_expand_to_same_rank(*pair) for pair in zip(flat_true, flat_pred)]
            y_true = tree.pack_sequence_as(y_true, [pair[0] for pair in pairs])
            y_pred = tree.pack_sequence_as(y_pred, [pair[1] for pair in pairs])
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        fn = registry.serialize_keras_object(self.fn)
        return {**super().get_config(), "fn": fn, **registry.serialize_keras_object(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LossFunctionWrapper":
        return cls(**with_function(config, "keras.losses"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.fn}, kwargs={self._fn_kwargs})>"


class FunctionLoss(LossFunctionWrapper):
    """Base of the built-in losses: the arguments of their function are attributes and make up their config."""

    # Arguments that Keras leaves out of its configs: they are written only where they differ from the default, so that
    # configs equal Keras's and yet keep what the user chose.
    _written_if_changed: tuple[str, ...] = ()

    def __init__(
        self,
        fn: Callable,
        reduction: str | None,
        name: str | None,
        dtype: str | DTypePolicy | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fn, reduction, name, dtype, **kwargs)
        self.__dict__.update(kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **written_arguments(type(self), self._fn_kwargs, self._written_if_changed)}


def written_arguments(cls: type, arguments: dict[str, Any], if_changed: tuple[str, ...]) -> dict[str, Any]:
    """Return `arguments` without those named in `if_changed` that equal the default of the class's constructor."""
    if not if_changed:
        return dict(arguments)
    parameters = inspect.signature(cls).parameters
    return {
        name: value
        for name, value in arguments.items()
        if name not in if_changed or name not in parameters or parameters[name].default != value
    }


def with_function(config: dict[str, Any], module: str) -> dict[str, Any]:
    """Return the config of a wrapper with its function and arguments deserialized; built-ins come from `module`."""
    if "fn" not in config:
        return config
    config = dict(config)
    serialized = config.pop("fn")
    name = serialized.get("config") if isinstance(serialized, dict) else serialized
    fn = registry.builtin(module, name) if isinstance(name, str) else None
    # Strings such as the name stay strings, even where a custom object has the same name.
    arguments = {
        key: value if isinstance(value, str) else registry.deserialize_keras_object(value)
        for key, value in config.items()
    }
    return {"fn": fn or registry.deserialize_keras_object(serialized), **arguments}


def standardize_reduction(reduction: str | None) -> str | None:
    """Return `reduction` if it is known.

    Raises:
        ValueError: otherwise.
    """
    if reduction not in _REDUCTIONS:
        raise ValueError(f"`reduction` must be one of {_REDUCTIONS}, received reduction={reduction!r}.")
    return reduction


def align_weights(values: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Make weights broadcast to values: ranks that differ by a last axis of 1, or weights for the leading axes only."""
    values, weights = squeeze_or_expand_to_same_rank(values, weights)
    if weights.ndim and values.ndim > weights.ndim and values.shape[: weights.ndim] == weights.shape:
        weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
    return values, weights


def apply_mask(sample_weight: Any, mask: Any, dtype: Any, reduction: str | None) -> jax.Array | None:
    """Merge a mask into sample weights.

    For reductions to a mean, the entries that count get the weight (all entries) / (entries that count), so that the
    mean is one over the entries that count.

    Args:
        sample_weight: weights or None.
        mask: boolean array or None.
        dtype: dtype of the result.
        reduction: see `Loss`.

    Returns:
        Weights, or None where neither weights nor a mask are given.
    """
    if mask is None:
        return None if sample_weight is None else as_array(sample_weight)
    weights = as_array(mask).astype(bool).astype(dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        weights = weights * divide_no_nan(jnp.asarray(weights.size, dtype), jnp.sum(weights))
    if sample_weight is None:
        return weights
    weights, sample_weight = align_weights(weights, as_array(sample_weight, dtype))
    return sample_weight * weights


def reduce_values(
    values: jax.Array, sample_weight: Any = None, reduction: str | None = "sum_over_batch_size"
) -> jax.Array:
    """Reduce values that are already weighted; see `Loss` for the reductions."""
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    loss = jnp.sum(values)
    if reduction == "sum":
        return loss
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return divide_no_nan(loss, jnp.sum(sample_weight).astype(loss.dtype))
    return loss / values.size if values.size else jnp.zeros_like(loss)


def reduce_weighted_values(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: Any = None,
) -> jax.Array:
    """Weight values, leave masked ones out, and reduce.

    Args:
        values: losses, one per sample or with further axes.
        sample_weight: weights that broadcast to `values`, or weights for its leading axes.
        mask: boolean array; False leaves an entry out.
        reduction: see `Loss`.
        dtype: dtype to compute in; by default that of `values`.

    Returns:
        A scalar, or the weighted values with reduction `"none"`.
    """
    standardize_reduction(reduction)
    values = as_array(values, dtype)
    weights = apply_mask(sample_weight, mask, values.dtype, reduction)
    if weights is not None:
        weights = weights.astype(values.dtype)
        values, weights = align_weights(values, weights)
        values = values * weights
    return reduce_values(values, weights, reduction)
