"""Metrics that are means of loss functions."""

from typing import Any

from kerasish import losses
from kerasish.metrics.reductions import FunctionMetric


class MeanSquaredError(FunctionMetric):
    """Mean of squared differences.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(FunctionMetric):
    """Mean of absolute differences. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(FunctionMetric):
    """Mean of absolute differences in percent of the target. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(FunctionMetric):
    """Mean of squared differences of logarithms. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(FunctionMetric):
    """Mean of the logarithm of the hyperbolic cosine of the error. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class Hinge(FunctionMetric):
    """Mean of the hinge loss. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(FunctionMetric):
    """Mean of the squared hinge loss. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(FunctionMetric):
    """Mean of the categorical hinge loss. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)


class KLDivergence(FunctionMetric):
    """Mean of the Kullback-Leibler divergence. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(FunctionMetric):
    """Mean of the Poisson loss. Arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class BinaryCrossentropy(FunctionMetric):
    """Mean of the cross-entropy of labels 0 and 1.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1]; labels move by this share towards 0.5.
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, **options)


class CategoricalCrossentropy(FunctionMetric):
    """Mean of the cross-entropy of one-hot labels.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1]; labels move by this share towards the even distribution.
        axis: axis of the classes.
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **options)


class SparseCategoricalCrossentropy(FunctionMetric):
    """Mean of the cross-entropy of class numbers.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        from_logits: whether predictions are logits.
        ignore_class: entries with this number have loss 0.
        axis: axis of the classes.
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, **options)
