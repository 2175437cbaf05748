"""F-scores: weighted harmonic means of precision and recall."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.config import epsilon
from kerasish.losses.arrays import as_array
from kerasish.metrics.metric import Metric

_STATE = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """F-score `(1 + beta²) · precision · recall / (beta² · precision + recall)`; 0 before any data.

    Args:
        average: None for one score per class, `"micro"` to count over all classes, `"macro"` for the mean over classes,
            `"weighted"` for the mean weighted by the number of labels.
        beta: weight of recall against precision.
        threshold: predictions above count as 1; None: the largest of each row does.
        name: name of the metric.
        dtype: see `Metric`.

    Raises:
        ValueError: for arguments out of range.

    Example:
        >>> m = FBetaScore(beta=2.0, threshold=0.5)
        >>> m.update_state([[1, 1, 1], [1, 0, 0]], [[0.2, 0.6, 0.7], [0.6, 0.2, 0.6]])
        >>> m.result()
        Array([0.5555556, 1.       , 0.8333333], dtype=float32)
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"`average` must be None, 'micro', 'macro' or 'weighted', received average={average!r}.")
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"`beta` must be a positive float, received beta={beta!r}.")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"`threshold` must be a float in (0, 1] or None, received threshold={threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...]) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(
                f"{type(self).__name__}: labels and predictions must have shape (batch, classes), received "
                f"{y_true_shape} and {y_pred_shape}."
            )
        shape = () if self.average == "micro" else (y_pred_shape[-1],)
        for name in _STATE:
            setattr(self, name, self.add_variable(shape, "zeros", dtype=self.dtype, name=name))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into account.

        Args:
            y_true: labels 0 and 1 of shape `(batch, classes)`.
            y_pred: predictions of the same shape.
            sample_weight: weights of shape `(batch,)`.
        """
        y_true, y_pred = as_array(y_true, self.dtype), as_array(y_pred, self.dtype)
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        if self.threshold is None:
            # A row of zeros predicts no class.
            chosen = (y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)) & (jnp.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        y_pred = chosen.astype(self.dtype)
        weights = 1 if sample_weight is None else as_array(sample_weight, self.dtype).reshape(-1, 1)
        counts = (y_pred * y_true, y_pred * (1 - y_true), (1 - y_pred) * y_true, y_true)
        for name, values in zip(_STATE, counts):
            getattr(self, name).assign_add(jnp.sum(values * weights, axis=self.axis))

    def result(self) -> jax.Array:
        if not self._built:
            return jnp.zeros((), self.dtype)
        tp, fp, fn, labels = (getattr(self, name).value for name in _STATE)
        precision, recall = tp / (tp + fp + epsilon()), tp / (tp + fn + epsilon())
        score = precision * recall / (self.beta**2 * precision + recall + epsilon()) * (1 + self.beta**2)
        if self.average == "weighted":
            return jnp.sum(score * labels / (jnp.sum(labels) + epsilon()))
        return score if self.average is None else jnp.mean(score)

    def get_config(self) -> dict[str, Any]:
        config = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **config}


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall; 0 before any data.

    Args:
        average: see `FBetaScore`.
        threshold: see `FBetaScore`.
        name: name of the metric.
        dtype: see `Metric`.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
