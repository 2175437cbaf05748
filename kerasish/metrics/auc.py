"""Area under the ROC, precision-recall and precision-recall-gain curves."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish import ops
from kerasish.core.config import epsilon
from kerasish.losses.arrays import as_array
from kerasish.metrics.thresholds import ThresholdMetric, are_even, even_thresholds

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMMATIONS = ("interpolation", "majoring", "minoring")


class AUC(ThresholdMetric):
    """Approximate area under a curve, summed over thresholds.

    Args:
        num_thresholds: number of thresholds; more are more exact.
        curve: `"ROC"`, `"PR"` (precision over recall) or `"PRGAIN"` (their gains,
            https://papers.nips.cc/paper/5867-precision-recall-gain-curves-pr-analysis-done-right).
        summation_method: `"interpolation"` (the mean of both ends; for `"PR"` interpolation of the counts, Davis &
            Goadrich 2006), `"minoring"` (the smaller end) or `"majoring"` (the larger end).
        name: name of the metric.
        dtype: see `Metric`.
        thresholds: own thresholds in [0, 1] instead of `num_thresholds`; ends just outside are added.
        multi_label: compute an area per column of `(batch, labels)` and average these.
        num_labels: number of columns, so that the state exists before the first batch.
        label_weights: weights of the columns.
        from_logits: whether predictions are logits.

    Raises:
        ValueError: for unknown or contradictory arguments.

    Example:
        >>> m = AUC(num_thresholds=3)
        >>> m.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        >>> m.result()
        Array(0.75, dtype=float32)
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.curve = str(curve).upper()
        if self.curve not in _CURVES:
            raise ValueError(f"AUC: `curve` must be one of {_CURVES}, received curve={curve!r}.")
        self.summation_method = str(summation_method).lower()
        if self.summation_method not in _SUMMATIONS:
            raise ValueError(
                f"AUC: `summation_method` must be one of {_SUMMATIONS}, received summation_method={summation_method!r}."
            )
        if num_labels and not multi_label:
            raise ValueError("AUC: `num_labels` goes with `multi_label=True` only.")
        self._init_from_thresholds = thresholds is not None
        if thresholds is not None:
            inner = sorted(thresholds)
            self._even = are_even([0.0, *inner, 1.0])
        else:
            if num_thresholds <= 1:
                raise ValueError(f"AUC: `num_thresholds` must be greater than 1, received {num_thresholds}.")
            inner = even_thresholds(num_thresholds)[1:-1]
            self._even = True
        # Ends just outside [0, 1], so that rounding cannot push predictions over them.
        self._thresholds = np.array([-epsilon(), *inner, 1.0 + epsilon()])
        self.num_thresholds = len(self._thresholds)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, jnp.dtype(self.dtype))
        self._from_logits = from_logits
        self._built = False
        if not multi_label:
            self._build(())
        elif num_labels:
            self._build((num_labels,))

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, ends included."""
        return list(self._thresholds)

    def _build(self, labels: tuple[int, ...]) -> None:
        self._add_counts((self.num_thresholds, *labels))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into account.

        Args:
            y_true: labels 0 and 1.
            y_pred: predictions in [0, 1], or logits, of the same shape; `(batch, labels)` with `multi_label`.
            sample_weight: weights of samples, or that broadcast to the predictions.
        """
        y_pred = as_array(y_pred)
        if not self._built:
            if y_pred.ndim != 2:
                raise ValueError(
                    f"AUC: predictions must have shape (batch, labels) with `multi_label`, received {y_pred.shape}."
                )
            self._build(y_pred.shape[1:])
        self._add(
            y_true,
            jax.nn.sigmoid(y_pred) if self._from_logits else y_pred,
            self._thresholds,
            self._even,
            sample_weight=sample_weight,
            multi_label=self.multi_label,
            # Weights of labels enter `result` where each has its own area.
            label_weights=None if self.multi_label else self.label_weights,
        )

    def result(self) -> jax.Array:
        if not self._built:
            return jnp.zeros((), self.dtype)
        tp, fp, tn, fn = (self._variable_of(count).value for count in self._counts)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        x, y = self._points(tp, fp, tn, fn)
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        elif self.summation_method == "minoring":
            heights = jnp.minimum(y[:-1], y[1:])
        else:
            heights = jnp.maximum(y[:-1], y[1:])
        return self._averaged((x[:-1] - x[1:]) * heights)

    def interpolate_pr_auc(self) -> jax.Array:
        """Return the area under the precision-recall curve, with counts interpolated between thresholds."""
        tp, fp, _, fn = (self._variable_of(count).value for count in self._counts)
        return self._averaged(_interpolated_precision_area(tp, fp, fn))

    def _points(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the coordinates of the curve at each threshold."""
        recall = ops.divide_no_nan(tp, tp + fn)
        if self.curve == "ROC":
            return ops.divide_no_nan(fp, fp + tn), recall
        if self.curve == "PR":
            return recall, ops.divide_no_nan(tp, tp + fp)
        # Gains are 1 - (P / N) · fn / tp and 1 - (P / N) · fp / tp; without true positives they are set to 0 and 1, and
        # a recall worse than that of predicting 1 always counts as gain 0.
        scale = ops.divide_no_nan(tp + fn, tn + fp)
        recall_gain = jnp.where(tp == 0.0, 0.0, 1.0 - scale * ops.divide_no_nan(fn, tp))
        precision_gain = jnp.where(tp == 0.0, 1.0, 1.0 - scale * ops.divide_no_nan(fp, tp))
        return jnp.maximum(recall_gain, 0.0), precision_gain

    def _averaged(self, areas: jax.Array) -> jax.Array:
        """Add up the areas between thresholds and average over labels."""
        total = jnp.sum(areas, axis=0)
        if not self.multi_label:
            return total
        if self.label_weights is None:
            return jnp.mean(total)
        return ops.divide_no_nan(jnp.sum(total * self.label_weights), self.label_weights.sum())

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = [float(threshold) for threshold in self._thresholds[1:-1]]
        return config


def _interpolated_precision_area(tp: jax.Array, fp: jax.Array, fn: jax.Array) -> jax.Array:
    """Return the areas under the precision-recall curve between thresholds, with counts interpolated linearly.

    Between two thresholds true positives are `slope · p + intercept` of the positive predictions `p`; precision is the
    quotient, and its integral over the recall is `slope · (Δtp + intercept · log(p ratio)) / (tp + fn)`. Source: Davis
    and Goadrich, "The relationship between precision-recall and ROC curves", 2006.
    """
    change = tp[:-1] - tp[1:]
    p = tp + fp
    slope = ops.divide_no_nan(change, jnp.maximum(p[:-1] - p[1:], 0))
    intercept = tp[1:] - slope * p[1:]
    has_both = (p[:-1] > 0) & (p[1:] > 0)
    ratio = jnp.where(has_both, ops.divide_no_nan(p[:-1], jnp.maximum(p[1:], 0)), 1.0)
    return ops.divide_no_nan(slope * (change + intercept * jnp.log(ratio)), jnp.maximum(tp[1:] + fn[1:], 0))
