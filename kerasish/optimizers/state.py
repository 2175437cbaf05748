"""The state of optimizers: step count, learning rate, slots of the trainable variables, and how files hold them."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import jax
import numpy as np

from kerasish.core import naming
from kerasish.core.config import floatx
from kerasish.core.dtypes import standardize_dtype
from kerasish.core.variable import Variable, write_through
from kerasish.optimizers.schedules.schedule import LearningRateSchedule

LearningRate = float | LearningRateSchedule | Callable[[], Any]


class OptimizerState:
    """Step count, learning rate and slots.

    Slots are found by the variable they belong to. Building again with more variables (a layer was unfrozen) keeps the
    slots that exist, in the order that a fresh optimizer would have, so that files stay exchangeable.
    """

    name: str
    built: bool
    _variables: dict[Variable, None]  # ordered
    _compiled: dict[Any, Callable]
    use_ema: bool
    gradient_accumulation_steps: int | None

    def _init_state(self, learning_rate: Any) -> None:
        """Make the step count and the learning rate; needs `name`."""
        self._trainable_variables: list[Variable] = []
        self._trainable_variables_indices: dict[Variable, int] = {}
        # All slots ever made, variable -> key -> slot, and variables of the optimizer as a whole, by name.
        self._slots: dict[Variable, dict[str, Variable]] = {}
        self._named: dict[str, Variable | None] = {}
        # Variables met after training began count their own steps from there.
        self._first_iteration: dict[Variable, int] = {}
        # What was there before the first build: None until then.
        self._permanent: list[Variable] | None = None
        once: dict[str, Any] = {"trainable": False, "aggregation": "only_first_replica"}
        with naming.name_scope(self.name):
            self._iterations = Variable(np.zeros((), "int32"), dtype="int", name="iteration", **once)
            if isinstance(learning_rate, Real) and not isinstance(learning_rate, bool):
                value = np.asarray(learning_rate, floatx())
                learning_rate = Variable(value, dtype=floatx(), name="learning_rate", **once)
            elif not callable(learning_rate):
                raise ValueError(
                    "Argument `learning_rate` should be a float, a LearningRateSchedule, or a function without "
                    f"arguments that returns the learning rate. Received: learning_rate={learning_rate!r}"
                )
        self._learning_rate: Any = learning_rate

    def __setattr__(self, name: str, value: Any) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                f"In optimizer {type(self).__name__!r}, call `super().__init__()` before setting attributes."
            )
        if isinstance(value, Variable):
            self._variables[value] = None
        # A changed hyperparameter makes the compiled updates stale; a property (the learning rate) keeps its own state.
        is_property = isinstance(getattr(type(self), name, None), property)
        if not is_property and self.__dict__.get(name, self) is not value:
            self._compiled.clear()
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_compiled": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @property
    def iterations(self) -> Any:
        """The number of updates so far: a Variable, or an array when gradients are accumulated."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The current learning rate; assign a number, a schedule or a function to change it.

        Raises:
            TypeError: when a number is assigned although the rate comes from a schedule or a function.
        """
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations.value)
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        return self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        previous = self._learning_rate
        if callable(learning_rate):
            self._learning_rate = learning_rate
            if isinstance(previous, Variable):
                self._variables.pop(previous, None)
                if self._permanent is not None:
                    self._permanent = [variable for variable in self._permanent if variable is not previous]
        elif isinstance(previous, Variable):
            previous.assign(learning_rate)
        else:
            raise TypeError(
                f"Optimizer {self.name!r} was created with a LearningRateSchedule or a function as its "
                f"`learning_rate`, so that the number {learning_rate!r} cannot be assigned. Create the optimizer with "
                "a float, or assign another schedule."
            )

    @property
    def variables(self) -> list[Variable]:
        """All state: iteration, learning rate (if it is a number), then the slots in the order files hold them."""
        return list(self._variables)

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots for trainable variables; those that have slots already keep them.

        Args:
            variables: the trainable variables.
        """
        if self._permanent is None:
            self._permanent = list(self._variables)
        else:
            started = int(self._iterations._value) // (self.gradient_accumulation_steps or 1)
            self._first_iteration.update({v: started for v in variables if v not in self._trainable_variables_indices})
        self._variables.clear()
        self._variables.update(dict.fromkeys(self._permanent))
        self._trainable_variables = list(variables)
        self._trainable_variables_indices = {variable: i for i, variable in enumerate(variables)}
        if self.use_ema:
            self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            for variable in variables:
                self.add_variable_from_reference(variable, name="gradient_accumulator")
        self.built = True

    def _is_new(self, variables: Iterable[Variable]) -> bool:
        """Whether slots must be made before `variables` can be updated."""
        known = self._trainable_variables_indices
        return not self.built or any(variable not in known for variable in variables)

    def _merged(self, variables: Sequence[Variable]) -> list[Variable]:
        """Return known and new variables: in the given order if it names all, as a fresh build would, else new last."""
        given, known = dict.fromkeys(variables), self._trainable_variables_indices
        if all(variable in given for variable in known):
            return list(given)
        return list(dict.fromkeys([*known, *given]))

    def ensure_built(self, variables: Sequence[Variable]) -> None:
        """Build on first use, and again when variables turn up that have no slots yet; else do nothing.

        Unlike `build` of an optimizer written for Keras, which often returns at once when it is built.

        Args:
            variables: the trainable variables about to be updated.
        """
        if self._is_new(variables):
            self.built = False
            self.build(self._merged(variables))
            self.built = True

    def _get_variable_index(self, variable: Variable) -> int:
        return self._trainable_variables_indices[variable]

    def add_variable(
        self,
        shape: tuple[int, ...],
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Add a variable that belongs to the optimizer as a whole.

        Args:
            shape: its shape.
            initializer: name of an initializer, callable `(shape, dtype) -> array`, number or array.
            dtype: its dtype; `floatx` by default.
            aggregation: how replicas are combined.
            layout: a `jax.sharding.Sharding` to place it with; by default one device.
            name: its name. When the optimizer is built again, a variable of the same name and shape is kept.

        Returns:
            The new Variable.
        """
        known = self._named.get(name) if name else None
        if known is not None and known not in self._variables and known.shape == tuple(shape):
            self._variables[known] = None
            return known
        variable = self._make_variable(shape, initializer, dtype, name, aggregation, layout)
        if name:
            # Of two with the same name nobody could say which is which after the next build: neither is kept.
            self._named[name] = None if name in self._named else variable
        return variable

    def _make_variable(
        self, shape: tuple[int, ...], initializer: Any, dtype: Any, name: str | None, aggregation: str, layout: Any
    ) -> Variable:
        dtype = standardize_dtype(dtype)
        if isinstance(initializer, str) and initializer == "zeros":
            initializer = 0.0
        filled = isinstance(initializer, (Real, np.ndarray))
        if filled:
            # Filled by NumPy: filling hundreds of slots through XLA would compile a program for each shape.
            initializer = np.broadcast_to(np.asarray(initializer, dtype), shape)
        with naming.name_scope(self.name):
            variable = Variable(
                initializer, None if filled else tuple(shape), dtype, False, aggregation=aggregation, name=name
            )
        if layout is not None:
            write_through([variable], [jax.device_put(variable._value, layout)])
        self._variables[variable] = None
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Add a slot with the shape, dtype and placement of a trainable variable.

        Args:
            reference_variable: the trainable variable.
            name: the slot is called `<path of the variable, "/" as "_">_<name>`; by default `"var"`.
            initializer: as in `add_variable`.

        Returns:
            The slot; when the optimizer is built again, the one that exists.
        """
        name = name or "var"
        reference = reference_variable
        full_name = f"{reference.path.replace('/', '_')}_{name}"
        return self._slot(reference, name, full_name, reference.shape, reference.dtype, initializer)

    def _slot(
        self, reference: Variable, key: str, name: str, shape: tuple[int, ...], dtype: str, initializer: Any = "zeros"
    ) -> Variable:
        """Return the slot of `reference` under `key`, made if it does not exist."""
        slots = self._slots.setdefault(reference, {})
        if key in slots:
            self._variables[slots[key]] = None
            return slots[key]
        sharding = reference._value.sharding
        spread = len(sharding.device_set) > 1 and shape == reference.shape
        slots[key] = self._make_variable(shape, initializer, dtype, name, "none", sharding if spread else None)
        return slots[key]

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """Add one slot, or several, for each trainable variable.

        Args:
            trainable_variables: the trainable variables.
            name: name of the slot, or a list of names.
            initializer: one for all names, or a list with one for each.

        Returns:
            The list of slots (None where `overwrite_with_gradient` makes slots useless), or one list for each name.

        Raises:
            ValueError: if there are not as many initializers as names.
        """
        names = [name] if isinstance(name, str) else list(name)
        initializers = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(names) != len(initializers):
            raise ValueError(
                "The number of names must match the number of initializers. "
                f"Received name={name!r}, initializer={initializer!r}"
            )
        lists: tuple[list[Variable | None], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            useless = self._overwrite_variable_with_gradient(variable)
            for slots, slot_name, first_value in zip(lists, names, initializers, strict=True):
                slots.append(None if useless else self.add_variable_from_reference(variable, slot_name, first_value))
        return lists[0] if isinstance(name, str) else lists

    def _overwrite_variable_with_gradient(self, variable: Variable) -> bool:
        return getattr(variable, "overwrite_with_gradient", False)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign all of `optimizer.variables`.

        Args:
            weights: arrays in the order of `optimizer.variables`.

        Raises:
            ValueError: if the optimizer is not built, or a shape or the number differs; then nothing is assigned.
        """
        if not self.built:
            raise ValueError(
                "`set_weights()` needs a built optimizer. Call `optimizer.build(trainable_variables)` first."
            )
        self._assign_all(list(weights))

    def _assign_all(self, values: list) -> None:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(f"Optimizer {self.name!r} has {len(variables)} variables, received {len(values)} arrays.")
        for variable, value in zip(variables, values, strict=True):
            if variable.shape != np.shape(value):
                raise ValueError(
                    f"Optimizer variable {variable.path!r} has shape {variable.shape}, received {np.shape(value)}."
                )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Write the state to `store`, a mapping from `"0"`, `"1"`, ... to arrays."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the state from `store`; if it holds another number of arrays, warn and leave the state as it is."""
        if len(store.keys()) != len(self.variables):
            hint = "" if self.built else " The optimizer has not been built yet."
            warnings.warn(
                f"Skipping variable loading for optimizer {self.name!r}, because it has {len(self.variables)} "
                f"variables whereas the saved optimizer has {len(store.keys())}.{hint}",
                stacklevel=2,
            )
            return
        self._assign_all([np.asarray(store[str(i)]) for i in range(len(self.variables))])
