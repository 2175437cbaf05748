"""The base class of learning rate schedules and their configs."""

from typing import Any

import jax

from kerasish.core import registry


class LearningRateSchedule:
    """A learning rate that is a function of the training step.

    Subclasses define `__call__(step)`, and `get_config()` if they are to be saved.

    Example:
        >>> class Inverse(LearningRateSchedule):
        ...     def __init__(self, rate):
        ...         self.rate = rate
        ...     def __call__(self, step):
        ...         return self.rate / (step + 1)
        ...     def get_config(self):
        ...         return {"rate": self.rate}
        >>> optimizer = kerasish.optimizers.SGD(learning_rate=Inverse(0.1))
    """

    def __call__(self, step: Any) -> jax.Array:
        """Return the learning rate at `step`, an integer or a scalar integer array, possibly traced."""
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(self, step)`.")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        raise NotImplementedError(f"{type(self).__name__} must define `get_config()` to be saved.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearningRateSchedule":
        """Return a schedule made from what `get_config` returned."""
        return cls(**config)


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return the config of a schedule with its class name, as JSON types."""
    return registry.serialize_keras_object(learning_rate_schedule)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> LearningRateSchedule:
    """Return the schedule that `config` describes.

    Args:
        config: what `serialize` returned, or `{"class_name": ..., "config": {...}}`.
        custom_objects: name to class, for schedules of your own that are not registered.
    """
    return registry.deserialize_keras_object(config, custom_objects)
