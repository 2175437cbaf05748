"""Optimizers whose update is a pure function of one variable's gradient, value and slots."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.variable import Variable, unwrap
from kerasish.optimizers.gradients import compute_dtype
from kerasish.optimizers.optimizer import Optimizer

Slots = dict[str, jax.Array]


class Rule(Optimizer):
    """Base of the built-in optimizers: a subclass names its slots and defines `rule`, and `shared` where useful.

    Half-precision variables are updated in float32 and rounded once.
    """

    def slot_groups(self) -> list[list[str]]:
        """Return the names of the slots of a variable; names in one group are next to each other in files."""
        return []

    def first_value(self, name: str, variable: Variable) -> Any:
        """Return the number or array that a slot starts from."""
        return 0.0

    def shared(self, learning_rate: jax.Array, step: jax.Array) -> tuple:
        """Return scalars that all variables share: computed once per step, not per variable.

        Args:
            learning_rate: float scalar.
            step: float scalar: 1 at the first update.
        """
        return (learning_rate,)

    def rule(self, gradient: jax.Array, weight: jax.Array, slots: Slots, *shared: jax.Array) -> tuple[jax.Array, Slots]:
        """Return the new weight and the new slots.

        Args:
            gradient: gradient, of the weight's shape.
            weight: value of the variable.
            slots: values of its slots.
            *shared: what `shared` returned.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `rule`.")

    def build(self, variables: Sequence[Variable]) -> None:
        if not self._is_new(variables):
            return
        variables = self._merged(variables)
        super().build(variables)
        for group in self.slot_groups():
            for variable in variables:
                if not self._overwrite_variable_with_gradient(variable):
                    for name in group:
                        self.add_variable_from_reference(variable, name, self.first_value(name, variable))
            for name in group:
                # Where subclasses written for Keras look slots up: `self._velocities[index]`.
                plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
                setattr(self, f"_{plural}", [self._slots.get(variable, {}).get(name) for variable in variables])

    def _slots_for_rule(self, variable: Variable) -> dict[str, Variable]:
        slots = self._slots.get(variable, {})
        return {name: slot for name, slot in slots.items() if name not in ("average", "gradient_accumulator")}

    def _shared_for(self, variable: Variable, learning_rate: Any) -> tuple:
        dtype = compute_dtype(variable)
        first = self._first_iteration.get(variable, 0)
        step = (unwrap(self.iterations) + (1 - first)).astype(dtype)
        return self.shared(jnp.asarray(unwrap(learning_rate), dtype), step)

    def _step_variable(self, rule: Callable, gradient: jax.Array, variable: Variable, shared: tuple) -> None:
        dtype = compute_dtype(variable)
        slots = self._slots_for_rule(variable)
        values = {name: slot.value.astype(dtype) for name, slot in slots.items()}
        weight, new_values = rule(gradient.astype(dtype), variable.value.astype(dtype), values, *shared)
        variable.assign(weight)
        for name, value in new_values.items():
            slots[name].assign(value)

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: Any) -> None:
        self._step_variable(self.rule, jnp.asarray(gradient), variable, self._shared_for(variable, learning_rate))

    def _backend_update_step(self, grads: list[jax.Array], variables: list[Variable], learning_rate: Any) -> None:
        if type(self).update_step is not Rule.update_step:
            super()._backend_update_step(grads, variables, learning_rate)
            return
        # Traced once per shape instead of once per variable; inlined, so that the program is the same.
        rule = jax.jit(self.rule, inline=True)
        known: dict[Any, tuple] = {}
        for gradient, variable in zip(grads, variables, strict=True):
            key = compute_dtype(variable), self._first_iteration.get(variable, 0)
            if key not in known:
                known[key] = self._shared_for(variable, learning_rate)
            self._step_variable(rule, gradient, variable, known[key])
