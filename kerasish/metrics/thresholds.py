"""Counts of true and false positives and negatives at thresholds, and the metrics' base that adds them up."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core.config import epsilon
from kerasish.core.variable import Variable
from kerasish.losses.arrays import as_array, squeeze_or_expand_to_same_rank
from kerasish.metrics.metric import Metric

NEG_INF = -1e10

TRUE_POSITIVES = "true_positives"
FALSE_POSITIVES = "false_positives"
TRUE_NEGATIVES = "true_negatives"
FALSE_NEGATIVES = "false_negatives"
ALL_COUNTS = (TRUE_POSITIVES, FALSE_POSITIVES, TRUE_NEGATIVES, FALSE_NEGATIVES)


def parse_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """Return thresholds given as a number, a list or None (the default) as a list.

    Raises:
        ValueError: if one lies outside [0, 1].
    """
    if thresholds is None:
        return [default]
    values = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [value for value in values if value is None or not 0 <= value <= 1]
    if wrong:
        raise ValueError(f"`thresholds` must lie in [0, 1], received {wrong}.")
    return values


def even_thresholds(count: int) -> list[float]:
    """Return `count` thresholds from 0 to 1 at equal distances."""
    return [0.0, *((i + 1) / (count - 1) for i in range(count - 2)), 1.0]


def are_even(thresholds: Any) -> bool:
    """Return whether at least three thresholds go from 0 to 1 at equal distances."""
    count = len(thresholds)
    return count >= 3 and np.allclose(thresholds, np.arange(count, dtype="float32") / (count - 1), atol=epsilon())


def confusion_counts(
    y_true: Any,
    y_pred: Any,
    thresholds: Any,
    counts: tuple[str, ...],
    even: bool = False,
    top_k: int | None = None,
    class_id: int | None = None,
    sample_weight: Any = None,
    multi_label: bool = False,
    label_weights: Any = None,
    dtype: str = "float32",
) -> dict[str, jax.Array]:
    """Count true and false positives and negatives; a prediction above a threshold is positive.

    Args:
        y_true: labels 0 and 1 of any shape.
        y_pred: predictions of the same shape.
        thresholds: increasing numbers.
        counts: which counts are wanted.
        even: whether the thresholds lie at equal distances from 0 to 1, which allows sorting predictions into
            buckets instead of comparing each with every threshold.
        top_k: treat all but the largest `k` predictions of the last axis as negative.
        class_id: count this class of the last axis only.
        sample_weight: weights of samples, or that broadcast to the predictions.
        multi_label: count each column of the last axis by itself.
        label_weights: weights of the columns.
        dtype: dtype of the counts.

    Returns:
        One array per count, of shape `(thresholds,)`, or `(thresholds, labels)` with `multi_label`.
    """
    y_true, y_pred = as_array(y_true, dtype), as_array(y_pred, dtype)
    y_pred, y_true = squeeze_or_expand_to_same_rank(y_pred, y_true)
    if y_pred.shape != y_true.shape:
        raise ValueError(
            f"`y_true` and `y_pred` must have the same shape, received {y_true.shape} and {y_pred.shape}. Turn class "
            "numbers into one-hot rows with `utils.to_categorical`."
        )
    weights = jnp.ones((), dtype)
    if sample_weight is not None:
        weights = as_array(sample_weight, dtype)[..., None]
        _, weights = squeeze_or_expand_to_same_rank(y_true, weights, expand_rank_1=False)
    if top_k is not None:
        y_pred = _keep_top_k(y_pred, top_k)
    if class_id is not None:
        if y_pred.ndim == 1:
            raise ValueError(f"With `class_id`, predictions must have shape (batch, classes), received {y_pred.shape}.")
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    if label_weights is not None:
        weights = weights * as_array(label_weights, dtype)
    positive = y_true.astype(bool)
    weights = jnp.broadcast_to(weights, y_pred.shape)
    in_positive, in_negative = jnp.where(positive, weights, 0), jnp.where(positive, 0, weights)
    if not multi_label:
        y_pred, in_positive, in_negative = y_pred.ravel(), in_positive.ravel(), in_negative.ravel()
    count = _count_in_buckets if even else _count_by_comparison
    return count(y_pred, in_positive, in_negative, thresholds, counts)


def _keep_top_k(y_pred: jax.Array, k: int) -> jax.Array:
    _, indices = jax.lax.top_k(y_pred, k)
    kept = jnp.any(jax.nn.one_hot(indices, y_pred.shape[-1], dtype=bool), axis=-2)
    return jnp.where(kept, y_pred, NEG_INF)


def _count_by_comparison(
    y_pred: jax.Array, in_positive: jax.Array, in_negative: jax.Array, thresholds: Any, counts: tuple[str, ...]
) -> dict[str, jax.Array]:
    """Compare every prediction with every threshold."""
    levels = as_array(thresholds, y_pred.dtype).reshape(-1, *(1,) * y_pred.ndim)
    above = y_pred > levels
    parts = {
        TRUE_POSITIVES: lambda: jnp.where(above, in_positive, 0),
        FALSE_POSITIVES: lambda: jnp.where(above, in_negative, 0),
        TRUE_NEGATIVES: lambda: jnp.where(above, 0, in_negative),
        FALSE_NEGATIVES: lambda: jnp.where(above, 0, in_positive),
    }
    return {name: jnp.sum(parts[name](), axis=1) for name in counts}


def _count_in_buckets(
    y_pred: jax.Array, in_positive: jax.Array, in_negative: jax.Array, thresholds: Any, counts: tuple[str, ...]
) -> dict[str, jax.Array]:
    """Sort predictions into the buckets between evenly spaced thresholds and add up from the top."""
    size = len(thresholds)
    # A prediction exceeds the thresholds 0 to ceil(p (size - 1)) - 1.
    buckets = jnp.ceil(jnp.clip(y_pred, 0.0, 1.0) * (size - 1)) - 1
    if thresholds[0] < 0.0 or thresholds[-1] > 1.0:
        # The first threshold lies just below 0: even 0 exceeds it.
        buckets = jnp.maximum(buckets, 0)
    buckets = buckets.astype("int32")

    def sums_above(weights: jax.Array) -> jax.Array:
        def column(weights: jax.Array, buckets: jax.Array) -> jax.Array:
            # Bucket -1, below all thresholds, is out of range and left out.
            return jax.ops.segment_sum(weights, buckets, size)

        if weights.ndim == 2:
            column = jax.vmap(column, in_axes=1, out_axes=1)
        return jnp.cumsum(column(weights, buckets)[::-1], axis=0)[::-1]

    found: dict[str, jax.Array] = {}
    for weights, above, below in (
        (in_positive, TRUE_POSITIVES, FALSE_NEGATIVES),
        (in_negative, FALSE_POSITIVES, TRUE_NEGATIVES),
    ):
        if above in counts or below in counts:
            found[above] = sums_above(weights)
            found[below] = jnp.sum(weights, axis=0) - found[above]
    return {name: found[name] for name in counts}


class ThresholdMetric(Metric):
    """Base of the metrics made of counts at thresholds.

    Subclasses say in `_counts` which counts they need; each is a Variable in the attribute of its name.
    """

    _counts: tuple[str, ...] = ALL_COUNTS

    def _add_counts(self, shape: tuple[int, ...]) -> None:
        for name in self._counts:
            setattr(self, name, self.add_variable(shape, "zeros", name=name))

    def _variable_of(self, count: str) -> Variable:
        return getattr(self, count)

    def _add(self, y_true: Any, y_pred: Any, thresholds: Any, even: bool, **options: Any) -> None:
        variables = {name: self._variable_of(name) for name in self._counts}
        dtype = variables[self._counts[0]].dtype
        for name, count in confusion_counts(
            y_true, y_pred, thresholds, self._counts, even, dtype=dtype, **options
        ).items():
            variables[name].assign_add(count)
