"""RNN, which runs any cell or stack of cells over time in one loop."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core import registry, tree
from kerasish.core.variable import Variable, autocast_scope
from kerasish.layers import recurrent_gradient
from kerasish.layers.layer import Layer
from kerasish.layers.recurrent_cells import GRUCell, LSTMCell, RecurrentCell, SimpleRNNCell
from kerasish.layers.tracking import unique
from kerasish.ops.recurrent import rnn

Step = Callable[[jax.Array, tuple], tuple[jax.Array, Any]]


class StackedRNNCells(Layer):
    """Cells on top of each other that act as one: each takes the output of the one before.

    Args:
        cells: list of cells.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Raises:
        ValueError: if a cell has no `call` or no `state_size`.

    Example:
        >>> RNN(StackedRNNCells([LSTMCell(3), LSTMCell(4)]))(np.ones((2, 5, 2))).shape
        (2, 4)
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(self, cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list:
        """The sizes of the states of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the cells for inputs of shape `(batch, features)`."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def call(self, inputs: jax.Array, states: Any, training: bool | None = False, **kwargs: Any) -> tuple:
        """Return the output of the last cell, and the new states of all."""
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, new = call_cell(cell, inputs, state, training, **kwargs)
            new_states.append(new)
        return inputs, (new_states[0] if len(new_states) == 1 else new_states)

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Return states of zeros for a batch."""
        return [initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def get_config(self) -> dict:
        """Return the arguments that make the same stack again."""
        return super().get_config() | {"cells": [registry.serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "StackedRNNCells":
        """Make a stack from what `get_config` returned; `custom_objects` maps names to classes of cells."""
        config = dict(config)
        cells = [registry.deserialize_keras_object(cell, custom_objects) for cell in config.pop("cells")]
        return cls(cells, **config)


def check_cell(layer: Any, cell: Any) -> None:
    """Refuse what is no cell.

    Raises:
        ValueError: naming what the cell lacks.
    """
    for name in ("call", "state_size"):
        if not hasattr(cell, name):
            raise ValueError(f"{type(layer).__name__}: a cell must have `{name}`, which {cell!r} has not.")


def output_size(cell: Any) -> int:
    """Return the size of a cell's output."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size
    return size


def initial_state(cell: Any, batch_size: int | None, dtype: str) -> Any:
    """Return a cell's states for a batch at the start of sequences."""
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    return jax.tree.map(lambda size: jnp.zeros((batch_size, size), dtype), cell.state_size)


def call_cell(cell: Any, inputs: jax.Array, state: Any, training: bool | None, **kwargs: Any) -> tuple[jax.Array, Any]:
    """Call any cell for one time step; the new states are nested as the given ones."""
    nested = tree.is_nested(state)
    if isinstance(cell, Layer) and cell._signature.has_training:
        kwargs["training"] = training
    output, new = (cell if callable(cell) else cell.call)(inputs, list(state) if nested else [state], **kwargs)
    if tree.is_nested(new) and len(new) == 1 and not nested:
        new = new[0]
    return output, new


class RNN(Layer):
    """Runs a cell over the time steps of a sequence.

    Args:
        cell: a cell, or a list of cells to be stacked: objects with `call(inputs, states)`, which returns the output
            and a list of new states, and `state_size`, an integer or a list of them; also `output_size` and
            `get_initial_state(batch_size)` where these differ from `state_size` and zeros.
        return_sequences: return the outputs of all steps, not only the last.
        return_state: return the last states after the output.
        go_backwards: start at the last step; outputs come in the order of computation.
        stateful: start each batch with the last states of the batch before.
        unroll: write the steps out instead of a loop: slower to compile, sometimes faster to run.
        zero_output_for_mask: output zeros at masked steps instead of the output before.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Call arguments: `sequences` of shape `(batch, time, ...)`, `initial_state` (a list of tensors), `mask` of shape
    `(batch, time)`, False for steps to skip, `training`.

    Raises:
        ValueError: if the cell lacks something.

    Example:
        >>> RNN([LSTMCell(3), LSTMCell(4)], return_sequences=True)(np.ones((2, 5, 2))).shape
        (2, 5, 4)
    """

    _untracked = Layer._untracked | {"states"}

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(self, cell)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.states: Any = None
        state_size = cell.state_size
        if not isinstance(state_size, (list, tuple, int)):
            raise ValueError(
                f"{type(self).__name__}: `state_size` of the cell must be an integer or a list of integers, received "
                f"{state_size!r}."
            )
        self.state_size = [state_size] if isinstance(state_size, int) else list(state_size)

    def build(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> None:
        """Build the cell, and the states that last from batch to batch if `stateful`."""
        if self.unroll and sequences_shape[1] is None:
            raise ValueError(
                f"Layer {self.name!r} has `unroll=True`, for which the number of time steps must be known; received "
                f"shape {sequences_shape}. Give it in `Input(shape=(time, features))`."
            )
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful and self.states is None:
            if sequences_shape[0] is None:
                raise ValueError(
                    f"Layer {self.name!r} is stateful, for which the batch size must be known; received shape "
                    f"{sequences_shape}. Give it in `Input(batch_shape=(batch, time, features))`."
                )

            def keep(value: jax.Array) -> Variable:
                return Variable(value, trainable=False, dtype=self.variable_dtype, name="rnn_state")

            self.states = jax.tree.map(keep, self.get_initial_state(sequences_shape[0]))

    @property
    def variables(self) -> list[Variable]:
        """All state: weights, random generators, and the states kept from batch to batch."""
        return unique([*super().variables, *tree.flatten(self.states or [])])

    def get_initial_state(self, batch_size: int) -> list:
        """Return the states at the start of sequences: the cell's own, or zeros."""
        state = initial_state(self.cell, batch_size, getattr(self.cell, "compute_dtype", self.compute_dtype))
        return list(state) if tree.is_nested(state) else [state]

    def reset_state(self) -> None:
        """Set the states kept from batch to batch to zeros."""
        for variable in tree.flatten(self.states or []):
            variable.assign(jnp.zeros(variable.shape, variable.dtype))

    def reset_states(self) -> None:
        """Same as `reset_state`."""
        self.reset_state()

    def call(
        self, sequences: jax.Array, initial_state: Any = None, mask: Any = None, training: bool | None = False
    ) -> Any:
        """Return the last output or all outputs, followed by the last states if `return_state`."""
        states = self._first_states(sequences, initial_state)
        mask = tree.flatten(mask)[0] if mask is not None else None
        cell_dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        states = jax.tree.map(lambda state: jnp.asarray(state, cell_dtype), states)
        last, outputs, states = self._run(jnp.asarray(sequences), states, mask, training)
        last, outputs, states = jax.tree.map(lambda x: x.astype(self.compute_dtype), (last, outputs, list(states)))
        if self.stateful:
            for variable, state in zip(tree.flatten(self.states), tree.flatten(states), strict=True):
                variable.assign(state)
        output = outputs if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def _first_states(self, sequences: jax.Array, given: Any) -> list:
        batch_size = sequences.shape[0]
        if self.stateful:
            expected = tree.flatten(self.states)[0].shape[0]
            if batch_size != expected:
                raise ValueError(
                    f"Layer {self.name!r} is stateful and was built for batches of {expected} samples, received a "
                    f"batch of {batch_size}."
                )
            if given is None:
                return tree.map_structure(lambda variable: variable.value, self.states)
        if given is None:
            return self.get_initial_state(batch_size)
        given = list(given) if tree.is_nested(given) else [given]
        if len(given) != len(self.state_size):
            raise ValueError(
                f"Layer {self.name!r} has {len(self.state_size)} state(s), received an `initial_state` of {len(given)}."
            )
        return given

    def _run(self, sequences: jax.Array, states: list, mask: Any, training: bool | None) -> tuple:
        """Return the last output, the outputs and the last states."""
        options = {
            "go_backwards": self.go_backwards,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
            "return_all_outputs": self.return_sequences,
        }
        if not _is_own(self.cell, RecurrentCell):
            return rnn(bind(self.cell, sequences[:, 0], training), sequences, states, mask=mask, **options)
        cell = self.cell
        sequences = sequences.astype(cell.compute_dtype)
        with autocast_scope(cell.compute_dtype if cell._mixed else None):
            noise = cell.draw_noise(sequences[:, 0], training)
            inputs = jnp.swapaxes(sequences, 0, 1)
            weights, step_options = cell.step_weights(), cell.step_options()
            one_mask = noise.inputs is None or len(noise.inputs) == 1
            if jax.default_backend() == "cpu" and one_mask and cell._projects_in_loop:
                # XLA:CPU vectorizes the gates only if no slice of a large array is fused into them: there, the whole
                # step in the loop is up to twice as fast as only the part that needs the state.
                inputs = inputs if noise.inputs is None else inputs * noise.inputs[0]
                weights |= cell.input_weights()
            else:
                inputs = cell.project(inputs, noise)
        mask = None if mask is None else jnp.swapaxes(mask, 0, 1)
        # Functions of one's own might read Variables, which must not be compiled into the loop as constants.
        plain = all(not callable(option) or registry.builtin_name(option) for option in step_options)
        run = _compiled_loop if plain else _loop
        last, outputs, states = run(inputs, weights, states, noise.states, mask, cell.step, step_options, **options)
        return last, jnp.swapaxes(outputs, 0, 1), states

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the output: that of the inputs if all outputs are returned."""
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        return [mask, *(None for _ in self.state_size)] if self.return_state else mask

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")
        config = super().get_config() | {name: getattr(self, name) for name in names}
        return config | {"cell": registry.serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "RNN":
        """Make a layer from what `get_config` returned; `custom_objects` maps names to classes of cells."""
        config = dict(config)
        if "cell" in config:
            config["cell"] = registry.deserialize_keras_object(config["cell"], custom_objects)
        return super().from_config(config)


# Steps that use the sum of the products of kernels with inputs and state, and whether the last units of these apart.
_PRODUCTS_APART = {SimpleRNNCell.step: False, LSTMCell.step: False, GRUCell.step: True}


def _loop(
    inputs: jax.Array,
    weights: dict,
    states: list,
    noise: Any,
    mask: Any,
    step: Callable,
    step_options: tuple,
    **options: bool,
) -> tuple:
    """Run a cell over time; `inputs`, time first, are those of its gates, or those of the layer if the weights hold
    what turns these into those.
    """
    apart = _PRODUCTS_APART.get(step)
    zeroed = mask is not None and options["zero_output_for_mask"]
    if "input_kernel" in weights and noise is None and apart is not None and not options["unroll"] and not zeroed:
        if step_options[-1] is not False:  # a GRU with reset_after=False multiplies the state only after its reset
            plan = recurrent_gradient.Plan(step, step_options, apart, options["go_backwards"])
            outputs, last = recurrent_gradient.loop(plan, weights, inputs, states, mask)
            return last[0], outputs if options["return_all_outputs"] else last[0][None], last

    def apply(x: jax.Array, states: tuple) -> tuple[jax.Array, list]:
        return step(step_options, weights, x, states, noise)

    def project_and_apply(x: jax.Array, states: tuple) -> tuple[jax.Array, list]:
        return apply(x @ weights["input_kernel"] + weights.get("input_bias", 0), states)

    if "input_kernel" in weights:
        return rnn(project_and_apply, inputs, states, mask=mask, time_major=True, **options)
    if mask is None and jax.default_backend() == "cpu":
        return recurrent_gradient.rnn_ahead(
            lambda x, states: apply(x[0], states), inputs, None, states, lambda x: x, **options
        )
    return rnn(apply, inputs, states, mask=mask, time_major=True, **options)


# Without this, each eager call would compile its loop anew.
_compiled_loop = jax.jit(
    _loop,
    static_argnames=(
        "step", "step_options", "go_backwards", "unroll", "zero_output_for_mask", "return_all_outputs",
    ),
)  # fmt: skip


def _is_own(cell: Any, kind: type) -> bool:
    """Return whether a cell is of this kind and computes as it does."""
    return isinstance(cell, kind) and type(cell).call is kind.call  # type: ignore[attr-defined]


def bind(cell: Any, inputs: jax.Array, training: bool | None) -> Step:
    """Return a function `(inputs, states) -> (output, new_states)` for one step, with dropout masks drawn once.

    Args:
        cell: any cell.
        inputs: the inputs of one step.
        training: whether dropout is on.
    """
    if _is_own(cell, StackedRNNCells):
        steps: list[Step] = []
        for part in cell.cells:
            steps.append(bind(part, inputs, training))
            inputs = jnp.zeros((inputs.shape[0], output_size(part)), inputs.dtype)
        return functools.partial(_step_stack, steps)
    if not _is_own(cell, RecurrentCell):
        return lambda x, states: call_cell(cell, x, states, training)
    dtype = cell.compute_dtype if cell._mixed else None
    with autocast_scope(dtype):
        noise = cell.draw_noise(inputs.astype(cell.compute_dtype), training)

    def step(x: jax.Array, states: Any) -> tuple[jax.Array, Any]:
        with autocast_scope(dtype):
            projected = cell.project(x.astype(cell.compute_dtype), noise)
            given = list(states) if tree.is_nested(states) else [states]
            output, new = cell.step(cell.step_options(), cell.step_weights(), projected, given, noise.states)
        return output, new

    return step


def _step_stack(steps: list[Step], x: jax.Array, states: Sequence[Any]) -> tuple[jax.Array, list]:
    new_states = []
    for step, state in zip(steps, states, strict=True):
        x, new = step(x, state)
        new_states.append(new)
    return x, new_states
