"""EinsumDense: a dense layer whose product is an einsum equation."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kerasish import activations
from kerasish.initializers import VarianceScaling
from kerasish.layers import arguments
from kerasish.layers.lora import LowRankAdaptable
from kerasish.layers.spec import InputSpec

Shape = Sequence[int | None]

# [X],[Y]->[Z], ...[X],[Y]->...[Z] or [X]...,[Y]->[Z]...
_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


class EinsumDense(LowRankAdaptable):
    """A dense layer whose product is an einsum equation: `activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: such as `"abc,cd->abd"`; three dots stand for any axes to the left, or to the right, of inputs and
            outputs.
        output_shape: shape of the output without the batch axis and without the axes under the dots; None for sizes
            that follow from the inputs. An integer for a single axis.
        activation: activation function or its name; by default none.
        bias_axes: letters of the output that the bias has; by default no bias.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        lora_rank: rank of a trainable low-rank difference to a then frozen kernel; by default none.
        lora_alpha: the difference counts `lora_alpha / lora_rank` times; by default `lora_rank`.
        gptq_unpacked_column_size: must be None.
        quantization_config: must be None.
        **kwargs: `name`, `dtype`, `activity_regularizer`, ... of `Layer`.

    Raises:
        ValueError: if the equation is not of this form, or contradicts the shapes.

    Example:
        >>> EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")(np.ones((2, 32, 128))).shape
        (2, 32, 64)
    """

    def __init__(
        self,
        equation: str,
        output_shape: int | Shape,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        arguments.no_quantization(self, quantization_config)
        arguments.no_quantization(self, gptq_unpacked_column_size)
        self.equation = equation
        _parse(equation)
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        arguments.keep(
            self,
            activation=activation,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self._keep_lora(lora_rank, lora_alpha)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias for inputs of this shape."""
        shapes = _weight_shapes(self.equation, self.bias_axes, tuple(input_shape), self.partial_output_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        initializer = self.kernel_initializer
        if isinstance(initializer, VarianceScaling) and None in (initializer.input_axes, initializer.output_axes):
            config = initializer.get_config() | {"seed": initializer.seed}
            config |= {"input_axes": shapes.input_axes, "output_axes": shapes.output_axes}
            initializer = type(initializer).from_config(config)
        options = arguments.weight_options(self, "kernel") | {"initializer": initializer}
        self.kernel = self.add_weight(shapes.kernel, **options, name="kernel")
        self.bias = None
        if shapes.bias is not None:
            self.bias = self.add_weight(shapes.bias, **arguments.weight_options(self, "bias"), name="bias")
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: jax.Array, training: bool | None = None) -> jax.Array:
        """Return `activation(einsum(equation, inputs, kernel) + bias)`."""
        x = jnp.einsum(self.equation, inputs, self.kernel.value)
        if self.bias is not None:
            x = x + self.bias.value
        activation = self.activation
        if activation is not None and activation is not activations.linear:
            x = activation(x)
        return x

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = (
            "equation", "activation", "bias_axes", "kernel_initializer", "bias_initializer", "kernel_regularizer",
            "bias_regularizer", "activity_regularizer", "kernel_constraint", "bias_constraint",
        )  # fmt: skip
        config = super().get_config() | {"output_shape": self.partial_output_shape} | arguments.kept(self, *names)
        return config | {"quantization_config": None} | self._lora_config()


class _Equation(NamedTuple):
    inputs: str
    kernel: str
    output: str
    dots: str  # "left", "right" or ""


def _parse(equation: str) -> _Equation:
    """Return the parts of an equation.

    Raises:
        ValueError: if it is not of a supported form.
    """
    match = _EQUATION.fullmatch(equation.replace(" ", "")) if isinstance(equation, str) else None
    if match is not None:
        left, inputs, right, kernel, out_left, output, out_right = match.groups()
        if left == out_left and right == out_right and not (left and right):
            return _Equation(inputs, kernel, output, "left" if left else "right" if right else "")
    raise ValueError(
        f"EinsumDense: invalid `equation` {equation!r}; expected the form 'ab,bc->ac', '...b,bc->...c' or "
        "'ab...,bc->ac...'."
    )


class _WeightShapes(NamedTuple):
    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None
    input_axes: list[int]  # axes of the kernel that are summed over
    output_axes: list[int]


def _weight_shapes(equation: str, bias_axes: str | None, input_shape: Shape, output_shape: Shape) -> _WeightShapes:
    """Return the shapes of kernel and bias.

    Raises:
        ValueError: if shapes and equation contradict each other or leave a size of a weight unknown.
    """
    parts = _parse(equation)
    elided = len(input_shape) - len(parts.inputs)
    if elided < 0 or (elided and not parts.dots):
        raise ValueError(
            f"EinsumDense: equation {equation!r} expects inputs of {len(parts.inputs)} axes, "
            f"received input_shape={input_shape}."
        )
    in_shape = input_shape[elided:] if parts.dots == "left" else input_shape
    sizes_in = dict(zip(parts.inputs, in_shape, strict=False))
    # The batch axis is not part of `output_shape`; dots on the left stand for it.
    out_shape = tuple(output_shape) if parts.dots == "left" and elided else (input_shape[0], *output_shape)
    if len(out_shape) != len(parts.output):
        raise ValueError(
            f"EinsumDense: `output_shape` {tuple(output_shape)} does not fit the output {parts.output!r} of equation "
            f"{equation!r} on inputs of shape {input_shape}; leave out the batch axis and the axes under the dots."
        )
    sizes_out = dict(zip(parts.output, out_shape, strict=True))
    for letter, size in sizes_out.items():
        if letter not in parts.inputs and letter not in parts.kernel:
            raise ValueError(f"EinsumDense: output axis {letter!r} of {equation!r} is in neither inputs nor kernel.")
        if letter in sizes_in and size is not None and sizes_in[letter] != size:
            raise ValueError(
                f"EinsumDense: axis {letter!r} of {equation!r} has size {sizes_in[letter]} in the inputs "
                f"{input_shape}, but {size} in `output_shape` {tuple(output_shape)}."
            )

    def size_of(letter: str) -> int:
        size = sizes_out.get(letter)
        size = sizes_in.get(letter) if size is None else size
        if size is None:
            raise ValueError(
                f"EinsumDense: the size of axis {letter!r} of equation {equation!r} is unknown; it must follow from "
                f"the inputs {input_shape} or from `output_shape` {tuple(output_shape)}."
            )
        return size

    bias = None
    if bias_axes is not None:
        unknown = [letter for letter in bias_axes if letter not in parts.output]
        if unknown or not bias_axes:
            raise ValueError(f"EinsumDense: `bias_axes` {bias_axes!r} must be letters of the output {parts.output!r}.")
        first = min(parts.output.find(letter) for letter in bias_axes)
        bias = tuple(size_of(letter) if letter in bias_axes else 1 for letter in parts.output[first:])
        bias += (1,) * (elided if parts.dots == "right" else 0)
    return _WeightShapes(
        kernel=tuple(size_of(letter) for letter in parts.kernel),
        bias=bias,
        input_axes=[index for index, letter in enumerate(parts.kernel) if letter not in sizes_out],
        output_axes=[index for index, letter in enumerate(parts.kernel) if letter in sizes_out],
    )
