"""Steps of training: what one batch does to a model, and the compiled programs that do it to many batches."""

from collections.abc import Callable
from sys import getrefcount
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasish.core import tree
from kerasish.core.lifted import Recorder, value_and_grad
from kerasish.core.masks import get_mask, mask_frame, set_mask
from kerasish.core.platform_forms.compiler import compiler_options, lowering_steps
from kerasish.core.platform_forms.convolution import slow_in_loops
from kerasish.core.variable import Variable, write_through
from kerasish.training.data import unpack_x_y_sample_weight
from kerasish.training.interrupt import Interrupt

# A loop on the device comes back to Python this often, for callbacks, progress and Ctrl-C. Not more often: each call
# gets its memory from the operating system anew, on CPUs for as long as half a step of MobileNetV2 takes.
_SECONDS_PER_CALL = 1.0
# `predict` collects outputs of so many batches and bytes on the device before it brings them to the host.
_MOST_COLLECTED, _COLLECTED_BYTES = 256, 1 << 20


def train_step(model: Any, data: Any) -> dict:
    """Do one gradient step on a batch: the default of `Model.train_step`."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    weights = model.trainable_variables

    def compute() -> tuple[Any, Any]:
        y_pred = model(x, training=True)
        loss = model._compute_loss(x, y, y_pred, sample_weight, training=True)
        scaled = loss if model.optimizer is None else model.optimizer.scale_loss(loss)
        return scaled, (loss, y_pred, tree.map_structure(get_mask, y_pred))

    if weights:
        (_, (loss, y_pred, masks)), grads = value_and_grad(compute, weights, has_aux=True)()
        # Differentiation hands back other arrays than the model made; metrics still need their masks.
        jax.tree.map(set_mask, tree.flatten(y_pred), tree.flatten(masks), is_leaf=lambda leaf: leaf is None)
        model.optimizer.apply(grads, weights)
    else:
        _, (loss, y_pred, _) = compute()
    model._track_loss(loss, x)
    return model.compute_metrics(x, y, y_pred, sample_weight)


def test_step(model: Any, data: Any) -> dict:
    """Compute loss and metrics of a batch: the default of `Model.test_step`."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    y_pred = model(x, training=False)
    loss = model._compute_loss(x, y, y_pred, sample_weight, training=False)
    model._track_loss(loss, x)
    return model.compute_metrics(x, y, y_pred, sample_weight)


def predict_step(model: Any, data: Any) -> Any:
    """Compute the outputs for a batch: the default of `Model.predict_step`."""
    x, _, _ = unpack_x_y_sample_weight(data)
    return model(x, training=False)


def all_variables(model: Any) -> list[Variable]:
    """Return the variables a step is expected to use: of the model, its optimizer and its metrics."""
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    return list({id(v): v for v in [*model.variables, *optimizer, *model.metrics_variables]}.values())


class Program:
    """A step compiled for batches of one structure, with the variables it reads and writes as inputs and outputs.

    The step is traced once. Batches are given one by one (`run`), or lie in arrays on the device, from which the
    program takes a batch (`run_at`) or many, in a loop without returning to Python (`run_at` with `count`).

    Args:
        step: function of a batch that reads and assigns Variables and returns logs or outputs.
        variables: those it is expected to use; others that it turns out to use are added.
        batch: a batch, or its shapes and dtypes.
        donate: whether the memory of variables that are written may be reused.

    Attributes:
        slow_in_loops: whether the step contains a convolution that is slow inside a loop on a CPU.
        batches_per_call: how many batches to do in one go, as far as the time they take is known.
    """

    batches_per_call = 1

    def __init__(self, step: Callable, variables: list[Variable], batch: Any, donate: bool = True) -> None:
        batch = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), batch)
        self._sizes = [leaf.shape[0] for leaf in jax.tree.leaves(batch) if leaf.shape]
        known, written = list(variables), []
        while True:
            unknown: dict[int, Variable] = {}
            traced = jax.jit(_pure(step, known, written, unknown))
            trace = traced.trace([jax.ShapeDtypeStruct(v.shape, v.dtype) for v in known], batch)
            if not unknown:
                break
            known.extend(unknown.values())
        self.slow_in_loops = _any_equation(trace.jaxpr.jaxpr, _is_slow_in_loops)
        _, self._logs = trace.out_info
        changed = {id(variable) for variable in written}
        self.written = list(written)
        self.read = [variable for variable in known if id(variable) not in changed]
        position = {id(variable): index for index, variable in enumerate([*self.written, *self.read])}
        places = [position[id(variable)] for variable in known]

        def one(state: list, kept: list, batch: Any) -> tuple[list, Any]:
            values = [*state, *kept]
            return traced([values[place] for place in places], batch)

        def at(state: list, kept: list, data: Any, order: Any, start: Any) -> tuple[list, Any]:
            return one(state, kept, self._take(data, order, start))

        def loop(state: list, kept: list, data: Any, order: Any, start: Any, count: Any) -> tuple[list, Any]:
            def body(index: Any, carry: tuple) -> tuple:
                state, logs = one(carry[0], kept, self._take(data, order, start + index * self._sizes[0]))
                return state, logs

            logs = jax.tree.map(lambda info: jnp.zeros(info.shape, info.dtype), self._logs)
            return lax.fori_loop(0, count, body, (state, logs))

        def collect(state: list, kept: list, data: Any, start: Any, count: Any) -> tuple[list, Any]:
            def body(index: Any, carry: tuple) -> tuple:
                state, outputs = one(carry[0], kept, self._take(data, None, start + index * self._sizes[0]))
                put = lambda rows, new: lax.dynamic_update_slice_in_dim(rows, new, index * len(new), 0)  # noqa: E731
                return state, jax.tree.map(put, carry[1], outputs)

            most = self.most_collected
            rows = jax.tree.map(lambda info: jnp.zeros((most * info.shape[0], *info.shape[1:]), info.dtype), self._logs)
            return lax.fori_loop(0, count, body, (state, rows))

        options: Any = {"donate_argnums": (0,) if donate else (), "compiler_options": compiler_options()}
        self._one, self._at, self._loop, self._collect = (
            jax.jit(function, **options) for function in (one, at, loop, collect)
        )
        self._prepared: dict[Any, Callable] = {}  # single steps compiled ahead, by the arrays they take batches from

    def _take(self, data: Any, order: Any, start: Any) -> Any:
        size = self._sizes[0]
        if order is None:
            return jax.tree.map(lambda array: lax.dynamic_slice_in_dim(array, start, size), data)
        index = lax.dynamic_slice_in_dim(order, start, size)
        return jax.tree.map(lambda array: array.at[index].get(mode="promise_in_bounds"), data)

    def note_time(self, count: int, seconds: float) -> None:
        """Set `batches_per_call` by the time that a call for `count` batches took."""
        affordable = int(_SECONDS_PER_CALL * count / max(seconds, 1e-6))
        self.batches_per_call = max(1, min(affordable, 4 * self.batches_per_call))

    def run(self, batch: Any) -> Any:
        """Do the step on one batch; return its logs or outputs."""
        return self._execute(self._one, batch)

    def run_at(self, data: Any, order: Any, start: int, count: int | None = None) -> Any:
        """Do the step on batches taken from arrays.

        Args:
            data: nest of arrays, one row per sample.
            order: indices of the samples in the order they are used; None for the arrays' own order.
            start: position of the first sample in that order.
            count: number of batches to do in one go; None for a single step outside any loop.

        Returns:
            The logs of the last step.
        """
        if count is None:
            compiled = self._prepared.get(_row_count(data, order), self._at) if self._prepared else self._at
            return self._execute(compiled, data, order, start)
        return self._execute(self._loop, data, order, start, count)

    @property
    def most_collected(self) -> int:
        """How many batches `collect_at` may do in one go; 0 if the step does not return one row per sample."""
        leaves = jax.tree.leaves(self._logs)
        if not leaves or any(not leaf.shape or 0 in leaf.shape for leaf in leaves):
            return 0
        return min(_COLLECTED_BYTES // max(leaf.size * leaf.dtype.itemsize for leaf in leaves), _MOST_COLLECTED)

    def collect_at(self, data: Any, start: int, count: int) -> Any:
        """Do the step on batches taken from arrays, in their order, and keep what each returns.

        Args:
            data: nest of arrays, one row per sample.
            start: position of the first sample.
            count: number of batches, at most `most_collected`.

        Returns:
            What the steps returned, as NumPy arrays, one after the other along the first axis.
        """
        outputs = self._execute(self._collect, data, start, count)
        return jax.tree.map(lambda rows, info: np.asarray(rows)[: count * info.shape[0]], outputs, self._logs)

    def _execute(self, compiled: Callable, *args: Any) -> Any:
        state = _owned(self.written)
        kept = [variable._value for variable in self.read]
        with Interrupt.held, lowering_steps:
            new_state, logs = compiled(state, kept, *args)
            write_through(self.written, new_state)
        return logs

    def prepare(self, data: Any, order: Any) -> Callable:
        """Return a function that compiles the single step from these arrays, to be run in another thread."""
        values = ([variable._value for variable in self.written], [variable._value for variable in self.read])
        specs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), (*values, data, order))
        with lowering_steps:
            lowered = self._at.lower(*specs, 0)

        def compile_() -> None:
            self._prepared[_row_count(data, order)] = lowered.compile()

        return compile_


def _row_count(data: Any, order: Any) -> tuple[int, bool]:
    """Return what a program depends on beside the shape of a batch: the rows of the arrays, and whether in order."""
    return jax.tree.leaves(data)[0].shape[0], order is None


def _pure(step: Callable, known: list[Variable], written: list[Variable], unknown: dict[int, Variable]) -> Callable:
    """Return `step` as a pure function; tracing it fills `written` and `unknown`."""

    def pure(values: list, batch: Any) -> tuple[list, Any]:
        with mask_frame(), Recorder.of(known, values) as scope:
            logs = step(batch)
        ids = {id(variable) for variable in known}
        written[:] = [variable for variable, _ in scope.updates]
        unknown.update({key: variable for key, variable in scope.reads.items() if key not in ids})
        unknown.update({id(variable): variable for variable in written if id(variable) not in ids})
        # Strong types, so that a loop carries what it returns.
        logs = jax.tree.map(lambda x: lax.convert_element_type(x, jnp.asarray(x).dtype), logs)
        return [scope.read(variable) for variable in written], logs

    return pure


def _owned(variables: list[Variable]) -> list[jax.Array]:
    """Return the values of variables, copied where somebody else holds the array: donating would take it from them."""
    values = []
    for variable in variables:
        value = variable._value
        # Three references are ours: the variable's, the local name's and the call's.
        values.append(value if getrefcount(value) <= 3 else jnp.copy(value))
    return values


def _is_slow_in_loops(equation: Any) -> bool:
    return slow_in_loops(equation.primitive.name, [operand.aval for operand in equation.invars], equation.params)


def _any_equation(jaxpr: Any, predicate: Callable) -> bool:
    """Return whether a predicate holds for an equation of a jaxpr, or of one nested in it."""
    for equation in jaxpr.eqns:
        if predicate(equation):
            return True
        for value in equation.params.values():
            for item in value if isinstance(value, (list, tuple)) else (value,):
                inner = getattr(item, "jaxpr", item)
                if hasattr(inner, "eqns") and _any_equation(inner, predicate):
                    return True
    return False
