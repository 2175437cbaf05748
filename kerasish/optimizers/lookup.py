"""Optimizers by name and by config."""

from typing import Any

from kerasish.core import registry
from kerasish.optimizers.adaptive import Adam, Adamax, AdamW, Lamb, Nadam, ScheduleFreeAdamW
from kerasish.optimizers.descent import SGD, Adadelta, Adagrad, Ftrl, Lion, RMSprop
from kerasish.optimizers.loss_scale import LossScaleOptimizer
from kerasish.optimizers.matrices import Adafactor, Muon
from kerasish.optimizers.multi import MultiOptimizer, OptimizerMap
from kerasish.optimizers.optax_adapter import OptaxOptimizer, is_gradient_transformation
from kerasish.optimizers.optimizer import Optimizer

OBJECTS: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        *(Optimizer, SGD, RMSprop, Adam, AdamW, Adamax, Adadelta, Adagrad, Nadam, Ftrl, Lion, Adafactor, Lamb, Muon),
        *(ScheduleFreeAdamW, LossScaleOptimizer, MultiOptimizer, OptimizerMap),
    )
}
registry.builtins("keras.optimizers", OBJECTS)
registry.builtins("kerasish.optimizers", {"OptaxOptimizer": OptaxOptimizer})

_BY_LOWER_NAME = {name.lower(): cls for name, cls in OBJECTS.items()}


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return the config of an optimizer with its class name, as JSON types."""
    return registry.serialize_keras_object(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """Return the optimizer that `config` describes; names of built-in classes may be in any case.

    Args:
        config: what `serialize` returned, or `{"class_name": ..., "config": {...}}`.
        custom_objects: name to class, for optimizers of your own that are not registered.
    """
    lower = str(config.get("class_name")).lower()
    if lower in _BY_LOWER_NAME:
        config = {**config, "class_name": lower}
    return registry.deserialize_keras_object(config, custom_objects, module_objects=_BY_LOWER_NAME)


def get(identifier: Any) -> Optimizer | None:
    """Return the optimizer that an identifier stands for.

    Args:
        identifier: name in any case such as `"adam"`, config, optimizer, optimizer class,
            `optax.GradientTransformation`, or None.

    Returns:
        The optimizer; None for None.

    Raises:
        ValueError: if it stands for no optimizer.

    Example:
        >>> get("rmsprop")
        >>> get({"class_name": "Adam", "config": {"learning_rate": 0.1}})
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if is_gradient_transformation(identifier):
        return OptaxOptimizer(identifier)
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str) and identifier.lower() in _BY_LOWER_NAME:
        found = _BY_LOWER_NAME[identifier.lower()]()
    else:
        found = registry.resolve(identifier, OBJECTS, "optimizer")
    if not isinstance(found, Optimizer):
        raise ValueError(
            f"Could not interpret optimizer identifier: {identifier!r}. Expected a name such as 'adam', a config, an "
            "Optimizer or an optax.GradientTransformation."
        )
    return found
