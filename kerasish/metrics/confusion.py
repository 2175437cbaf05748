"""Metrics of the confusion matrix: its counts, precision and recall, and one of them where another is good enough."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish import ops
from kerasish.core.variable import Variable
from kerasish.metrics.thresholds import (
    ALL_COUNTS,
    FALSE_NEGATIVES,
    FALSE_POSITIVES,
    NEG_INF,
    TRUE_NEGATIVES,
    TRUE_POSITIVES,
    ThresholdMetric,
    are_even,
    even_thresholds,
    parse_thresholds,
)


class _Count(ThresholdMetric):
    """Base of the four counts.

    Args:
        thresholds: a number or list of numbers in [0, 1]; predictions above count as 1. None: 0.5.
        name: name of the metric.
        dtype: see `Metric`.
    """

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def _variable_of(self, count: str) -> Variable:
        return self.accumulator

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take labels 0 and 1, predictions in [0, 1] of the same shape, and weights into account."""
        self._add(y_true, y_pred, self.thresholds, are_even(self.thresholds), sample_weight=sample_weight)

    def result(self) -> jax.Array:
        return self.accumulator[0] if len(self.thresholds) == 1 else self.accumulator.value

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """Number of samples with label 1 and a prediction above the threshold.

    Args:
        thresholds: a number or list of numbers in [0, 1]; predictions above count as 1. None: 0.5.
        name: name of the metric.
        dtype: see `Metric`.
    """

    _counts = (TRUE_POSITIVES,)


class FalsePositives(_Count):
    """Number of samples with label 0 and a prediction above the threshold. Arguments as in `TruePositives`."""

    _counts = (FALSE_POSITIVES,)


class TrueNegatives(_Count):
    """Number of samples with label 0 and a prediction not above the threshold. Arguments as in `TruePositives`."""

    _counts = (TRUE_NEGATIVES,)


class FalseNegatives(_Count):
    """Number of samples with label 1 and a prediction not above the threshold. Arguments as in `TruePositives`."""

    _counts = (FALSE_NEGATIVES,)


class _Ratio(ThresholdMetric):
    """Base of precision and recall: the first of two counts in their sum."""

    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        # With top_k alone, all that is left counts as positive.
        self.thresholds = parse_thresholds(thresholds, 0.5 if top_k is None else NEG_INF)
        self._add_counts((len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take labels 0 and 1, predictions in [0, 1] of the same shape, and weights into account."""
        self._add(
            y_true,
            y_pred,
            self.thresholds,
            are_even(self.thresholds),
            top_k=self.top_k,
            class_id=self.class_id,
            sample_weight=sample_weight,
        )

    def result(self) -> jax.Array:
        first, second = (self._variable_of(count).value for count in self._counts)
        ratio = ops.divide_no_nan(first, first + second)
        return ratio[0] if len(self.thresholds) == 1 else ratio

    def get_config(self) -> dict[str, Any]:
        config = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **config}


class Precision(_Ratio):
    """Share of positive predictions that are right, `tp / (tp + fp)`; 0 without any.

    Args:
        thresholds: a number or list of numbers in [0, 1]; predictions above count as 1. None: 0.5.
        top_k: only the largest `k` predictions of each row may be positive.
        class_id: only this class of the last axis counts.
        name: name of the metric.
        dtype: see `Metric`.

    Example:
        >>> m = Precision()
        >>> m.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> m.result()
        Array(0.6666667, dtype=float32)
    """

    _counts = (TRUE_POSITIVES, FALSE_POSITIVES)


class Recall(_Ratio):
    """Share of labels 1 that are predicted, `tp / (tp + fn)`; 0 without any. Arguments as in `Precision`."""

    _counts = (TRUE_POSITIVES, FALSE_NEGATIVES)


_RATIOS = {
    "sensitivity": (TRUE_POSITIVES, FALSE_NEGATIVES),
    "recall": (TRUE_POSITIVES, FALSE_NEGATIVES),
    "specificity": (TRUE_NEGATIVES, FALSE_POSITIVES),
    "precision": (TRUE_POSITIVES, FALSE_POSITIVES),
}


class _BestAt(ThresholdMetric):
    """Base of the metrics that take the best value of one ratio over the thresholds where another is large enough."""

    _direction = "up"
    _counts = ALL_COUNTS
    _best = ""
    _constrained = ""

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f"{type(self).__name__}: `{self._constrained}` must lie in [0, 1], received {value}.")
        if num_thresholds <= 0:
            raise ValueError(f"{type(self).__name__}: `num_thresholds` must be positive, received {num_thresholds}.")
        super().__init__(name=name, dtype=dtype)
        setattr(self, self._constrained, value)
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else even_thresholds(num_thresholds)
        self._add_counts((len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take labels 0 and 1, predictions in [0, 1] of the same shape, and weights into account."""
        even = self.num_thresholds > 1
        self._add(y_true, y_pred, self.thresholds, even, class_id=self.class_id, sample_weight=sample_weight)

    def _ratio(self, name: str) -> jax.Array:
        first, second = (self._variable_of(count).value for count in _RATIOS[name])
        return ops.divide_no_nan(first, first + second)

    def result(self) -> jax.Array:
        enough = self._ratio(self._constrained) >= self.value
        return jnp.max(jnp.where(enough, self._ratio(self._best), 0), initial=0)

    def get_config(self) -> dict[str, Any]:
        config = {"num_thresholds": self.num_thresholds, self._constrained: self.value, "class_id": self.class_id}
        return {**super().get_config(), **config}


class SensitivityAtSpecificity(_BestAt):
    """Best sensitivity `tp / (tp + fn)` where the specificity `tn / (tn + fp)` is at least as given.

    Args:
        specificity: in [0, 1].
        num_thresholds: number of thresholds that are tried.
        class_id: only this class of the last axis counts.
        name: name of the metric.
        dtype: see `Metric`.
    """

    _best, _constrained = "sensitivity", "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_BestAt):
    """Best specificity `tn / (tn + fp)` where the sensitivity `tp / (tp + fn)` is at least as given.

    Args:
        sensitivity: in [0, 1].
        num_thresholds: number of thresholds that are tried.
        class_id: only this class of the last axis counts.
        name: name of the metric.
        dtype: see `Metric`.
    """

    _best, _constrained = "specificity", "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_BestAt):
    """Best precision `tp / (tp + fp)` where the recall `tp / (tp + fn)` is at least as given.

    Args:
        recall: in [0, 1].
        num_thresholds: number of thresholds that are tried.
        class_id: only this class of the last axis counts.
        name: name of the metric.
        dtype: see `Metric`.
    """

    _best, _constrained = "precision", "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_BestAt):
    """Best recall `tp / (tp + fn)` where the precision `tp / (tp + fp)` is at least as given.

    Args:
        precision: in [0, 1].
        num_thresholds: number of thresholds that are tried.
        class_id: only this class of the last axis counts.
        name: name of the metric.
        dtype: see `Metric`.
    """

    _best, _constrained = "recall", "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
