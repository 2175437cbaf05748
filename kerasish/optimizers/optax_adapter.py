"""Gradient transformations of optax as optimizers."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core.variable import Variable, unwrap
from kerasish.optimizers.optimizer import Optimizer, OptimizerOptions
from kerasish.optimizers.state import LearningRate


def is_gradient_transformation(obj: Any) -> bool:
    """Return whether `obj` is an `optax.GradientTransformation`: a named tuple of `init` and `update`."""
    return isinstance(obj, tuple) and callable(getattr(obj, "init", None)) and callable(getattr(obj, "update", None))


class OptaxOptimizer(Optimizer):
    """Updates variables with an `optax.GradientTransformation`.

    The transformation sees parameters and gradients as dicts from variable path to array, so that masks and labels
    (`optax.masked`, `optax.multi_transform`) can go by path. Variables without a gradient count as having gradient 0
    and stay as they are.

    Args:
        transformation: the transformation; it holds the learning rate.
        learning_rate: factor on the updates. With `optax.inject_hyperparams` the property `learning_rate` is the
            injected one instead, so that callbacks can change it.
        **options: the other arguments of `Optimizer`.

    Example:
        >>> model.compile(optimizer=optax.adamw(1e-3), loss="mse")
    """

    def __init__(
        self, transformation: Any, learning_rate: LearningRate = 1.0, **options: Unpack[OptimizerOptions]
    ) -> None:
        if not is_gradient_transformation(transformation):
            raise TypeError(
                "OptaxOptimizer: `transformation` must be an optax.GradientTransformation, received "
                f"{transformation!r}."
            )
        options.setdefault("name", "optax")
        super().__init__(learning_rate, **options)
        self.transformation = transformation
        self._injected: Variable | None = None

    def build(self, variables: Sequence[Variable]) -> None:
        if not self._is_new(variables):
            return
        variables = self._merged(variables)
        super().build(variables)
        self._keys = _unique_paths(variables)
        values = {key: np.asarray(variable._value) for key, variable in zip(self._keys, variables, strict=True)}
        with jax.ensure_compile_time_eval():
            state = jax.jit(self.transformation.init)(values)
        leaves, self._structure = jax.tree_util.tree_flatten_with_path(state)
        self._state = [self._add_leaf(jax.tree_util.keystr(path), leaf) for path, leaf in leaves]

    def _add_leaf(self, path: str, leaf: jax.Array) -> Variable:
        name = path.strip(".[]").replace("/", "_")
        variable = self.add_variable(leaf.shape, np.asarray(leaf), str(leaf.dtype), name=name)
        if path.endswith(".hyperparams['learning_rate']"):
            self._injected = variable
        return variable

    @property
    def learning_rate(self) -> Any:
        """The injected learning rate of the transformation if there is one, else the factor on its updates."""
        return self._injected if self._injected is not None else super().learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        if self._injected is None or callable(learning_rate):
            Optimizer.learning_rate.fset(self, learning_rate)
        else:
            self._injected.assign(learning_rate)

    def _backend_update_step(self, grads: list[jax.Array], variables: list[Variable], learning_rate: Any) -> None:
        given = dict(zip(variables, grads, strict=True))
        values = {k: variable.value for k, variable in zip(self._keys, self._trainable_variables, strict=True)}
        gradients = {
            key: given[variable].astype(variable.dtype) if variable in given else jnp.zeros_like(values[key])
            for key, variable in zip(self._keys, self._trainable_variables, strict=True)
        }
        state = jax.tree.unflatten(self._structure, [variable.value for variable in self._state])
        updates, state = self.transformation.update(gradients, state, values)
        factor = 1.0 if learning_rate is self._injected else unwrap(learning_rate)
        for key, variable in zip(self._keys, self._trainable_variables, strict=True):
            if variable in given:
                variable.assign(values[key] + factor * updates[key])
        for variable, leaf in zip(self._state, jax.tree.leaves(state), strict=True):
            variable.assign(leaf)

    def get_config(self) -> dict[str, Any]:
        raise TypeError(
            "An optax transformation consists of functions and has no config. Save the weights and the optimizer's "
            "variables, and create the optimizer again in code."
        )


def _unique_paths(variables: Sequence[Variable]) -> list[str]:
    """Return the paths, numbered where two variables share one."""
    paths: dict[str, None] = {}
    for variable in variables:
        path, number = variable.path, 1
        while path in paths:
            path, number = f"{variable.path}#{number}", number + 1
        paths[path] = None
    return list(paths)
