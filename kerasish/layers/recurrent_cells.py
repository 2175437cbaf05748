"""The cells of recurrent layers, which compute one time step: SimpleRNNCell, LSTMCell, GRUCell."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kerasish import activations, random
from kerasish.core import tree
from kerasish.layers import arguments, recurrent_gates
from kerasish.layers.layer import Layer
from kerasish.layers.recurrent_gradient import Deferred


class Noise(NamedTuple):
    """Dropout masks of a cell, the same for all time steps of a sequence; None for no dropout."""

    inputs: list[jax.Array] | None  # one for all gates, or one for each
    states: list[jax.Array] | None


class RecurrentCell(Layer):
    """Base of the cells: weights, dropout, and a step in two parts.

    The part that needs no state, `project`, is done for all time steps at once by the layer around the cell; only
    `step` remains for its loop.

    Args:
        units: size of the state and of the output.
        use_bias: whether a bias is added.
        dropout: fraction of the inputs to drop in training.
        recurrent_dropout: fraction of the state to drop in training.
        seed: seed of the dropout.
        implementation: 1 draws a dropout mask for each gate, 2 one for all; `recurrent_dropout` implies 1.
        identifiers: activations, initializers, regularizers and constraints, by attribute name.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Raises:
        ValueError: if `units` is no positive integer.
    """

    _gates = 1
    _projects_in_loop = True  # whether `project` may be done in the loop, where that is faster

    def __init__(
        self,
        units: int,
        use_bias: bool,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        implementation: int,
        identifiers: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        self.units = arguments.positive_integer(self, "units", units)
        super().__init__(**kwargs)
        arguments.keep(self, **identifiers)
        self.use_bias = use_bias
        self.dropout = arguments.fraction(self, "dropout", dropout)
        self.recurrent_dropout = arguments.fraction(self, "recurrent_dropout", recurrent_dropout)
        self.implementation = 1 if self.recurrent_dropout else implementation
        self.seed = seed
        self.seed_generator = arguments.seed_generator(self, seed)
        self.state_size: Any = self.units
        self.output_size = self.units
        self._option_names = tuple(identifiers)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of shape `(batch, features)`."""
        width = self._gates * self.units
        self.kernel = self.add_weight(
            (input_shape[-1], width), **arguments.weight_options(self, "kernel"), name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, width), **arguments.weight_options(self, "recurrent"), name="recurrent_kernel"
        )
        self.bias = None
        if self.use_bias:
            options = arguments.weight_options(self, "bias") | {"initializer": self._bias_initializer()}
            self.bias = self.add_weight(self._bias_shape(), **options, name="bias")

    def _bias_initializer(self) -> Callable:
        return self.bias_initializer

    def _bias_shape(self) -> tuple[int, ...]:
        return (self._gates * self.units,)

    def draw_noise(self, inputs: jax.Array, training: bool | None) -> Noise:
        """Return the dropout masks for a sequence.

        Args:
            inputs: inputs of one step, of shape `(batch, ...)`.
            training: whether the masks are used; if not, the random state moves on all the same.
        """
        count = self._gates if self.implementation == 1 and self._gates > 1 else 1

        def draw(rate: float, shape: tuple[int, ...]) -> list[jax.Array] | None:
            if rate == 0.0:
                return None
            if not training or (rate == 1.0 and self._gates > 1):
                for _ in range(count if rate < 1.0 else 0):
                    self.seed_generator.next()
                return None
            ones = jnp.ones(shape, inputs.dtype)
            return [random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count)]

        return Noise(draw(self.dropout, inputs.shape), draw(self.recurrent_dropout, self._state_shape(inputs.shape[0])))

    def _state_shape(self, batch_size: int) -> tuple[int, ...]:
        """Return the shape of the state that dropout acts on."""
        return (batch_size, self.units)

    def project(self, inputs: jax.Array, noise: Noise) -> jax.Array:
        """Return the contribution of inputs of shape `(..., batch, features)` to all gates."""
        kernel = self.kernel.value
        if noise.inputs is None or len(noise.inputs) == 1:
            projected = (inputs if noise.inputs is None else inputs * noise.inputs[0]) @ kernel
        else:
            parts = jnp.split(kernel, self._gates, axis=-1)
            gates = [(inputs * mask) @ part for mask, part in zip(noise.inputs, parts, strict=True)]
            projected = jnp.concatenate(gates, axis=-1)
        bias = self._input_bias()
        return projected if bias is None else projected + bias

    def _input_bias(self) -> jax.Array | None:
        return None if self.bias is None else self.bias.value

    def input_weights(self) -> dict[str, jax.Array]:
        """Return the weights that `project` uses, by names that `step` does not use."""
        bias = self._input_bias()
        return {"input_kernel": self.kernel.value} | ({} if bias is None else {"input_bias": bias})

    def step_weights(self) -> dict[str, jax.Array]:
        """Return the weights that `step` needs."""
        return {"kernel": self.recurrent_kernel.value}

    def step_options(self) -> tuple:
        """Return what else `step` needs, hashable."""
        return (self.activation,)

    @staticmethod
    def step(
        options: tuple,
        weights: dict[str, jax.Array],
        projected: jax.Array,
        states: Sequence[jax.Array],
        noise: Any,
        axis: int = -1,
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Return the output and the new states of one time step; a pure function.

        Args:
            options: from `step_options`.
            weights: from `step_weights`.
            projected: from `project`, of shape `(batch, gates * units)`.
            states: the states of the step before, each of shape `(batch, units)`.
            noise: dropout masks of the states.
            axis: axis of the units; with 0, all arrays have shape `(units, batch)`, as the gradient of a loop may want.
        """
        raise NotImplementedError

    def call(self, inputs: jax.Array, states: Any, training: bool | None = False) -> tuple[jax.Array, Any]:
        """Return the output and the new states of one time step."""
        nested = tree.is_nested(states)
        noise = self.draw_noise(inputs, training)
        projected = self.project(inputs, noise)
        given = list(states) if nested else [states]
        output, new = self.step(self.step_options(), self.step_weights(), projected, given, noise.states)
        return output, (new if nested else new[0])

    def get_initial_state(self, batch_size: int | None = None) -> list[jax.Array]:
        """Return states of zeros for a batch."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [jnp.zeros((batch_size, size), self.compute_dtype) for size in sizes]

    def get_config(self) -> dict:
        """Return the arguments that make the same cell again."""
        names = ("units", "use_bias", "dropout", "recurrent_dropout", "seed", *self._option_names)
        return super().get_config() | arguments.kept(self, *names)


def _recur(state: jax.Array, kernel: jax.Array | Deferred, noise: list[jax.Array] | None) -> jax.Array:
    """Return `state @ kernel`, with a dropout mask for the whole state or for each gate."""
    if isinstance(kernel, Deferred):
        return kernel.product(state)
    if noise is None:
        return state @ kernel
    if len(noise) == 1:
        return (state * noise[0]) @ kernel
    parts = jnp.split(kernel, len(noise), axis=-1)
    return jnp.concatenate([(state * mask) @ part for mask, part in zip(noise, parts, strict=True)], axis=-1)


class SimpleRNNCell(RecurrentCell):
    """One step of a fully connected recurrent layer: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Args:
        units: size of the state and of the output.
        activation: activation function or its name.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel.
        recurrent_initializer: initializer of the recurrent kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: projection of the kernel after each update.
        recurrent_constraint: projection of the recurrent kernel after each update.
        bias_constraint: projection of the bias after each update.
        dropout: fraction of the inputs to drop in training.
        recurrent_dropout: fraction of the state to drop in training.
        seed: seed of the dropout.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Example:
        >>> RNN(SimpleRNNCell(4))(np.ones((2, 5, 3))).shape
        (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        identifiers = {
            "activation": activation,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
        }
        super().__init__(units, use_bias, dropout, recurrent_dropout, seed, 2, identifiers, **kwargs)

    @staticmethod
    def step(
        options: tuple, weights: dict, projected: jax.Array, states: Sequence[jax.Array], noise: Any, axis: int = -1
    ) -> tuple:
        """Return the output and the new state of one time step."""
        (activation,) = options
        output = activation(projected + _recur(states[0], weights["kernel"], noise))
        return output, [output]


class LSTMCell(RecurrentCell):
    """One step of a long short-term memory.

    With `i, f, g, o` the four parts of `x @ kernel + h @ recurrent_kernel + bias`, `s` the recurrent activation and
    `a` the activation: `c = s(f) * c + s(i) * a(g)` and `h = s(o) * a(c)`.

    Source: Hochreiter and Schmidhuber, 1997.

    Args:
        units: size of the states and of the output.
        activation: activation function or its name.
        recurrent_activation: activation function of the gates, or its name.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel.
        recurrent_initializer: initializer of the recurrent kernel.
        bias_initializer: initializer of the bias.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: projection of the kernel after each update.
        recurrent_constraint: projection of the recurrent kernel after each update.
        bias_constraint: projection of the bias after each update.
        dropout: fraction of the inputs to drop in training.
        recurrent_dropout: fraction of the state to drop in training.
        seed: seed of the dropout.
        **kwargs: `name`, `dtype`, ... of `Layer`, and `implementation`: 1 draws a dropout mask for each gate.
    """

    _gates = 4

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        identifiers = {
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
        }
        implementation = kwargs.pop("implementation", 2)
        super().__init__(units, use_bias, dropout, recurrent_dropout, seed, implementation, identifiers, **kwargs)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def _bias_initializer(self) -> Callable:
        if not self.unit_forget_bias:
            return self.bias_initializer

        def initialize(shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
            first = np.asarray(self.bias_initializer((self.units,), dtype=dtype))
            rest = np.asarray(self.bias_initializer((2 * self.units,), dtype=dtype))
            return np.concatenate([first, np.ones_like(first), rest])

        return initialize

    def step_options(self) -> tuple:
        """Return the activations."""
        return (self.activation, self.recurrent_activation)

    @staticmethod
    def step(
        options: tuple, weights: dict, projected: jax.Array, states: Sequence[jax.Array], noise: Any, axis: int = -1
    ) -> tuple:
        """Return the output and the new states of one time step."""
        activation, gate = options
        deferred = isinstance(weights["kernel"], Deferred)
        z = projected + _recur(states[0], weights["kernel"], noise)
        if deferred and activation is activations.tanh and gate is activations.sigmoid:
            output, carry = recurrent_gates.lstm_gates(z, states[1], axis)
            return output, [output, carry]
        i, f, g, o = jnp.split(z, 4, axis)
        carry = gate(f) * states[1] + gate(i) * activation(g)
        output = gate(o) * activation(carry)
        return output, [output, carry]

    def get_config(self) -> dict:
        """Return the arguments that make the same cell again."""
        return super().get_config() | {"unit_forget_bias": self.unit_forget_bias}


class GRUCell(RecurrentCell):
    """One step of a gated recurrent unit.

    With `z, r, g` the three parts of `x @ kernel + bias`, `Rz, Rr, Rg` those of the recurrent kernel, `s` the recurrent
    activation and `a` the activation: `z = s(z + h @ Rz)`, `r = s(r + h @ Rr)`, `g = a(g + r * (h @ Rg))`, and
    `h = z * h + (1 - z) * g`; with `reset_after=False`, `g = a(g + (r * h) @ Rg)`.

    Source: Cho et al., 2014, https://arxiv.org/abs/1406.1078.

    Args:
        units: size of the state and of the output.
        activation: activation function or its name.
        recurrent_activation: activation function of the gates, or its name.
        use_bias: whether a bias is added, with `reset_after` another to `h @ recurrent_kernel`.
        kernel_initializer: initializer of the kernel.
        recurrent_initializer: initializer of the recurrent kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: projection of the kernel after each update.
        recurrent_constraint: projection of the recurrent kernel after each update.
        bias_constraint: projection of the bias after each update.
        dropout: fraction of the inputs to drop in training.
        recurrent_dropout: fraction of the state to drop in training.
        reset_after: whether the reset gate acts after the product with the recurrent kernel.
        seed: seed of the dropout.
        **kwargs: `name`, `dtype`, ... of `Layer`, and `implementation`: 1 draws a dropout mask for each gate.
    """

    _gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        identifiers = {
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
        }
        implementation = kwargs.pop("implementation", 2)
        super().__init__(units, use_bias, dropout, recurrent_dropout, seed, implementation, identifiers, **kwargs)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _input_bias(self) -> jax.Array | None:
        bias = super()._input_bias()
        return bias[0] if bias is not None and self.reset_after else bias

    def step_weights(self) -> dict[str, jax.Array]:
        """Return the recurrent kernel and its bias, if it has one."""
        weights = super().step_weights()
        if self.bias is not None and self.reset_after:
            weights["bias"] = self.bias.value[1]
        return weights

    def step_options(self) -> tuple:
        """Return the activations and where the reset gate acts."""
        return (self.activation, self.recurrent_activation, self.reset_after)

    @staticmethod
    def step(
        options: tuple, weights: dict, projected: jax.Array, states: Sequence[jax.Array], noise: Any, axis: int = -1
    ) -> tuple:
        """Return the output and the new state of one time step."""
        activation, gate, reset_after = options
        state, kernel = states[0], weights["kernel"]
        units = state.shape[axis]
        x_gates, x_new = jnp.split(projected, [2 * units], axis)
        if reset_after:
            recurrent = _recur(state, kernel, noise)
            if "bias" in weights:
                recurrent = recurrent + weights["bias"]
            if isinstance(kernel, Deferred) and activation is activations.tanh and gate is activations.sigmoid:
                output = recurrent_gates.gru_gates(projected, recurrent, state, axis)
                return output, [output]
            h_gates, h_new = jnp.split(recurrent, [2 * units], axis)
            update, reset = jnp.split(gate(x_gates + h_gates), 2, axis)
            h_new = reset * h_new
        else:
            h_gates = _recur(state, kernel[:, : 2 * units], None if noise is None else noise[:2])
            update, reset = jnp.split(gate(x_gates + h_gates), 2, axis)
            h_new = _recur(reset * state, kernel[:, 2 * units :], None if noise is None else noise[2:])
        output = update * state + (1 - update) * activation(x_new + h_new)
        return output, [output]

    def get_config(self) -> dict:
        """Return the arguments that make the same cell again."""
        return super().get_config() | {"reset_after": self.reset_after}
