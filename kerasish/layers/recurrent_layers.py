"""The recurrent layers with a cell of their own: SimpleRNN, LSTM, GRU."""

import operator
from typing import Any

from kerasish import regularizers
from kerasish.layers.recurrent import RNN
from kerasish.layers.recurrent_cells import GRUCell, LSTMCell, RecurrentCell, SimpleRNNCell
from kerasish.layers.spec import InputSpec


class CellRNN(RNN):
    """Base of the recurrent layers that make their cell themselves and pass its attributes on.

    Args:
        cell: the cell.
        activity_regularizer: penalty on the outputs.
        **kwargs: arguments of `RNN`.
    """

    _cell_class: type[RecurrentCell]
    _cell_attributes: tuple[str, ...] = ()
    _cell_config_only: tuple[str, ...] = ("seed",)  # in the config, but no attribute of the layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in cls._cell_attributes:
            if name not in cls.__dict__:
                setattr(cls, name, property(operator.attrgetter(f"cell.{name}"), doc=f"`{name}` of the cell."))

    def __init__(self, cell: RecurrentCell, activity_regularizer: Any, **kwargs: Any) -> None:
        super().__init__(cell, activity_regularizer=activity_regularizer, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def build(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> None:
        """Make the weights for sequences of shape `(batch, time, features)`."""
        if sequences_shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the number of features must be known, received shape "
                f"{sequences_shape}."
            )
        super().build(sequences_shape, initial_state_shape)
        self.input_spec = InputSpec(ndim=3, axes={-1: sequences_shape[-1]})

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        config = super().get_config()
        del config["cell"]
        of_cell = self.cell.get_config()
        config |= {name: of_cell[name] for name in (*self._cell_attributes, *self._cell_config_only)}
        return config | {"activity_regularizer": regularizers.serialize(self.activity_regularizer)}


_ATTRIBUTES = (
    "units", "activation", "use_bias", "kernel_initializer", "recurrent_initializer", "bias_initializer",
    "kernel_regularizer", "recurrent_regularizer", "bias_regularizer", "kernel_constraint", "recurrent_constraint",
    "bias_constraint", "dropout", "recurrent_dropout",
)  # fmt: skip


class SimpleRNN(CellRNN):
    """A fully connected recurrent layer; the equation is that of `SimpleRNNCell`.

    Args:
        units: size of the outputs.
        activation: activation function or its name.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel.
        recurrent_initializer: initializer of the recurrent kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: projection of the kernel after each update.
        recurrent_constraint: projection of the recurrent kernel after each update.
        bias_constraint: projection of the bias after each update.
        dropout: fraction of the inputs to drop in training.
        recurrent_dropout: fraction of the state to drop in training.
        return_sequences: return the outputs of all steps, not only the last.
        return_state: return the last state after the output.
        go_backwards: start at the last step; outputs come in the order of computation.
        stateful: start each batch with the last states of the batch before.
        unroll: write the steps out instead of a loop: slower to compile, sometimes faster to run.
        seed: seed of the dropout.
        **kwargs: `name`, `dtype`, `zero_output_for_mask`, ... of `RNN`.

    Call arguments as in `RNN`. Input shape: `(batch, time, features)`.

    Raises:
        ValueError: if `units` is no positive integer.

    Example:
        >>> SimpleRNN(4, return_sequences=True)(np.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    _cell_class = SimpleRNNCell
    _cell_attributes = _ATTRIBUTES
    _cell_config_only = ()

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
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
            name="simple_rnn_cell",
        )
        super().__init__(
            cell,
            activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )


class LSTM(CellRNN):
    """A long short-term memory; the equations are those of `LSTMCell`.

    Args:
        units: size of the outputs.
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
        unroll: write the steps out instead of a loop: slower to compile, sometimes faster to run.
        use_cudnn: accepted for compatibility; the layer is the same loop on every device.
        **kwargs: `name`, `dtype`, `zero_output_for_mask`, ... of `RNN`, and `implementation`: 1 draws a dropout
            mask for each gate.

    Call arguments as in `RNN`. Input shape: `(batch, time, features)`.

    Raises:
        ValueError: if `units` is no positive integer.

    Example:
        >>> output, hidden, carry = LSTM(4, return_state=True)(np.ones((2, 5, 3)))
        >>> output.shape
        (2, 4)
    """

    _cell_class = LSTMCell
    _cell_attributes = (*_ATTRIBUTES, "recurrent_activation", "unit_forget_bias")

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
        unroll: bool = False,
        use_cudnn: str | bool = "auto",
        **kwargs: Any,
    ) -> None:
        cell = LSTMCell(
            units,
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
            implementation=kwargs.pop("implementation", 2),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="lstm_cell",
        )
        super().__init__(
            cell,
            activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"LSTM: `use_cudnn` must be 'auto', True or False, received {use_cudnn!r}.")
        self.use_cudnn = use_cudnn


class GRU(CellRNN):
    """A gated recurrent unit; the equations are those of `GRUCell`.

    Args:
        units: size of the outputs.
        activation: activation function or its name.
        recurrent_activation: activation function of the gates, or its name.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel.
        recurrent_initializer: initializer of the recurrent kernel.
        bias_initializer: initializer of the bias.
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
        return_state: return the last state after the output.
        go_backwards: start at the last step; outputs come in the order of computation.
        stateful: start each batch with the last states of the batch before.
        unroll: write the steps out instead of a loop: slower to compile, sometimes faster to run.
        reset_after: whether the reset gate acts after the product with the recurrent kernel.
        use_cudnn: accepted for compatibility; the layer is the same loop on every device.
        **kwargs: `name`, `dtype`, `zero_output_for_mask`, ... of `RNN`, and `implementation`: 1 draws a dropout
            mask for each gate.

    Call arguments as in `RNN`. Input shape: `(batch, time, features)`.

    Raises:
        ValueError: if `units` is no positive integer.

    Example:
        >>> GRU(4)(np.ones((2, 5, 3))).shape
        (2, 4)
    """

    _cell_class = GRUCell
    _cell_attributes = (*_ATTRIBUTES, "recurrent_activation", "reset_after")

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
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: str | bool = "auto",
        **kwargs: Any,
    ) -> None:
        cell = GRUCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            reset_after=reset_after,
            implementation=kwargs.pop("implementation", 2),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="gru_cell",
        )
        super().__init__(
            cell,
            activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"GRU: `use_cudnn` must be 'auto', True or False, received {use_cudnn!r}.")
        self.use_cudnn = use_cudnn
