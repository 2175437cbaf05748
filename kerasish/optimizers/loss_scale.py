"""Dynamic loss scaling for float16 training."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core import registry
from kerasish.core.variable import Variable
from kerasish.optimizers.gradients import conditional
from kerasish.optimizers.optimizer import Optimizer

# Files of older Keras versions hold these, always with their defaults.
_BASE_DEFAULTS = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Wraps an optimizer and scales the loss, so that small float16 gradients do not become zero.

    A step whose gradients are not all finite is skipped and halves the scale; `dynamic_growth_steps` good steps in a
    row double it.

    Args:
        inner_optimizer: the optimizer that gets the unscaled gradients; its own `loss_scale_factor` is set to None.
        initial_scale: first scale; too high costs a few skipped steps, too low takes long to grow.
        dynamic_growth_steps: number of good steps until the scale is doubled.
        name: first part of the paths of the optimizer's variables.

    Raises:
        ValueError: for options that belong to the inner optimizer.

    Example:
        >>> optimizer = LossScaleOptimizer(Adam())
        >>> optimizer.build(model.trainable_variables)
        >>> loss = optimizer.scale_loss(loss_fn(y, model(x)))  # take gradients of this, then `optimizer.apply(grads)`
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer does not support `dynamic=False`. Set `loss_scale_factor` of the inner optimizer "
                "instead."
            )
        for option, default in _BASE_DEFAULTS.items():
            value = kwargs.pop(option, default)
            if value != default:
                raise ValueError(
                    f"LossScaleOptimizer does not support `{option}`. Set it on the `inner_optimizer` instead. "
                    f"Received: {option}={value!r}"
                )
        if kwargs:
            raise ValueError(f"LossScaleOptimizer does not support arguments: `{'`, `'.join(kwargs)}`.")
        if not isinstance(inner_optimizer, Optimizer):
            raise TypeError(
                f"LossScaleOptimizer: `inner_optimizer` must be an Optimizer, received {inner_optimizer!r}."
            )
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None  # else gradients would be unscaled twice

    def build(self, variables: Sequence[Variable]) -> None:
        if not self._is_new(variables):
            return
        variables = self._merged(variables)
        self.inner_optimizer.ensure_built(variables)
        super().build(variables)
        self.step_counter = self.add_variable((), dtype="int", name="step_counter")
        self.dynamic_scale = self.add_variable((), float(self.initial_scale), "float32", name="dynamic_scale")

    @property
    def variables(self) -> list[Variable]:
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self) -> Any:
        """The number of updates of the inner optimizer: skipped steps do not count."""
        return self.inner_optimizer.iterations

    def check_finite(self, grads: Sequence[Any]) -> jax.Array:
        """Return whether no gradient holds an infinity or NaN."""
        return jnp.all(jnp.stack([jnp.all(jnp.isfinite(grad)) for grad in grads if grad is not None]))

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        grads = list(grads)
        if not grads:
            return
        grads, variables = self._match(grads, trainable_variables)

        def update() -> None:
            scale = self.dynamic_scale.value
            unscaled = [
                grad if self._overwrite_variable_with_gradient(variable) else jnp.asarray(grad) / scale
                for grad, variable in zip(grads, variables, strict=True)
            ]
            self.inner_optimizer.apply(unscaled, variables)
            grows = self.step_counter.value == self.dynamic_growth_steps - 1
            self.dynamic_scale.assign(jnp.where(grows, scale * 2.0, scale))
            self.step_counter.assign(jnp.where(grows, 0, self.step_counter.value + 1))

        def skip() -> None:
            self.step_counter.assign(jnp.zeros((), "int32"))
            self.dynamic_scale.assign(self.dynamic_scale.value * 0.5)

        conditional(self.check_finite(grads), update, skip, [*self._trainable_variables, *self.variables])

    def scale_loss(self, loss: Any) -> Any:
        return loss * (self.dynamic_scale.value if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": registry.serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "LossScaleOptimizer":
        config = dict(config)
        inner_optimizer = registry.deserialize_keras_object(config.pop("inner_optimizer"), custom_objects)
        return cls(inner_optimizer, **config)
