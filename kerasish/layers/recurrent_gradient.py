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

from kerasish.ops.recurrent import rnn

# Multiplications of the inputs in a step, from which on they are multiplied before the loop.
_MUCH = 1 << 20


class Deferred(NamedTuple):
    """A recurrent kernel whose gradient is left for later; `probe`, zeros, gets the gradient of the product."""

    kernel: jax.Array
    transposed: jax.Array
    probe: jax.Array

    def product(self, state: jax.Array) -> jax.Array:
        """Return `state @ kernel`."""
        return _product(state, self.kernel, self.transposed, self.probe)


@jax.custom_vjp
def _product(state: jax.Array, kernel: jax.Array, transposed: jax.Array, probe: jax.Array) -> jax.Array:
    return state @ kernel


_product.defvjp(
    lambda state, kernel, transposed, probe: (state @ kernel, transposed),
    lambda transposed, gradient: (gradient @ transposed, None, None, gradient),
)


@jax.custom_vjp
def _probed(value: jax.Array, probe: jax.Array) -> jax.Array:
    """Return the value; the probe gets its gradient."""
    return value


_probed.defvjp(lambda value, probe: (value, None), lambda _, gradient: (None, gradient))


@jax.custom_vjp
def lstm_gates(z: jax.Array, carry: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the output and the carry of an LSTM with its usual activations, of the sum of its products."""
    return _lstm_forward(z, carry)[0]


def _lstm_forward(z: jax.Array, carry: jax.Array) -> tuple[tuple, tuple]:
    i, f, g, o = jnp.split(z, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    new = f * carry + i * g
    bent = jnp.tanh(new)
    return (o * bent, new), (i, f, g, o, carry, bent)


def _lstm_backward(saved: tuple, gradients: tuple) -> tuple[jax.Array, jax.Array]:
    i, f, g, o, carry, bent = saved
    of_output, of_new = gradients
    of_new = of_new + of_output * o * (1 - bent * bent)
    parts = [
        of_new * g * i * (1 - i),
        of_new * carry * f * (1 - f),
        of_new * i * (1 - g * g),
        of_output * bent * o * (1 - o),
    ]
    return jnp.concatenate(parts, axis=-1), of_new * f


lstm_gates.defvjp(_lstm_forward, _lstm_backward)


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
    apart: bool  # whether the step uses the products with inputs and state otherwise than as a sum
    go_backwards: bool


def _run(plan: Plan, weights: dict, inputs: jax.Array, states: list, mask: Any, transposed: Any, probes: Any) -> tuple:
    """Return the outputs in order of computation and the last states; `probes`, if any, go with `transposed`."""

    def project(x: jax.Array) -> jax.Array:
        return x @ weights["input_kernel"]

    def apply(current: tuple, states: Sequence[jax.Array]) -> tuple[jax.Array, list]:
        z, probe = current
        z = z + weights["input_bias"] if "input_bias" in weights else z  # here it is part of the gates' loop
        own = dict(weights)
        if probe is not None:
            own["kernel"] = Deferred(weights["kernel"], transposed, probe["state"])
            z = _probed(z, probe["inputs"]) if plan.apart else z
        return plan.step(plan.step_options, own, z, states, None)

    options = {"go_backwards": plan.go_backwards}
    if mask is None and inputs[0].size * weights["input_kernel"].shape[1] >= _MUCH:
        # One large product takes half the time of one in each step.
        _, outputs, last = rnn_ahead(apply, inputs, probes, states, project, **options)
    else:
        project_and_apply = lambda current, states: apply((project(current[0]), current[1]), states)  # noqa: E731
        _, outputs, last = rnn(project_and_apply, (inputs, probes), states, mask=mask, time_major=True, **options)
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
    probes = {"state": zeros, "inputs": zeros} if plan.apart else {"state": zeros}

    def run(probes: dict, states: list) -> tuple:
        return _run(plan, weights, inputs, states, mask, transposed, probes)

    (outputs, last), pull = jax.vjp(run, probes, states)
    return (outputs, last), (pull, weights, inputs, states[0], outputs)


def _backward(plan: Plan, saved: tuple, gradients: tuple) -> tuple:
    pull, weights, inputs, first, outputs = saved
    probes, of_states = pull(gradients)
    by_state, by_inputs = probes["state"], probes.get("inputs", probes["state"])
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
