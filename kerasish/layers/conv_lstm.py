"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: long short-term memories whose products with kernels are convolutions."""

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from kerasish import ops
from kerasish.layers import arguments
from kerasish.layers.convolution import _Convolution
from kerasish.layers.recurrent_cells import LSTMCell, Noise
from kerasish.layers.recurrent_layers import CellRNN
from kerasish.layers.spec import InputSpec


class ConvLSTMCell(LSTMCell, _Convolution):
    """One step of a convolutional long short-term memory.

    The equations are those of `LSTMCell` with the products `x @ kernel` and `h @ recurrent_kernel` replaced by
    convolutions, the second with padding `"same"` and steps of 1. Arguments as in `ConvLSTM1D`.

    Source: Shi et al., 2015, https://arxiv.org/abs/1506.04214.
    """

    _config_names = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate")
    _projects_in_loop = False

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        **kwargs: Any,
    ) -> None:
        self.filters = arguments.positive_integer(self, "filters", filters)
        # A dropout mask for each gate, as in Keras.
        super().__init__(filters, rank=self._rank, implementation=1, **kwargs)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._refuse_strides_with_dilation()
        self.input_spec = None
        self._output_spatial: tuple[int, ...] = ()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for the inputs of one step, of shape `(batch, *spatial, channels)`."""
        last = self.data_format == "channels_last"
        spatial = input_shape[1:-1] if last else input_shape[2:]
        if None in spatial:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the spatial sizes must be known, since the state has them; "
                f"received inputs of shape {tuple(input_shape)} at each step."
            )
        channels = self._input_channels(input_shape)
        self.input_spec = None
        self._check_fit(input_shape)
        self._output_spatial = tuple(map(self._output_size, spatial, range(self.rank)))
        kernels = {"kernel": ("kernel", channels), "recurrent_kernel": ("recurrent", self.filters)}
        self.kernel, self.recurrent_kernel = (
            self.add_weight(
                (*self.kernel_size, size, 4 * self.filters), **arguments.weight_options(self, kind), name=name
            )
            for name, (kind, size) in kernels.items()
        )
        self.bias = None
        if self.use_bias:
            options = arguments.weight_options(self, "bias") | {"initializer": self._bias_initializer()}
            self.bias = self.add_weight((4 * self.filters,), **options, name="bias")

    def _output_size(self, size: int, axis: int) -> int:
        window = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        return -(-(size if self.padding == "same" else size - window + 1) // self.strides[axis])

    def _state_shape(self, batch_size: int | None) -> tuple[int | None, ...]:
        if self.data_format == "channels_last":
            return (batch_size, *self._output_spatial, self.filters)
        return (batch_size, self.filters, *self._output_spatial)

    def get_initial_state(self, batch_size: int | None = None) -> list[jax.Array]:
        """Return states of zeros for a batch; the cell must be built."""
        return [jnp.zeros(self._state_shape(batch_size), self.compute_dtype) for _ in range(2)]

    def project(self, inputs: jax.Array, noise: Noise) -> jax.Array:
        """Return the contribution of inputs of shape `(batch, ...)` or `(time, batch, ...)` to all gates."""
        kernel = self.kernel.value
        if noise.inputs is None:
            projected = self._convolve(inputs, kernel)
        else:
            parts = jnp.split(kernel, 4, axis=-1)
            gates = [self._convolve(inputs * mask, part) for mask, part in zip(noise.inputs, parts, strict=True)]
            projected = jnp.concatenate(gates, axis=_channel_axis(self.data_format, self.rank))
        if self.bias is None:
            return projected
        last = self.data_format == "channels_last"
        return projected + (self.bias.value if last else self.bias.value.reshape((-1,) + (1,) * self.rank))

    def _convolve(self, inputs: jax.Array, kernel: jax.Array) -> jax.Array:
        """Return the convolution of inputs with any number of axes before that of the batch."""
        own = self.rank + 1
        outputs = ops.conv(inputs.reshape((-1, *inputs.shape[-own:])), kernel, **self._window_options())
        return outputs.reshape((*inputs.shape[:-own], *outputs.shape[1:]))

    def step_options(self) -> tuple:
        """Return the activations, the layout and the number of spatial axes."""
        return (self.activation, self.recurrent_activation, self.data_format, self.rank)

    @staticmethod
    def step(options: tuple, weights: dict, projected: jax.Array, states: Sequence[jax.Array], noise: Any) -> tuple:
        """Return the output and the new states of one time step."""
        activation, gate, layout, rank = options
        hidden, carry = states
        kernel, axis = weights["kernel"], _channel_axis(layout, rank)

        def recur(state: jax.Array, kernel: jax.Array) -> jax.Array:
            return ops.conv(state, kernel, strides=1, padding="same", data_format=layout)

        if noise is None:
            recurrent = recur(hidden, kernel)
        else:
            parts = jnp.split(kernel, 4, axis=-1)
            recurrent = jnp.concatenate([recur(hidden * m, part) for m, part in zip(noise, parts, strict=True)], axis)
        i, f, g, o = jnp.split(projected + recurrent, 4, axis=axis)
        carry = gate(f) * carry + gate(i) * activation(g)
        output = gate(o) * activation(carry)
        return output, [output, carry]

    def get_config(self) -> dict:
        """Return the arguments that make the same cell again."""
        config = super().get_config()
        del config["units"]
        return config


def _channel_axis(data_format: str, rank: int) -> int:
    """Return the axis of the channels, counted from the last."""
    return -1 if data_format == "channels_last" else -1 - rank


class ConvLSTM1DCell(ConvLSTMCell, rank=1):
    """The cell of `ConvLSTM1D`."""


class ConvLSTM2DCell(ConvLSTMCell, rank=2):
    """The cell of `ConvLSTM2D`."""


class ConvLSTM3DCell(ConvLSTMCell, rank=3):
    """The cell of `ConvLSTM3D`."""


class _ConvLSTM(CellRNN):
    """Convolutional long short-term memory; the public classes say over how many axes."""

    _cell_class: ClassVar[type[ConvLSTMCell]]
    _cell_attributes = (
        "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "activation",
        "recurrent_activation", "use_bias", "kernel_initializer", "recurrent_initializer", "bias_initializer",
        "unit_forget_bias", "kernel_regularizer", "recurrent_regularizer", "bias_regularizer", "kernel_constraint",
        "recurrent_constraint", "bias_constraint", "dropout", "recurrent_dropout",
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = self._cell_class(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="conv_lstm_cell",
        )
        super().__init__(
            cell,
            activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=cell.rank + 3)

    def build(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> None:
        """Make the weights for sequences of shape `(batch, time, *spatial, channels)`."""
        super(CellRNN, self).build(sequences_shape, initial_state_shape)
        self.input_spec = InputSpec(shape=(None, None, *sequences_shape[2:]))


class ConvLSTM1D(_ConvLSTM):
    """A long short-term memory over sequences of signals; its products with kernels are convolutions over one axis.

    Args:
        filters: number of output channels.
        kernel_size: length of the window.
        strides: step of the window over the inputs.
        padding: `"valid"` (none) or `"same"` (outputs of length `ceil(steps / strides)`), for the inputs.
        data_format: `"channels_last"` for inputs `(batch, time, steps, channels)`, `"channels_first"` for
            `(batch, time, channels, steps)`; None for the default.
        dilation_rate: distance between the elements of the window over the inputs; with strides only 1.
        activation: activation function or its name.
        recurrent_activation: activation function of the gates, or its name.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel `(*kernel_size, channels, 4 * filters)`.
        recurrent_initializer: initializer of the recurrent kernel `(*kernel_size, filters, 4 * filters)`.
        bias_initializer: initializer of the bias.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: projection of the kernel after each update.
        recurrent_constraint: projection of the recurrent kernel after each update.
        bias_constraint: projection of the bias after each update.
        dropout: fraction of the inputs to drop in training.
        recurrent_dropout: fraction of the state to drop in training.
        seed: seed of the dropout.
        return_sequences: return the outputs of all steps, not only the last.
        return_state: return the last states (hidden and carry) after the output.
        go_backwards: start at the last step; outputs come in the order of computation.
        stateful: start each batch with the last states of the batch before.
        **kwargs: `name`, `dtype`, `unroll`, `zero_output_for_mask`, ... of `RNN`.

    Call arguments as in `RNN`. The spatial sizes must be known.

    Source: Shi et al., 2015, https://arxiv.org/abs/1506.04214, without the connections from the carry to the gates.

    Raises:
        ValueError: for arguments out of range, and at the first call for inputs smaller than the window.

    Example:
        >>> ConvLSTM1D(4, 3)(np.ones((2, 5, 8, 3))).shape
        (2, 6, 4)
    """

    _cell_class = ConvLSTM1DCell


class ConvLSTM2D(_ConvLSTM):
    """A long short-term memory over sequences of images; its products with kernels are convolutions over two axes.

    The arguments are those of `ConvLSTM1D`, with one integer or two for `kernel_size`, `strides` and `dilation_rate`.

    Example:
        >>> ConvLSTM2D(4, 3, padding="same", return_sequences=True)(np.ones((2, 5, 8, 6, 3))).shape
        (2, 5, 8, 6, 4)
    """

    _cell_class = ConvLSTM2DCell


class ConvLSTM3D(_ConvLSTM):
    """A long short-term memory over sequences of volumes; its products with kernels are convolutions over three axes.

    The arguments are those of `ConvLSTM1D`, with one integer or three for `kernel_size`, `strides` and `dilation_rate`.

    Example:
        >>> ConvLSTM3D(4, 2)(np.ones((1, 2, 4, 4, 4, 3))).shape
        (1, 3, 3, 3, 4)
    """

    _cell_class = ConvLSTM3DCell
