"""Metrics of real-valued predictions: root of the mean square, R², cosine and correlations."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.config import epsilon
from kerasish.losses.arrays import as_aligned_arrays, as_array, squeeze_or_expand_to_same_rank
from kerasish.losses.regression import cosine_similarity as negative_cosine
from kerasish.metrics.metric import Metric
from kerasish.metrics.reductions import FunctionMetric, Mean


class RootMeanSquaredError(Mean):
    """Square root of the mean of squared differences.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take a batch of targets and predictions of the same shape into account."""
        y_true, y_pred = squeeze_or_expand_to_same_rank(as_array(y_true, self.dtype), as_array(y_pred, self.dtype))
        super().update_state(jnp.square(y_pred - y_true), sample_weight=sample_weight)

    def result(self) -> jax.Array:
        return jnp.sqrt(super().result())


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Return the cosine of the angle between targets and predictions along `axis`, 1 where they point the same way."""
    return -negative_cosine(y_true, y_pred, axis)


class CosineSimilarity(FunctionMetric):
    """Mean cosine between targets and predictions (the loss of that name has the opposite sign).

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        axis: axis along which the vectors lie.
    """

    _direction = "up"
    _written_if_changed = ("axis",)

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Return Pearson's correlation coefficient along `axis`; NaN where either side is constant.

    Args:
        y_true: targets.
        y_pred: predictions of the same shape.
        axis: axis along which the values are compared.

    Returns:
        Array without that axis, values in [-1, 1].
    """
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    y_true = y_true - jnp.mean(y_true, axis=axis, keepdims=True)
    y_pred = y_pred - jnp.mean(y_pred, axis=axis, keepdims=True)
    y_true = y_true / jnp.std(y_true, axis=axis, keepdims=True)
    y_pred = y_pred / jnp.std(y_pred, axis=axis, keepdims=True)
    return jnp.mean(y_true * y_pred, axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Return the concordance correlation coefficient `2 cov / (var + var + (difference of means)²)` along `axis`.

    Args:
        y_true: targets.
        y_pred: predictions of the same shape.
        axis: axis along which the values are compared.

    Returns:
        Array without that axis, values in [-1, 1]; 1 only where the values are equal, not just proportional.
    """
    y_true, y_pred = as_aligned_arrays(y_true, y_pred)
    mean_true, mean_pred = (jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    # `cov` needs one side centred only; both centred round better.
    products = (y_true - mean_true) * (y_pred - mean_pred)
    spread = jnp.var(y_true, axis=axis, keepdims=True) + jnp.var(y_pred, axis=axis, keepdims=True)
    return jnp.mean(2 * products / (spread + jnp.square(mean_true - mean_pred) + epsilon()), axis=axis)


class PearsonCorrelation(FunctionMetric):
    """Mean of Pearson's correlation coefficients; see `pearson_correlation`.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        axis: axis along which values are compared: -1 within samples, 0 over the batch.
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(FunctionMetric):
    """Mean of concordance correlation coefficients; see `concordance_correlation`.

    Arguments as in `PearsonCorrelation`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)


class R2Score(Metric):
    """Coefficient of determination, `1 - Σ(y_true - y_pred)² / Σ(y_true - mean(y_true))²`; 0 before any data.

    Args:
        class_aggregation: `"uniform_average"` over the outputs, `"variance_weighted_average"`, or None for one score
            per output.
        num_regressors: number of independent variables, for the adjusted score; 0 for the plain one.
        name: name of the metric.
        dtype: see `Metric`.

    Raises:
        ValueError: for unknown arguments.
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        allowed = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in allowed:
            raise ValueError(f"R2Score: `class_aggregation` must be one of {allowed}, received {class_aggregation!r}.")
        if num_regressors < 0:
            raise ValueError(f"R2Score: `num_regressors` must not be negative, received {num_regressors}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...]) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(
                f"R2Score: targets and predictions must have shape (batch, outputs), received {y_true_shape} and "
                f"{y_pred_shape}."
            )
        outputs = (y_pred_shape[-1],)
        self.squared_sum = self.add_variable(outputs, "zeros", name="squared_sum")
        self.sum = self.add_variable(outputs, "zeros", name="sum")
        self.total_mse = self.add_variable(outputs, "zeros", name="residual")
        self.count = self.add_variable(outputs, "zeros", name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into account.

        Args:
            y_true: targets of shape `(batch, outputs)`.
            y_pred: predictions of the same shape.
            sample_weight: weights of shape `(batch,)`, or that broadcast to the targets.
        """
        y_true, y_pred = squeeze_or_expand_to_same_rank(as_array(y_true, self.dtype), as_array(y_pred, self.dtype))
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        weights = as_array(1 if sample_weight is None else sample_weight, self.dtype)
        weights = jnp.broadcast_to(weights[:, None] if weights.ndim == 1 else weights, y_true.shape)
        self.sum.assign_add(jnp.sum(y_true * weights, axis=0))
        self.squared_sum.assign_add(jnp.sum(y_true * y_true * weights, axis=0))
        self.total_mse.assign_add(jnp.sum(jnp.square(y_true - y_pred) * weights, axis=0))
        self.count.assign_add(jnp.sum(weights, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> jax.Array:
        if not self._built:
            return jnp.zeros((), self.dtype)
        total = self.squared_sum.value - self.sum.value * (self.sum.value / self.count.value)
        scores = 1 - self.total_mse.value / total
        scores = jnp.where(jnp.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = jnp.sum(total * scores) / jnp.sum(total)
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: jax.Array) -> jax.Array:
        samples = self.num_samples.value
        freedom = samples - self.num_regressors - 1
        if not isinstance(samples, jax.core.Tracer) and freedom <= 0:
            warnings.warn(
                f"R2Score: {self.num_regressors} independent variables are too many for {samples:g} values; the plain "
                "score is returned instead of the adjusted one."
            )
        adjusted = 1.0 - (1.0 - scores) * (samples - 1.0) / jnp.where(freedom > 0, freedom, 1.0)
        return jnp.where(freedom > 0, adjusted, scores)

    def get_config(self) -> dict[str, Any]:
        config = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **config}
