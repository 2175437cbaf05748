"""The table of metrics by name, and `get`, `serialize` and `deserialize` on it."""

from typing import Any

from kerasish import losses
from kerasish.core import naming, registry
from kerasish.metrics import accuracies, auc, confusion, f_scores, loss_means, overlap, reductions, regression
from kerasish.metrics.metric import Metric

_CLASSES = (
    Metric,
    reductions.Mean,
    reductions.MeanMetricWrapper,
    reductions.Sum,
    accuracies.Accuracy,
    accuracies.BinaryAccuracy,
    accuracies.CategoricalAccuracy,
    accuracies.SparseCategoricalAccuracy,
    accuracies.SparseTopKCategoricalAccuracy,
    accuracies.TopKCategoricalAccuracy,
    auc.AUC,
    confusion.FalseNegatives,
    confusion.FalsePositives,
    confusion.Precision,
    confusion.PrecisionAtRecall,
    confusion.Recall,
    confusion.RecallAtPrecision,
    confusion.SensitivityAtSpecificity,
    confusion.SpecificityAtSensitivity,
    confusion.TrueNegatives,
    confusion.TruePositives,
    f_scores.F1Score,
    f_scores.FBetaScore,
    loss_means.BinaryCrossentropy,
    loss_means.CategoricalCrossentropy,
    loss_means.CategoricalHinge,
    loss_means.Hinge,
    loss_means.KLDivergence,
    loss_means.LogCoshError,
    loss_means.MeanAbsoluteError,
    loss_means.MeanAbsolutePercentageError,
    loss_means.MeanSquaredError,
    loss_means.MeanSquaredLogarithmicError,
    loss_means.Poisson,
    loss_means.SparseCategoricalCrossentropy,
    loss_means.SquaredHinge,
    overlap.BinaryIoU,
    overlap.IoU,
    overlap.MeanIoU,
    overlap.OneHotIoU,
    overlap.OneHotMeanIoU,
    regression.ConcordanceCorrelation,
    regression.CosineSimilarity,
    regression.PearsonCorrelation,
    regression.R2Score,
    regression.RootMeanSquaredError,
)
_FUNCTIONS = (
    accuracies.binary_accuracy,
    accuracies.categorical_accuracy,
    accuracies.sparse_categorical_accuracy,
    accuracies.sparse_top_k_categorical_accuracy,
    accuracies.top_k_categorical_accuracy,
    losses.binary_crossentropy,
    losses.binary_focal_crossentropy,
    losses.categorical_crossentropy,
    losses.categorical_focal_crossentropy,
    losses.categorical_hinge,
    losses.hinge,
    losses.huber,
    losses.kl_divergence,
    losses.log_cosh,
    losses.mean_absolute_error,
    losses.mean_absolute_percentage_error,
    losses.mean_squared_error,
    losses.mean_squared_logarithmic_error,
    losses.poisson,
    losses.sparse_categorical_crossentropy,
    losses.squared_hinge,
    regression.concordance_correlation,
    regression.pearson_correlation,
)
_SHORT_NAMES = {
    "bce": loss_means.BinaryCrossentropy,
    "mae": loss_means.MeanAbsoluteError,
    "mape": loss_means.MeanAbsolutePercentageError,
    "mse": loss_means.MeanSquaredError,
    "msle": loss_means.MeanSquaredLogarithmicError,
}

BUILTIN_METRICS: dict[str, Any] = {obj.__name__: obj for obj in (*_CLASSES, *_FUNCTIONS)}
registry.builtins("keras.metrics", BUILTIN_METRICS)

# A name in snake case stands for the class; for the function only where there is no such class.
_TABLE = {
    **BUILTIN_METRICS,
    **{naming.to_snake_case(cls.__name__): cls for cls in _CLASSES},
    **_SHORT_NAMES,
    **{name.upper(): cls for name, cls in _SHORT_NAMES.items()},
}


def get(identifier: Any) -> Any:
    """Return the metric that an identifier stands for.

    Args:
        identifier: name of a class (`"AUC"`, `"mean_squared_error"`, `"mse"`), config, class, Metric, callable or None.

    Returns:
        A Metric, a function where the identifier is one, or None for None.

    Raises:
        ValueError: if there is no such metric; the text lists close names.

    Example:
        >>> get("categorical_accuracy")
        <CategoricalAccuracy name=categorical_accuracy>
    """
    return registry.resolve(identifier, _TABLE, "metric")


def serialize(metric: Any) -> Any:
    """Return the config of a metric or metric function."""
    return registry.serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the metric that a config or a name describes; the reverse of `serialize`."""
    return registry.deserialize_keras_object(config, custom_objects, module_objects=_TABLE)
