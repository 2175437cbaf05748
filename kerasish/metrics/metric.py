"""The base class of metrics: state in Variables, updates, results, and their forms without side effects."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import config as settings
from kerasish.core import naming, registry
from kerasish.core.dtypes import DTypePolicy, get_policy, standardize_dtype
from kerasish.core.variable import Scope, Variable, standardize_shape

# Made by NumPy, so that nothing is compiled.
_HOST_INITIALIZERS = {"zeros": np.zeros, "Zeros": np.zeros, "ones": np.ones, "Ones": np.ones}


class Metric:
    """Base class of metrics: state made by `add_variable`, changed by `update_state`, read by `result`.

    Args:
        dtype: dtype of the state and of the results, or a policy whose compute dtype is used; by default `floatx`.
        name: name of the metric; by default made from the class name.

    Attributes:
        variables: the state: own Variables, then those of metrics held in attributes.

    Example:
        >>> class LargestError(Metric):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         error = ops.max(ops.abs(y_true - y_pred))
        ...         self.largest.assign(ops.maximum(self.largest, error))
        ...     def result(self):
        ...         return self.largest.value
    """

    # Which way is better, for callbacks that are to find out: "up", "down", or None if unknown.
    _direction: str | None = None

    def __init__(self, dtype: str | DTypePolicy | None = None, name: str | None = None) -> None:
        self.name = name or naming.auto_name(type(self).__name__)
        self._dtype = get_policy(dtype or settings.floatx()).compute_dtype
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The dtype of the state and of the results."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The Variables that hold the state: own ones in the order of creation, then those of metrics in attributes."""
        self._check_initialized()
        found = {id(variable): variable for variable in self._variables}
        for value in self.__dict__.values():
            if isinstance(value, Variable):
                found.setdefault(id(value), value)
        for metric in _metrics_in(self.__dict__):
            for variable in metric.variables:
                found.setdefault(id(variable), variable)
        return list(found.values())

    def add_variable(
        self,
        shape: Sequence[int] | int,
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a Variable that belongs to the state.

        Args:
            shape: its shape.
            initializer: a name, an Initializer, a callable `(shape, dtype) -> array`, or None for zeros.
            dtype: its dtype; by default `floatx`.
            aggregation: how replicas are combined: `"sum"`, `"mean"`, `"only_first_replica"` or `"none"`.
            name: its name.

        Returns:
            The Variable.

        Raises:
            RuntimeError: if `super().__init__()` was not called before.
        """
        self._check_initialized()
        shape, dtype = standardize_shape(shape), standardize_dtype(dtype)
        options = {"trainable": False, "autocast": False, "aggregation": aggregation, "synchronization": "on_read"}
        with naming.name_scope(self.name.replace("/", ">")):
            if initializer is None or (isinstance(initializer, str) and initializer in _HOST_INITIALIZERS):
                value = _HOST_INITIALIZERS[initializer or "zeros"](shape, jnp.dtype(dtype))
                variable = Variable(value, name=name, **options)
            else:
                if isinstance(initializer, dict):
                    initializer = registry.deserialize_keras_object(initializer)
                variable = Variable(initializer, shape=shape, dtype=dtype, name=name, **options)
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Sequence[int] | int = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a Variable that belongs to the state; another name of `add_variable`."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Take a batch into account; implemented by subclasses, usually with `(y_true, y_pred, sample_weight=None)`."""
        raise NotImplementedError(f"{type(self).__name__} must implement `update_state(...)`.")

    def result(self) -> Any:
        """Return the value of the metric, an array or a dict of arrays; implemented by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must implement `result()`.")

    def reset_state(self) -> None:
        """Set the state back to zeros."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, jnp.dtype(variable.dtype)))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update the state and return the result."""
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[jax.Array]:
        """Return what `update_state` would make of `metric_variables`, without changing the metric.

        Args:
            metric_variables: one value for each of `variables`.
            *args: arguments of `update_state`.
            **kwargs: likewise.

        Returns:
            The new values.

        Raises:
            ValueError: if their number is wrong.
        """
        with Scope(self._mapping(metric_variables)) as scope:
            self.update_state(*args, **kwargs)
        return [scope.get_current_value(variable) for variable in self.variables]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """Return the result that belongs to values of `variables`."""
        with Scope(self._mapping(metric_variables)):
            return self.result()

    def stateless_reset_state(self) -> list[jax.Array]:
        """Return the values that `reset_state` would give to `variables`."""
        with Scope() as scope:
            self.reset_state()
        values = [(variable, scope.get_current_value(variable)) for variable in self.variables]
        return [variable.value if value is None else value for variable, value in values]

    def _mapping(self, values: Sequence[Any]) -> list[tuple[Variable, Any]]:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"Metric {self.name!r} has {len(variables)} variables; `metric_variables` holds {len(values)} values. "
                "Pass one value for each of `metric.variables`, in their order."
            )
        return list(zip(variables, values))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same metric again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Metric":
        """Make a metric from what `get_config` returned."""
        return cls(**config)

    def _check_initialized(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: call `super().__init__()` first in `__init__()`.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _metrics_in(container: Any) -> Iterator[Metric]:
    """Yield the metrics among the values of a dict, list or tuple, and of such containers in it."""
    for value in container.values() if isinstance(container, dict) else container:
        if isinstance(value, Metric):
            yield value
        elif isinstance(value, (dict, list, tuple)):
            yield from _metrics_in(value)
