"""Several optimizers for the variables of one model."""

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any

from kerasish.core import registry
from kerasish.core.variable import Variable
from kerasish.optimizers.loss_scale import LossScaleOptimizer
from kerasish.optimizers.optimizer import Optimizer


def _check_is_single(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"MultiOptimizer: expected an Optimizer instance, received {optimizer!r}.")
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(f"MultiOptimizer: a {type(optimizer).__name__} cannot be used inside.")


class OptimizerMap(MutableMapping):
    """Maps variables to optimizers by their paths.

    Args:
        default_optimizer: the optimizer of variables that no key fits.
        optimizer_map: path, or regular expression for whole paths, to optimizer.

    Example:
        >>> optimizers = OptimizerMap(SGD(), {"encoder/.*": Adam()})
        >>> optimizers["decoder/dense/kernel"]  # the SGD
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"OptimizerMap: `default_optimizer` must be an Optimizer, received {default_optimizer!r}.")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"OptimizerMap: `optimizer_map` must be a dictionary, received {optimizer_map!r}.")
        self._default_optimizer = default_optimizer
        self._optimizer_map = optimizer_map or {}

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that no key fits."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        patterns = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(patterns) > 1:
            raise ValueError(f"OptimizerMap: variable {key!r} fits several keys: {patterns}.")
        return self._optimizer_map[patterns[0]] if patterns else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: keys must be strings, received {key!r}.")
        if key in self._optimizer_map:
            raise ValueError(f"OptimizerMap: {key!r} already has an optimizer; delete it first.")
        _check_is_single(optimizer)
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """Return the optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {
            "default_optimizer": registry.serialize_keras_object(self._default_optimizer),
            "optimizer_map": registry.serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "OptimizerMap":
        """Return a map made from what `get_config` returned."""
        return cls(
            registry.deserialize_keras_object(config["default_optimizer"], custom_objects),
            registry.deserialize_keras_object(config["optimizer_map"], custom_objects),
        )


class MultiOptimizer(Optimizer):
    """Gives each variable to the optimizer that a map or function names.

    It has no learning rate of its own: use those of `optimizers`.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from Variable to optimizer.
        loss_scale_factor: takes the place of that of the optimizers inside.
        name: first part of the paths of the optimizer's variables.

    Example:
        >>> MultiOptimizer(OptimizerMap(SGD(), {"encoder/.*": Adam()}))
    """

    def __init__(
        self,
        optimizer_map: Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(0.0, name=name)
        self._optimizer_map = optimizer_map
        self._inner_optimizers: list[Optimizer] = []
        self._optimizer_of: dict[Variable, Optimizer] = {}
        self._loss_scale_factor = loss_scale_factor
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._add(optimizer)

    def _add(self, optimizer: Optimizer) -> None:
        _check_is_single(optimizer)
        if not any(known is optimizer for known in self._inner_optimizers):
            optimizer.loss_scale_factor = self._loss_scale_factor
            self._inner_optimizers.append(optimizer)

    def build(self, variables: Sequence[Variable]) -> None:
        if not self._is_new(variables):
            return
        variables = self._merged(variables)
        for variable in variables:
            if variable not in self._optimizer_of:
                optimizer = self._optimizer_map(variable)
                self._add(optimizer)
                self._optimizer_of[variable] = optimizer
        for optimizer, group in self._grouped(variables):
            optimizer.ensure_built(group)
        super().build(variables)

    def _grouped(self, variables: Iterable[Variable]) -> list[tuple[Optimizer, list[Variable]]]:
        """Return each optimizer with those of `variables` that it updates, if there are any."""
        groups: list[list[Variable]] = [[] for _ in self._inner_optimizers]
        positions = {id(optimizer): i for i, optimizer in enumerate(self._inner_optimizers)}
        for variable in variables:
            groups[positions[id(self._optimizer_of[variable])]].append(variable)
        return [pair for pair in zip(self._inner_optimizers, groups, strict=True) if pair[1]]

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers inside."""
        return self._inner_optimizers

    @property
    def variables(self) -> list[Variable]:
        return [*self._variables, *(v for optimizer in self._inner_optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """Not available: each of `optimizers` has its own."""
        raise AttributeError("A MultiOptimizer has no learning rate; use those of `optimizer.optimizers`.")

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise AttributeError("A MultiOptimizer has no learning rate; set those of `optimizer.optimizers`.")

    @property
    def loss_scale_factor(self) -> float | None:
        """Factor on the loss, divided out of the gradients by each of `optimizers`."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self.__dict__.get("_inner_optimizers", ()):
            optimizer.loss_scale_factor = value

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        grads = list(grads)
        if not grads:
            return
        grads, variables = self._match(grads, trainable_variables)
        grad_of = dict(zip(variables, grads, strict=True))
        for optimizer, group in self._grouped(variables):
            optimizer.apply([grad_of[variable] for variable in group], group)
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        for optimizer, group in self._grouped(variable for variable in var_list if variable in self._optimizer_of):
            optimizer.finalize_variable_values(group)

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": registry.serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "MultiOptimizer":
        config = dict(config)
        config["optimizer_map"] = registry.deserialize_keras_object(config["optimizer_map"], custom_objects)
        return cls(**config)
