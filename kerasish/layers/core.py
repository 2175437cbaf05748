"""Dense, Embedding, and the small layers that compute nothing of their own: Identity, Lambda, Masking."""

import functools
from typing import Any

import jax

from kerasish import activations
from kerasish.layers import arguments
from kerasish.layers.lora import LowRankAdaptable
from kerasish.layers.spec import InputSpec


@functools.partial(jax.jit, inline=True)
def _affine(inputs: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    # Compiled as one: an eager call of the layer is then one dispatch.
    return inputs @ kernel + bias


class Dense(LowRankAdaptable):
    """A densely connected layer: `activation(inputs @ kernel + bias)` along the last axis.

    Args:
        units: size of the output's last axis.
        activation: activation function or its name; by default none.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, of shape `(last axis of the inputs, units)`.
        bias_initializer: initializer of the bias, of shape `(units,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        lora_rank: rank of a trainable low-rank difference to a then frozen kernel; by default none.
        lora_alpha: the difference counts `lora_alpha / lora_rank` times; by default `lora_rank`.
        quantization_config: must be None.
        **kwargs: `name`, `dtype`, `trainable`, ... of `Layer`.

    Input shape: `(batch, ..., features)`. Output shape: `(batch, ..., units)`.

    Raises:
        ValueError: if `units` is no positive integer.

    Example:
        >>> Dense(3, activation="relu")(np.ones((2, 4))).shape
        (2, 3)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        self.units = arguments.positive_integer(self, "units", units)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        arguments.no_quantization(self, quantization_config)
        self.use_bias = use_bias
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
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the kernel and the bias for inputs of this shape."""
        features = input_shape[-1]
        if features is None:
            raise ValueError(
                f"Dense {self.name!r}: the last axis of the inputs must have a known size, received shape {input_shape}."
            )
        self.kernel = self.add_weight(
            (features, self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: jax.Array, training: bool | None = None) -> jax.Array:
        """Return `activation(inputs @ kernel + bias)`."""
        bias = self.bias
        x = inputs @ self.kernel.value if bias is None else _affine(inputs, self.kernel.value, bias.value)
        activation = self.activation
        if activation is not None and activation is not activations.linear:
            x = activation(x)
        return x

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = (
            "units", "activation", "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer",
            "bias_regularizer", "kernel_constraint", "bias_constraint",
        )  # fmt: skip
        config = super().get_config() | arguments.kept(self, *names)
        return config | {"quantization_config": None} | self._lora_config()
