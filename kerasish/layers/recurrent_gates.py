"""The gates of LSTM and GRU with their usual activations, and their derivatives.

The slopes, by which gradients are multiplied, are found in the loop going forward, where the gates are at hand. The
loop going back only multiplies. Features are along `axis`: -1 in arrays of shape `(batch, features)`, 0 in those of
shape `(features, batch)`.
"""

import functools

import jax
import jax.numpy as jnp


def _joined(parts: list[jax.Array], axis: int) -> jax.Array:
    """Return the parts one after the other."""
    if axis:
        return jnp.concatenate(parts, axis)
    # XLA for CPUs computes a concatenation number by number, a selection of whole rows in vectors.
    places = jnp.arange(len(parts)).reshape(-1, 1, 1)
    joined = parts[-1]
    for place, part in enumerate(parts[:-1]):
        joined = jnp.where(places == place, part, joined)
    return joined.reshape(-1, joined.shape[-1])


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def lstm_gates(z: jax.Array, carry: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """Return the output and the carry of an LSTM, of the sum of its products and the carry of the step before."""
    return _lstm_forward(z, carry, axis)[0]


def _lstm_forward(z: jax.Array, carry: jax.Array, axis: int) -> tuple[tuple, tuple]:
    units = carry.shape[axis]
    i_and_f, g, o = jnp.split(z, [2 * units, 3 * units], axis)
    i, f = jnp.split(jax.nn.sigmoid(i_and_f), 2, axis)
    g, o = jnp.tanh(g), jax.nn.sigmoid(o)
    new = f * carry + i * g
    bent = jnp.tanh(new)
    slopes = g * i * (1 - i), carry * f * (1 - f), i * (1 - g * g), bent * o * (1 - o), o * (1 - bent * bent), f
    return (o * bent, new), slopes


def _lstm_backward(axis: int, slopes: tuple, gradients: tuple) -> tuple[jax.Array, jax.Array]:
    by_i, by_f, by_g, by_o, by_new, by_carry = slopes
    of_output, of_new = gradients
    of_new = of_new + of_output * by_new
    return _joined([of_new * by_i, of_new * by_f, of_new * by_g, of_output * by_o], axis), of_new * by_carry


lstm_gates.defvjp(_lstm_forward, _lstm_backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def gru_gates(x: jax.Array, h: jax.Array, state: jax.Array, axis: int) -> jax.Array:
    """Return the output of a GRU, of its products with inputs and state and the state of the step before."""
    return _gru_forward(x, h, state, axis)[0]


def _gru_forward(x: jax.Array, h: jax.Array, state: jax.Array, axis: int) -> tuple[jax.Array, tuple]:
    units = state.shape[axis]
    x_gates, x_new = jnp.split(x, [2 * units], axis)
    h_gates, h_new = jnp.split(h, [2 * units], axis)
    update, reset = jnp.split(jax.nn.sigmoid(x_gates + h_gates), 2, axis)
    new = jnp.tanh(x_new + reset * h_new)
    by_new = (1 - update) * (1 - new * new)
    by_update, by_reset = (state - new) * update * (1 - update), by_new * h_new * reset * (1 - reset)
    return update * state + (1 - update) * new, (by_update, by_reset, by_new, by_new * reset, update)


def _gru_backward(axis: int, slopes: tuple, gradient: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    of_update, of_reset, of_x_new, of_h_new, of_state = [gradient * slope for slope in slopes]
    return _joined([of_update, of_reset, of_x_new], axis), _joined([of_update, of_reset, of_h_new], axis), of_state


gru_gates.defvjp(_gru_forward, _gru_backward)
