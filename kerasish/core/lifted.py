"""JAX transformations that carry Variables along: jit, grad, value_and_grad and vmap over stateful code."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kerasish.core import tree
from kerasish.core.masks import mask_frame
from kerasish.core.variable import Scope, Variable


class Recorder(Scope):
    """A scope that also notes which Variables are read from outside it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: dict[int, Variable] = {}

    def read(self, variable: Variable) -> Any:
        if id(variable) not in self._values:
            self.reads[id(variable)] = variable
        return super().read(variable)


def value_and_grad(fn: Callable, variables: Any, has_aux: bool = False) -> Callable:
    """Return a function that computes `fn` and its gradient with respect to Variables.

    What `fn` assigns (batch statistics, metrics, random counters) is assigned once the gradient is known.

    Args:
        fn: returns a scalar loss, or `(loss, aux)` with `has_aux`.
        variables: list, dict or nest of float Variables.
        has_aux: whether `fn` returns further values beside the loss.

    Returns:
        A function of the arguments of `fn` that returns `(fn's result, gradients nested like variables)`.

    Example:
        >>> loss, grads = kerasish.value_and_grad(lambda: loss_fn(y, model(x)), model.trainable_variables)()
    """
    flat = tree.flatten(variables)
    for variable in flat:
        if not isinstance(variable, Variable):
            raise TypeError(f"value_and_grad: `variables` must hold Variables, received {variable!r}.")

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        updated: list[Variable] = []

        def pure(values: list) -> tuple[Any, Any]:
            with mask_frame(), Scope.of(flat, values) as scope:
                result = fn(*args, **kwargs)
            updated[:] = [variable for variable, _ in scope.updates]
            loss = result[0] if has_aux else result
            return loss, (result, [value for _, value in scope.updates])

        # The stored dtype, not the one a half-precision layer would read.
        values = [variable._stored() for variable in flat]
        (_, (result, new_values)), grads = jax.value_and_grad(pure, has_aux=True)(values)
        for variable, value in zip(updated, new_values, strict=True):
            variable.assign(value)
        return result, tree.pack_sequence_as(variables, grads)

    return wrapped


def grad(fn: Callable, variables: Any, has_aux: bool = False) -> Callable:
    """Return a function that computes the gradient of `fn` with respect to Variables; see `value_and_grad`.

    Returns:
        A function that returns the gradients, or `(gradients, aux)` with `has_aux`.
    """
    both = value_and_grad(fn, variables, has_aux)

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result, grads = both(*args, **kwargs)
        return (grads, result[1]) if has_aux else grads

    return wrapped


def _is_dynamic(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic, int, float, complex)) and not isinstance(leaf, bool)


def _signature(leaf: Any) -> Any:
    if not _is_dynamic(leaf):
        return leaf
    return (np.shape(leaf), getattr(leaf, "dtype", type(leaf)), getattr(leaf, "weak_type", None))


class _Lifted:
    """One traced form of a function: which Variables it reads and writes, and the compiled pure function."""

    def __init__(self, fn: Callable, leaves: list, structure: Any) -> None:
        dynamic = [_is_dynamic(leaf) for leaf in leaves]
        static = [None if is_dynamic else leaf for leaf, is_dynamic in zip(leaves, dynamic, strict=True)]

        def call(values: list) -> Any:
            supply = iter(values)
            merged = [next(supply) if d else s for d, s in zip(dynamic, static, strict=True)]
            args, kwargs = jax.tree.unflatten(structure, merged)
            return fn(*args, **kwargs)

        recorder = Recorder()

        def record(values: list) -> Any:
            with mask_frame(), recorder:
                return call(values)

        self.dynamic = dynamic
        jax.eval_shape(record, [leaf for leaf, d in zip(leaves, dynamic, strict=True) if d])
        self.writes = [variable for variable, _ in recorder.updates]
        self.reads = list(recorder.reads.values())

        def pure(state: list, values: list) -> tuple[Any, list]:
            with mask_frame(), Scope.of(self.reads, state) as scope:
                outputs = call(values)
            return outputs, [scope.read(variable) for variable in self.writes]

        self.pure = jax.jit(pure)

    def __call__(self, leaves: list) -> Any:
        values = [leaf for leaf, d in zip(leaves, self.dynamic, strict=True) if d]
        outputs, new_values = self.pure([variable._stored() for variable in self.reads], values)
        for variable, value in zip(self.writes, new_values, strict=True):
            variable.assign(value)
        return outputs


def jit(fn: Callable) -> Callable:
    """Compile a function that reads and assigns Variables.

    The first call with new argument shapes traces `fn` once to learn which Variables it reads and writes; they become
    arguments and results of the compiled function. Arrays and numbers are traced; `bool`, strings, None and other
    hashable objects among the arguments are constants that `fn` is compiled for. What Python decides while tracing,
    such as which layers are frozen, holds for later calls too: call `jit` again after changing it.

    Args:
        fn: any function of arrays that may call layers, models, metrics and optimizers.

    Returns:
        The compiled function, called like `fn`. It raises a TypeError for an argument that cannot be hashed.

    Example:
        >>> @kerasish.jit
        ... def step(x, y):
        ...     loss, grads = kerasish.value_and_grad(lambda: loss_fn(y, model(x, training=True)), weights)()
        ...     optimizer.apply(grads)
        ...     return loss
    """
    traced: dict[Any, _Lifted] = {}

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = jax.tree.flatten((args, kwargs))
        key = (structure, tuple(map(_signature, leaves)))
        try:
            lifted = traced.get(key)
        except TypeError as error:
            raise TypeError(f"jit: arguments must be arrays, numbers, nests of these, or hashable: {error}.") from error
        if lifted is None:
            lifted = traced[key] = _Lifted(fn, leaves, structure)
        return lifted(leaves)

    return wrapped


def vmap(fn: Callable, in_axes: Any = 0, out_axes: Any = 0) -> Callable:
    """Vectorize a function that reads Variables: every call in the batch sees the same values.

    Args:
        fn: function of arrays. What it assigns must not depend on the batch (random counters do not).
        in_axes: as in `jax.vmap`.
        out_axes: as in `jax.vmap`.

    Returns:
        The vectorized function.

    Raises:
        ValueError: if `fn` assigns a Variable a value that differs along the batch.
    """

    @functools.wraps(fn)
    def wrapped(*args: Any) -> Any:
        updated: list[Variable] = []

        def pure(*args: Any) -> tuple[Any, list]:
            with mask_frame(), Scope() as scope:
                outputs = fn(*args)
            updated[:] = [variable for variable, _ in scope.updates]
            return outputs, [value for _, value in scope.updates]

        try:
            outputs, new_values = jax.vmap(pure, in_axes, (out_axes, None))(*args)
        except ValueError as error:
            if updated and "out_axes" in str(error):
                paths = [variable.path for variable in updated]
                raise ValueError(
                    f"vmap: the function assigns variables {paths}, at least one to a value that differs along the "
                    "batch. Return such values instead of assigning them."
                ) from error
            raise
        for variable, value in zip(updated, new_values, strict=True):
            variable.assign(value)
        return outputs

    return wrapped
