"""The loop of recurrent layers with its own gradient: those of the kernels come from one product after the loop.

Differentiating the plain loop adds up the kernels' gradients step by step, with two small products in each. Here the
loop going back only finds the gradients of what the products return; a product over all steps at once does the rest.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from kerasish import activations
from kerasish.ops.recurrent import rnn

# Multiplications of the inputs in a step, from which on they are multiplied before the loop.
_MUCH = 1 << 20


class Deferred(NamedTuple):
    """A recurrent kernel whose gradient is left for later; `probe`, zeros, gets the gradient of the product."""

    kernel: jax.Array
    transposed: jax.Array
    probe: jax.Array
    axis: int  # of the features in states

    def product(self, state: jax.Array) -> jax.Array:
        """Return `state @ kernel`, of columns their transpose."""
        return _product(state, self.kernel, self.transposed, self.probe, self.axis)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def _product(state: jax.Array, kernel: jax.Array, transposed: jax.Array, probe: jax.Array, axis: int) -> jax.Array:
    return _product_forward(state, kernel, transposed, probe, axis)[0]


def _product_forward(state: jax.Array, kernel: jax.Array, transposed: jax.Array, probe: jax.Array, axis: int) -> tuple:
    return state @ kernel if axis else transposed @ state, (kernel, transposed)


def _product_backward(axis: int, saved: tuple, gradient: jax.Array) -> tuple:
    kernel, transposed = saved
    return gradient @ transposed if axis else kernel @ gradient, None, None, gradient


_product.defvjp(_product_forward, _product_backward)


@jax.custom_vjp
def _probed(value: jax.Array, probe: jax.Array) -> jax.Array:
    """Return the value; the probe gets its gradient."""
    return value


_probed.defvjp(lambda value, probe: (value, None), lambda _, gradient: (None, gradient))


def rnn_ahead(
    step_function: Callable[[tuple, tuple], tuple[jax.Array, Sequence]],
    inputs: jax.Array,
    others: Any,
    initial_states: Sequence[Any],
    project: Callable[[jax.Array], jax.Array],
    go_backwards: bool = False,
    **options: Any,
) -> tuple[jax.Array, jax.Array, Any]:
    """Call `rnn` so that each step hands its inputs to the next one as a state; time comes first, without a mask.

    XLA for CPUs vectorizes a step only if no slice of a large array is fused into it.

    Args:
        step_function: `((input, others of the step), states) -> (output, new_states)`.
        inputs: tensor of shape `(time, batch, ...)`.
        others: nest of tensors of shape `(time, ...)`, or None.
        initial_states: list of tensors.
        project: what is done to each step's inputs, all at once.
        go_backwards: start at the last step.
        **options: other arguments of `rnn`.
    """

    def step(current: tuple, states: tuple) -> tuple[jax.Array, list]:
        following, other = current
        output, new_states = step_function((states[-1], other), states[:-1])
        return output, [*new_states, following]

    following = project(jnp.roll(inputs, 1 if go_backwards else -1, 0))
    given = [*initial_states, following[0 if go_backwards else -1]]
    last, outputs, states = rnn(step, (following, others), given, go_backwards, time_major=True, **options)
    return last, outputs, states[:-1]


class Plan(NamedTuple):
    """What is fixed about a loop: the cell's step and its options, and the direction."""

    step: Callable
    step_options: tuple
    apart: bool  # whether the step uses the last units of its products with inputs and state other than as a sum
    go_backwards: bool


def _in_columns(plan: Plan, samples: int, units: int) -> bool:
    """Return whether XLA for CPUs computes a step faster if the states are `(units, batch)`.

    With few units, the rows of a gate are too short for its vectors.
    """
    unit_by_unit = all(option in (activations.tanh, activations.sigmoid, True) for option in plan.step_options)
    return unit_by_unit and units <= 32 <= samples and samples >= 2 * units


def _run(plan: Plan, weights: dict, inputs: jax.Array, states: list, mask: Any, transposed: Any, probes: Any) -> tuple:
    """Return the outputs in order of computation and the last states; `probes`, if any, go with `transposed`."""
    samples, units = states[0].shape
    in_columns = mask is None and probes is not None and _in_columns(plan, samples, units)
    axis = 0 if in_columns else -1
    if in_columns:
        inputs, probes, states = jax.tree.map(lambda x: jnp.swapaxes(x, -2, -1), (inputs, probes, states))
        columns = {name: weight[:, None] for name, weight in weights.items() if weight.ndim == 1}
        weights = weights | columns | {"input_kernel": lax.optimization_barrier(weights["input_kernel"].T)}

    def project(x: jax.Array) -> jax.Array:
        return weights["input_kernel"] @ x if in_columns else x @ weights["input_kernel"]

    def apply(current: tuple, states: Sequence[jax.Array]) -> tuple[jax.Array, list]:
        z, probe = current
        z = z + weights["input_bias"] if "input_bias" in weights else z  # here it is part of the gates' loop
        own = dict(weights)
        if probe is not None:
            own["kernel"] = Deferred(weights["kernel"], transposed, probe["state"], axis)
            if plan.apart:
                sums, apart = jnp.split(z, [z.shape[axis] - units], axis)
                z = jnp.concatenate([sums, _probed(apart, probe["inputs"])], axis)
        return plan.step(plan.step_options, own, z, states, None, axis)

    options = {"go_backwards": plan.go_backwards}
    if mask is None and not in_columns and samples * weights["input_kernel"].size >= _MUCH:
        # One large product takes half the time of one in each step.
        _, outputs, last = rnn_ahead(apply, inputs, probes, states, project, **options)
    else:
        project_and_apply = lambda current, states: apply((project(current[0]), current[1]), states)  # noqa: E731
        _, outputs, last = rnn(project_and_apply, (inputs, probes), states, mask=mask, time_major=True, **options)
    if in_columns:
        outputs, last = jax.tree.map(lambda x: jnp.swapaxes(x, -2, -1), (outputs, last))
    return outputs, list(last)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def loop(plan: Plan, weights: dict, inputs: jax.Array, states: list, mask: Any) -> tuple[jax.Array, list]:
    """Run a cell over time.

    Args:
        plan: what is fixed.
        weights: the cell's `step_weights` and `input_weights`.
        inputs: of shape `(time, batch, features)`.
        states: the first states; the first of them is the cell's output.
        mask: booleans of shape `(time, batch)`, or None.

    Returns:
        The outputs in order of computation, and the last states. Forward-mode differentiation is not possible.
    """
    return _run(plan, weights, inputs, states, mask, None, None)


def _forward(plan: Plan, weights: dict, inputs: jax.Array, states: list, mask: Any) -> tuple[tuple, tuple]:
    # A copy, so that the product with it in the loop need not transpose again and again.
    transposed = lax.optimization_barrier(weights["kernel"].T)
    zeros = jnp.zeros((*inputs.shape[:2], transposed.shape[0]), inputs.dtype)
    probes = {"state": zeros} | ({"inputs": zeros[..., : states[0].shape[-1]]} if plan.apart else {})

    def run(probes: dict, states: list) -> tuple:
        return _run(plan, weights, inputs, states, mask, transposed, probes)

    (outputs, last), pull = jax.vjp(run, probes, states)
    return (outputs, last), (pull, weights, inputs, states[0], outputs)


def _backward(plan: Plan, saved: tuple, gradients: tuple) -> tuple:
    pull, weights, inputs, first, outputs = saved
    probes, of_states = pull(gradients)
    by_state = by_inputs = probes["state"]
    if plan.apart:
        by_inputs = jnp.concatenate([by_state[..., : -first.shape[-1]], probes["inputs"]], -1)
    before = jnp.concatenate([first[None], outputs[:-1]])
    if plan.go_backwards:
        before = jnp.flip(before, 0)  # in order of time, as the gradients of the probes are

    def summed(left: jax.Array, right: jax.Array) -> jax.Array:
        return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])

    of_weights = {"kernel": summed(before, by_state), "input_kernel": summed(inputs, by_inputs)}
    if "bias" in weights:
        of_weights["bias"] = by_state.sum((0, 1))
    if "input_bias" in weights:
        of_weights["input_bias"] = by_inputs.sum((0, 1))
    return of_weights, by_inputs @ weights["input_kernel"].T, of_states, None


loop.defvjp(_forward, _backward)
