"""The table of losses by name, and `get`, `serialize` and `deserialize` on it."""

from typing import Any

from kerasish.core import registry
from kerasish.losses import crossentropy, margins, probabilistic, regression, segmentation, structured
from kerasish.losses.loss import Loss, LossFunctionWrapper

_CLASSES = (
    Loss,
    crossentropy.BinaryCrossentropy,
    crossentropy.BinaryFocalCrossentropy,
    crossentropy.CategoricalCrossentropy,
    crossentropy.CategoricalFocalCrossentropy,
    crossentropy.SparseCategoricalCrossentropy,
    probabilistic.CategoricalGeneralizedCrossEntropy,
    probabilistic.KLDivergence,
    probabilistic.Poisson,
    regression.CosineSimilarity,
    regression.Huber,
    regression.LogCosh,
    regression.MeanAbsoluteError,
    regression.MeanAbsolutePercentageError,
    regression.MeanSquaredError,
    regression.MeanSquaredLogarithmicError,
    margins.CategoricalHinge,
    margins.Hinge,
    margins.SquaredHinge,
    segmentation.Dice,
    segmentation.Tversky,
    structured.CTC,
    structured.Circle,
)
_FUNCTIONS = (
    crossentropy.binary_crossentropy,
    crossentropy.binary_focal_crossentropy,
    crossentropy.categorical_crossentropy,
    crossentropy.categorical_focal_crossentropy,
    crossentropy.sparse_categorical_crossentropy,
    probabilistic.categorical_generalized_cross_entropy,
    probabilistic.kl_divergence,
    probabilistic.poisson,
    regression.cosine_similarity,
    regression.huber,
    regression.log_cosh,
    regression.mean_absolute_error,
    regression.mean_absolute_percentage_error,
    regression.mean_squared_error,
    regression.mean_squared_logarithmic_error,
    margins.categorical_hinge,
    margins.hinge,
    margins.squared_hinge,
    segmentation.dice,
    segmentation.tversky,
    structured.circle,
    structured.ctc,
)
_SHORT_NAMES = {
    "bce": crossentropy.binary_crossentropy,
    "kld": probabilistic.kl_divergence,
    "mae": regression.mean_absolute_error,
    "mape": regression.mean_absolute_percentage_error,
    "mse": regression.mean_squared_error,
    "msle": regression.mean_squared_logarithmic_error,
}

BUILTIN_LOSSES: dict[str, Any] = {obj.__name__: obj for obj in (*_CLASSES, *_FUNCTIONS)}
# Keras keeps this class private; its configs name the module that it lives in there.
registry.builtins("keras.src.losses.losses", {"LossFunctionWrapper": LossFunctionWrapper})
registry.builtins("keras.losses", BUILTIN_LOSSES)

_TABLE = {
    **BUILTIN_LOSSES,
    "LossFunctionWrapper": LossFunctionWrapper,
    **_SHORT_NAMES,
    **{name.upper(): function for name, function in _SHORT_NAMES.items()},
}


def get(identifier: Any) -> Any:
    """Return the loss that an identifier stands for.

    Args:
        identifier: name of a function (`"mse"`, `"huber"`) or class (`"Huber"`), config, class, Loss, callable or None.

    Returns:
        A function, a Loss, or None for None.

    Raises:
        ValueError: if there is no such loss; the text lists close names.

    Example:
        >>> get("categorical_crossentropy")
        >>> get({"class_name": "CategoricalCrossentropy", "config": {"from_logits": True}})
    """
    return registry.resolve(identifier, _TABLE, "loss")


def serialize(loss: Any) -> Any:
    """Return the config of a loss function or Loss."""
    return registry.serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the loss that a config or a name describes; the reverse of `serialize`."""
    return registry.deserialize_keras_object(name, custom_objects, module_objects=_TABLE)
