"""Variables: named references to arrays, and the scopes that turn code using them into pure functions."""

import math
import operator
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import naming, registry
from kerasish.core.dtypes import is_float_dtype, standardize_dtype


class _Local(threading.local):
    scope: "Scope | None" = None  # innermost open Scope
    autocast: str | None = None  # dtype that float variables are read in
    creating: str | None = None  # path of the variable whose initial value is being made
    allowance: int | None = None  # bytes that new variables may still take
    deferred: "list[_Deferred] | None" = None  # variables whose initial values are made later, if at all


_local = _Local()


class _Deferred(NamedTuple):
    """A variable whose initial value has not been made, and what makes it."""

    variable: "Variable"
    initializer: Callable
    placeholder: jax.Array


@contextmanager
def allocation_limit(size: int, defer: bool = False) -> Iterator[list[_Deferred]]:
    """Refuse, inside the block, variables that together take more than `size` bytes, before memory is asked for.

    Loading uses it: a small file cannot have anything to put into large variables.

    Args:
        size: number of bytes.
        defer: give variables zeros for now; `make_deferred` makes their initial values where nothing else was assigned.

    Yields:
        The variables whose initial values are still to be made.
    """
    before = _local.allowance, _local.deferred
    deferred: list[_Deferred] = []
    _local.allowance, _local.deferred = size, deferred if defer else None
    try:
        yield deferred
    finally:
        _local.allowance, _local.deferred = before


def make_deferred(deferred: list[_Deferred]) -> None:
    """Make the initial values of variables that nothing was assigned to.

    Args:
        deferred: what `allocation_limit` yielded.
    """
    for variable, initializer, placeholder in deferred:
        if variable._value is placeholder:
            variable._value = variable._made(initializer, placeholder.shape, variable.dtype)


def _count_allocation(path: str, shape: tuple[int, ...], dtype: str) -> None:
    if _local.allowance is None:
        return
    size = math.prod(shape) * jnp.dtype(dtype).itemsize
    if size > _local.allowance:
        raise ValueError(
            f"Variable {path!r} of shape {shape} would take {size} bytes, but only {_local.allowance} are left of the "
            "memory that what is being loaded can account for; `kerasish.saving.limits` says how much that is."
        )
    _local.allowance -= size


class Variable:
    """A named, assignable reference to one array; all state of models, optimizers and metrics lives in these.

    Args:
        initializer: initial value (array, number, nested list), or a callable `(shape, dtype) -> array`, or the name of
            an initializer.
        shape: tuple of integers; needed with a callable or a name.
        dtype: dtype of the value; by default that of the initial value, `floatx` for Python floats and callables.
        trainable: whether training changes it.
        autocast: whether a layer with a half-precision policy reads it in half precision.
        aggregation: how replicas are combined: `"none"`, `"mean"`, `"sum"` or `"only_first_replica"`.
        synchronization: kept for compatibility; `"auto"`.
        name: name of the variable, without `/`; by default unique.

    Attributes:
        value: the current array; a tracer inside a scope that maps the variable to one.
        path: name with the names of the enclosing scopes, such as `"model/dense/kernel"`.

    Example:
        >>> v = Variable([1.0, 2.0], name="v")
        >>> v.assign(v * 2)
    """

    __array_priority__ = 100  # NumPy arrays leave `array + variable` to the variable

    def __init__(
        self,
        initializer: Any,
        shape: tuple[int, ...] | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
    ) -> None:
        name = name or naming.auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"Variable: `name` must be a string without '/', received name={name!r}.")
        if aggregation not in (None, "none", "mean", "sum", "only_first_replica"):
            raise ValueError(f"Variable {name!r}: unknown aggregation {aggregation!r}.")
        self.name = name
        scopes = naming.current_path()
        self.path = f"{scopes}/{name}" if scopes else name
        self.trainable = trainable
        self.made_trainable = trainable  # decides the order of variables in files, whatever is frozen later
        self.aggregation = aggregation or "none"
        self.synchronization = synchronization
        self.regularizer: Any = None
        self.constraint: Any = None
        self.overwrite_with_gradient = False
        # Initial values are concrete even if a layer is built while JAX traces the call around it.
        with jax.ensure_compile_time_eval():
            self._value = self._initial_value(initializer, shape, dtype)
        self.dtype = str(self._value.dtype)
        self.autocast = autocast
        self._casts = autocast and is_float_dtype(self.dtype)

    def _initial_value(self, initializer: Any, shape: tuple[int, ...] | None, dtype: Any) -> jax.Array:
        if isinstance(initializer, str):
            found = registry.builtin("keras.initializers", initializer)
            if found is None:
                raise ValueError(f"Variable {self.path!r}: unknown initializer {initializer!r}.")
            initializer = found()
        if not callable(initializer):
            if dtype is None and not hasattr(initializer, "dtype"):
                kind = np.asarray(initializer).dtype.kind
                dtype = standardize_dtype(None) if kind == "f" else None
            # A copy: training donates the memory of variables, which must not be the caller's.
            host = not isinstance(initializer, jax.Array)
            value = (to_device if host else jnp.array)(initializer, None if dtype is None else standardize_dtype(dtype))
            return value if shape is None else jnp.broadcast_to(value, shape)
        if shape is None:
            raise ValueError(f"Variable {self.path!r}: `shape` is needed when the initializer is a callable.")
        shape = standardize_shape(shape)
        if None in shape:
            raise ValueError(f"Variable {self.path!r}: every dimension must be known, received shape={shape}.")
        dtype = standardize_dtype(dtype)
        _count_allocation(self.path, shape, dtype)
        if _local.deferred is not None:
            placeholder = to_device(np.zeros(shape, jnp.dtype(dtype)))
            _local.deferred.append(_Deferred(self, initializer, placeholder))
            return placeholder
        return self._made(initializer, shape, dtype)

    def _made(self, initializer: Callable, shape: tuple[int, ...], dtype: str) -> jax.Array:
        """Return what an initializer makes."""
        before, _local.creating = _local.creating, self.path
        try:
            value = to_device(initializer(shape, dtype=dtype), dtype=dtype)
        finally:
            _local.creating = before
        if value.shape != shape:
            raise ValueError(f"Variable {self.path!r}: the initializer returned shape {value.shape}, expected {shape}.")
        return value

    @property
    def value(self) -> jax.Array:
        """The current array, cast to the compute dtype of the layer that is running."""
        scope = _local.scope
        value = self._value if scope is None else scope.read(self)
        if self._casts:
            dtype = _local.autocast
            if dtype is not None and dtype != self.dtype:
                return value.astype(dtype)
        return value

    def assign(self, value: Any) -> jax.Array:
        """Replace the value: inside a scope for that scope, else for good.

        Args:
            value: array, Variable or nested list of the variable's shape; it is cast to the variable's dtype.

        Returns:
            The new value.

        Raises:
            ValueError: if the shape differs, or if a traced value would be stored for good.
        """
        if isinstance(value, Variable):
            value = value.value
        value = value if isinstance(value, jax.Array) else to_device(value, self._value.dtype)
        if value.dtype != self._value.dtype:
            value = value.astype(self._value.dtype)
        if value.shape != self._value.shape:
            raise ValueError(
                f"Variable {self.path!r} has shape {self._value.shape}; cannot assign a value of shape {value.shape}."
            )
        scope = _local.scope
        if scope is not None:
            scope.write(self, value)
        elif isinstance(value, jax.core.Tracer):
            raise ValueError(
                f"Variable {self.path!r} would be assigned a traced value, which does not outlive the trace. Inside "
                "jax.jit, jax.grad or jax.vmap use kerasish.jit, kerasish.grad or kerasish.vmap instead, which carry "
                "variables along, or `model.stateless_call(...)`."
            )
        else:
            self._value = value
        return value

    def assign_add(self, value: Any) -> jax.Array:
        """Add `value` to the current value."""
        return self.assign(self._stored() + self._summand(value))

    def assign_sub(self, value: Any) -> jax.Array:
        """Subtract `value` from the current value."""
        return self.assign(self._stored() - self._summand(value))

    def _summand(self, value: Any) -> Any:
        return np.asarray(value, self._value.dtype) if isinstance(value, (list, tuple)) else unwrap(value)

    def _stored(self) -> jax.Array:
        """The current value in the variable's own dtype."""
        return self._value if _local.scope is None else _local.scope.read(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, a tuple of integers."""
        return self._value.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._value.size

    def numpy(self) -> np.ndarray:
        """Return the current value as a NumPy array."""
        return np.asarray(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self.value)
        return array if dtype is None else array.astype(dtype)

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={self._value}>"

    def __hash__(self) -> int:
        return id(self)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[jax.Array]:
        return iter(self.value)

    def __getitem__(self, index: Any) -> jax.Array:
        return self.value[index]

    def __bool__(self) -> bool:
        raise TypeError(f"Variable {self.path!r} cannot be used as a truth value; use `variable.value`.")

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __neg__(self) -> jax.Array:
        return -self.value

    def __pos__(self) -> jax.Array:
        return self.value

    def __abs__(self) -> jax.Array:
        return abs(self.value)

    def __invert__(self) -> jax.Array:
        return ~self.value

    def __round__(self, ndigits: int = 0) -> jax.Array:
        return jnp.round(self.value, ndigits)

    def __deepcopy__(self, memo: dict) -> "Variable":
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        memo[id(self)] = copy
        return copy


def _add_operators() -> None:
    """Give Variable the arithmetic and comparison operators of the array it holds."""
    binary = "add sub mul truediv floordiv mod pow matmul and or xor"
    for name in binary.split():
        function = getattr(operator, f"__{name}__")

        def forward(self: Variable, other: Any, function: Callable = function) -> Any:
            return function(self.value, unwrap(other))

        def reflected(self: Variable, other: Any, function: Callable = function) -> Any:
            return function(unwrap(other), self.value)

        setattr(Variable, f"__{name}__", forward)
        setattr(Variable, f"__r{name}__", reflected)
    for name in "eq ne lt le gt ge".split():
        function = getattr(operator, f"__{name}__")
        setattr(Variable, f"__{name}__", lambda self, other, function=function: function(self.value, unwrap(other)))


_add_operators()


def standardize_shape(shape: Iterable[int | None] | int) -> tuple[int | None, ...]:
    """Return `shape` as a tuple of integers and None.

    Raises:
        ValueError: if a dimension is negative or no integer.
    """
    if isinstance(shape, (int, np.integer)):
        shape = (shape,)
    if isinstance(shape, str) or not isinstance(shape, Iterable):
        raise ValueError(f"A shape must be a tuple of integers, received {shape!r}.")
    dimensions = []
    for size in shape:
        if size is None:
            dimensions.append(None)
            continue
        try:
            size = operator.index(size)
        except TypeError:
            raise ValueError(f"A shape must hold integers or None, received {size!r} in {tuple(shape)}.") from None
        if size < 0:
            raise ValueError(f"A shape cannot hold negative sizes, received {tuple(shape)}.")
        dimensions.append(size)
    return tuple(dimensions)


def to_device(x: Any, dtype: Any = None) -> jax.Array:
    """Return host data (copied) or a JAX array (as it is) as a JAX array, cast to `dtype`.

    Unlike `jnp.asarray`, which compiles a program for each new shape of a NumPy array (JAX 0.10), it compiles nothing.
    """
    if isinstance(x, (np.ndarray, np.generic)):
        # NumPy memory belongs to the caller, who may write to it later: copy it.
        return jax.device_put(np.array(x, dtype=None if dtype is None else jnp.dtype(dtype)))
    return jnp.asarray(x, dtype=dtype)


def unwrap(x: Any) -> Any:
    """Return the value of a Variable, anything else as it is."""
    return x.value if isinstance(x, Variable) else x


def creating_path() -> str | None:
    """Return the path of the Variable whose initializer is running, or None."""
    return _local.creating


@contextmanager
def autocast_scope(dtype: str | None) -> Iterator[None]:
    """Read float variables as `dtype` inside the block; None reads them as they are."""
    before, _local.autocast = _local.autocast, dtype
    try:
        yield
    finally:
        _local.autocast = before


class Scope:
    """Makes code that reads and assigns Variables pure: assigns inside the block stay in the scope.

    Reads look in the scope, then in the scopes around it, then in the Variable. Nothing is written into any object, so
    that an exception, or another thread, never meets a half-changed model.

    Args:
        state_mapping: pairs `(variable, value)` that reads inside the block see.
        collect_losses: accepted for compatibility; losses that layers add inside are always in `losses`.
        initialize_variables: accepted for compatibility; variables made inside have their values at once.

    Example:
        >>> with StatelessScope(state_mapping=[(v, new_value)]) as scope:
        ...     y = layer(x)
        >>> scope.get_current_value(v)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self._values: dict[int, Any] = {}
        self._assigned: dict[int, Variable] = {}
        self.losses: list[tuple[Any, Any, Any]] = []  # (outermost layer of the call, layer, value)
        self._outer: Scope | None = None
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                raise ValueError(f"StatelessScope: keys of `state_mapping` must be Variables, received {variable!r}.")
            value = jnp.asarray(value, dtype=variable.dtype)
            if value.shape != variable.shape:
                raise ValueError(
                    f"StatelessScope: variable {variable.path!r} has shape {variable.shape}, "
                    f"received a value of shape {value.shape}."
                )
            self._values[id(variable)] = value

    @classmethod
    def of(cls, variables: Iterable[Variable], values: Iterable[Any]) -> "Scope":
        """Make a scope from variables and values that are known to fit."""
        scope = cls()
        scope._values = {id(variable): value for variable, value in zip(variables, values, strict=True)}
        return scope

    def __enter__(self) -> "Scope":
        self._outer = _local.scope
        _local.scope = self
        return self

    def __exit__(self, *exception: object) -> None:
        _local.scope = self._outer

    def read(self, variable: Variable) -> Any:
        """Return the value of `variable` as seen from this scope, in its own dtype."""
        value = self._values.get(id(variable))
        if value is not None:
            return value
        return variable._value if self._outer is None else self._outer.read(variable)

    def write(self, variable: Variable, value: Any) -> None:
        """Let reads of `variable` from this scope see `value`."""
        self._values[id(variable)] = value
        self._assigned[id(variable)] = variable

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Record the pair `(variable, value)`."""
        self.write(*update)

    def add_loss(self, loss: Any) -> None:
        """Record a loss that belongs to no layer."""
        self.losses.append((None, None, loss))

    def get_current_value(self, variable: Variable) -> Any:
        """Return the value `variable` has in this scope, or None if it is neither mapped nor assigned here."""
        return self._values.get(id(variable))

    @property
    def updates(self) -> list[tuple[Variable, Any]]:
        """The variables assigned inside, each with its last value."""
        return [(variable, self._values[key]) for key, variable in self._assigned.items()]


def current_scope() -> Scope | None:
    """Return the innermost open Scope of this thread, or None."""
    return _local.scope


def in_stateless_scope() -> bool:
    """Return whether this thread is inside a Scope."""
    return _local.scope is not None


def write_through(variables: Iterable[Variable], values: Iterable[Any]) -> None:
    """Store new values in variables, shapes and dtypes known to fit: what ends every compiled step."""
    for variable, value in zip(variables, values, strict=True):
        variable._value = value


StatelessScope = Scope  # Keras's name
