"""The loop over time under the recurrent layers."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kerasish.core.variable import Scope
from kerasish.ops._tensors import Array, tensor


def _like(mask: Array, x: Array) -> Array:
    """Return a mask of shape (batch, ...) with the axes added that broadcast it to `x`."""
    return jnp.reshape(mask, mask.shape + (1,) * (x.ndim - mask.ndim))


def rnn(
    step_function: Callable[[Any, tuple], tuple[Array, Any]], inputs: Any, initial_states: Sequence[Any],
    go_backwards: bool = False, mask: Any = None, constants: Sequence[Any] | None = None, unroll: bool = False,
    input_length: Any = None, time_major: bool = False, zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Array, Array, Any]:  # fmt: skip
    """Apply `step_function` to the time steps of `inputs`, carrying states from one to the next.

    A masked step keeps the states and outputs the first state (the previous output where their shapes differ).

    Args:
        step_function: `(input, states + constants) -> (output, new_states)`.
        inputs: nest of tensors of shape `(batch, time, ...)`.
        initial_states: list or tuple of nests of tensors.
        go_backwards: start at the last step; the outputs come in the order of computation.
        mask: booleans of shape `(batch, time)` or `(batch, time, 1)`, False for steps to leave out.
        constants: tensors that every step gets after the states.
        unroll: write the steps out one by one instead of a loop: longer to compile, sometimes faster.
        input_length: kept for compatibility; shapes are known in JAX.
        time_major: inputs, mask and outputs have shape `(time, batch, ...)`.
        zero_output_for_mask: output zeros at masked steps.
        return_all_outputs: whether all outputs are wanted; if not, the second result holds the last one alone.

    Returns:
        The last output, all outputs `(batch, time, ...)`, and the last states.
    """

    def by_time(x: Any) -> Array:
        return tensor(x) if time_major else jnp.swapaxes(tensor(x), 0, 1)

    inputs = jax.tree.map(by_time, inputs)
    states = jax.tree.map(tensor, tuple(initial_states))
    if mask is not None:
        mask = by_time(mask).astype(bool)
        mask = mask if mask.ndim == 2 else jnp.any(mask.reshape(*mask.shape[:2], -1), axis=-1)

    def step(carry: tuple, current: tuple) -> tuple[tuple, Any]:
        states, previous = carry
        x, valid = current
        output, new_states = step_function(x, (*states, *(constants or ())))
        new_states = jax.tree.unflatten(jax.tree.structure(states), jax.tree.leaves(new_states))
        if valid is None:
            return (new_states, None), output
        if zero_output_for_mask:
            held = jnp.zeros_like(output)
        else:
            first = jax.tree.leaves(states[-1] if isinstance(states[0], (list, tuple)) else states[0])[0]
            held = first if first.shape == output.shape else previous
        output = jnp.where(_like(valid, output), output, held)
        new_states = jax.tree.map(lambda new, old: jnp.where(_like(valid, new), new, old), new_states, states)
        return (new_states, output), output

    # What the steps assign (random states, for instance) stays in the loop: its values exist in no other trace.
    with Scope():
        previous = None
        if mask is not None:
            first = jax.tree.map(lambda x: x[0], inputs)
            shape = jax.eval_shape(lambda x, s: step_function(x, (*s, *(constants or ())))[0], first, states)
            previous = jnp.zeros(shape.shape, shape.dtype)
        if unroll:
            steps = jax.tree.leaves(inputs)[0].shape[0]
            carry, collected = (states, previous), []
            for index in reversed(range(steps)) if go_backwards else range(steps):
                current = jax.tree.map(lambda x, index=index: x[index], (inputs, mask))
                carry, output = step(carry, current)
                collected.append(output)
            outputs = jnp.stack(collected)
        else:
            carry, outputs = lax.scan(step, (states, previous), (inputs, mask), reverse=go_backwards)
            outputs = jnp.flip(outputs, axis=0) if go_backwards else outputs
    last = outputs[-1]
    if not return_all_outputs:
        outputs = last[None]
    return last, outputs if time_major else jnp.swapaxes(outputs, 0, 1), carry[0]
