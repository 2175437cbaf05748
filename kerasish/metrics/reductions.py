"""Metrics that add up or average values: Sum, Mean, and the mean of a function of targets and predictions."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kerasish import ops
from kerasish.core import registry
from kerasish.core.dtypes import DTypePolicy
from kerasish.core.masks import get_mask, mask_frame
from kerasish.losses.arrays import as_array, squeeze_or_expand_to_same_rank
from kerasish.losses.loss import apply_mask, with_function, written_arguments
from kerasish.metrics.metric import Metric


def reduce_to_samples(
    values: Any, sample_weight: Any, reduce: Callable, dtype: str
) -> tuple[jax.Array, jax.Array | None]:
    """Weight values and reduce all axes but the first.

    Args:
        values: array of any rank; a Keras mask on it counts where weights are given.
        sample_weight: weights that broadcast to the values, or weights of their leading axes; or None.
        reduce: `jnp.sum` or `jnp.mean`.
        dtype: dtype of the results.

    Returns:
        Weighted values and weights, one per sample.
    """
    mask = get_mask(values)
    values = as_array(values, dtype)
    if sample_weight is None:
        weights = None
    else:
        weights = apply_mask(as_array(sample_weight, dtype), mask, dtype, "sum")
        values, weights = squeeze_or_expand_to_same_rank(values, weights)
        rank = weights.ndim
        if values.ndim > rank:
            values = reduce(values, axis=tuple(range(rank, values.ndim)))
        weights = jnp.broadcast_to(weights, values.shape)
        values = values * weights
        if rank > 1:
            weights = reduce(weights, axis=tuple(range(1, rank)))
    if values.ndim > 1:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, weights


class Sum(Metric):
    """The (weighted) sum of values.

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    Example:
        >>> m = Sum()
        >>> m.update_state([1, 3, 5])
        >>> m.result()
        Array(9., dtype=float32)
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values.

        Args:
            values: array of any shape.
            sample_weight: weights that broadcast to it.
        """
        values, _ = reduce_to_samples(values, sample_weight, jnp.sum, self.dtype)
        self.total.assign_add(jnp.sum(values))

    def result(self) -> jax.Array:
        return self.total.value


class Mean(Metric):
    """The (weighted) mean of values; 0 before any were given.

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    Example:
        >>> m = Mean()
        >>> m.update_state([1, 3, 5, 7])
        >>> m.result()
        Array(4., dtype=float32)
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")
        self.count = self.add_variable((), "zeros", dtype=self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values into account, averaged over all axes but the first.

        Args:
            values: array of shape `(batch, ...)`, or a number.
            sample_weight: weights that broadcast to it, or weights of its leading axes.
        """
        values, weights = reduce_to_samples(values, sample_weight, jnp.mean, self.dtype)
        self.total.assign_add(jnp.sum(values))
        if weights is not None:
            self.count.assign_add(jnp.sum(weights))
        else:
            self.count.assign_add(values.shape[0] if values.ndim else 1)

    def result(self) -> jax.Array:
        return ops.divide_no_nan(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions.

    Args:
        fn: function `(y_true, y_pred, **kwargs)` that returns values per sample.
        name: name of the metric.
        dtype: see `Metric`.
        **kwargs: further arguments of the function.
    """

    def __init__(
        self, fn: Callable, name: str | None = None, dtype: str | DTypePolicy | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if _is_builtin_loss(fn):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take a batch into account.

        Args:
            y_true: targets.
            y_pred: predictions; a Keras mask on it leaves entries out.
            sample_weight: weights of samples or of single values.
        """
        mask = get_mask(y_pred)
        with mask_frame():
            values = self._fn(y_true, y_pred, **self._fn_kwargs)
            weights = apply_mask(sample_weight, mask, self.dtype, "sum")
            super().update_state(values, sample_weight=weights)

    def get_config(self) -> dict[str, Any]:
        fn = registry.serialize_keras_object(self._fn)
        return {**super().get_config(), "fn": fn, **registry.serialize_keras_object(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MeanMetricWrapper":
        return cls(**with_function(config, "keras.metrics"))


def _is_builtin_loss(fn: Any) -> bool:
    names = [registry.builtin_name(candidate) for candidate in (fn, type(fn))]
    return any(name is not None and name[0] == "keras.losses" for name in names)


class FunctionMetric(MeanMetricWrapper):
    """Base of the built-in means: the arguments of their function are attributes and make up their config."""

    # As with losses: left out by Keras, or by it where they equal the default.
    _written_if_changed: tuple[str, ...] = ()

    def __init__(self, fn: Callable, name: str | None, dtype: Any, **kwargs: Any) -> None:
        super().__init__(fn, name, dtype, **kwargs)
        self.__dict__.update(kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), **written_arguments(type(self), self._fn_kwargs, self._written_if_changed)}
