"""Dense, Embedding, and layers that compute little or nothing: Identity, Lambda, Masking."""

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kerasish import activations
from kerasish.core import registry, tree
from kerasish.core.symbolic import KerasTensor
from kerasish.layers import arguments
from kerasish.layers.layer import Layer
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
                f"Dense {self.name!r}: the last axis of the inputs must have a known size, "
                f"received input_shape={input_shape}."
            )
        shape = (features, self.units)
        self.kernel = self.add_weight(shape, **arguments.weight_options(self, "kernel"), name="kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight((self.units,), **arguments.weight_options(self, "bias"), name="bias")
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


class Embedding(LowRankAdaptable):
    """A table of vectors, looked up by integers.

    Args:
        input_dim: number of rows: the largest integer plus one.
        output_dim: size of a vector.
        embeddings_initializer: initializer of the table, of shape `(input_dim, output_dim)`.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: projection of the table after each update.
        mask_zero: whether 0 means padding that later layers skip.
        weights: initial table, or a list of just it.
        lora_rank: rank of a trainable low-rank difference to a then frozen table; by default none.
        lora_alpha: the difference counts `lora_alpha / lora_rank` times; by default `lora_rank`.
        quantization_config: must be None.
        **kwargs: `name`, `dtype`, `trainable`, ... of `Layer`.

    Input shape: `(batch, ...)`, integers. Output shape: `(batch, ..., output_dim)`; NaN for integers past the table.

    Raises:
        ValueError: if a size is no positive integer.

    Example:
        >>> Embedding(1000, 64)(np.array([[4, 20]])).shape
        (1, 2, 64)
    """

    _lora_weight = "embeddings"

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Embedding: `input_length` is deprecated and does nothing; remove it.", stacklevel=2)
        self.input_dim = arguments.positive_integer(self, "input_dim", input_dim)
        self.output_dim = arguments.positive_integer(self, "output_dim", output_dim)
        super().__init__(**kwargs)
        arguments.no_quantization(self, quantization_config)
        arguments.keep(
            self,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
        )
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False  # integers must reach the table as they are
        self._keep_lora(lora_rank, lora_alpha)
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        """Make the table."""
        if self.built:
            return
        options = arguments.weight_options(self, "embeddings")
        self.embeddings = self.add_weight((self.input_dim, self.output_dim), **options, name="embeddings")
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the rows of the table."""
        if not jnp.issubdtype(inputs.dtype, jnp.integer):
            inputs = inputs.astype("int32")
        return jnp.take(self.embeddings.value, inputs, axis=0).astype(self.compute_dtype)

    def compute_mask(self, inputs: jax.Array, mask: Any = None) -> jax.Array | None:
        """Return where the inputs are not 0, if that means padding."""
        return inputs != 0 if self.mask_zero else None

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        names = (
            "input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer", "activity_regularizer",
            "embeddings_constraint", "mask_zero",
        )  # fmt: skip
        config = super().get_config() | arguments.kept(self, *names)
        return config | {"quantization_config": None} | self._lora_config()


class Identity(Layer):
    """Returns its inputs.

    Args:
        **kwargs: `name`, `dtype`, ... of `Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs


class Masking(Layer):
    """Marks the time steps whose features all equal a value as padding, which later layers skip.

    Args:
        mask_value: the value that means padding.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Input shape: `(batch, time, ..., features)`. The output has the same shape, with zeros in masked steps.

    Example:
        >>> x = np.array([[[1.0, 2.0], [0.0, 0.0]]])
        >>> LSTM(3)(Masking()(x))  # sees one step
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = registry.deserialize_keras_object(mask_value) if isinstance(mask_value, dict) else mask_value
        self.supports_masking = True
        self.built = True

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs with masked steps set to zero."""
        return jnp.where(self._kept_steps(inputs)[..., None], inputs, 0)

    def compute_mask(self, inputs: jax.Array, mask: Any = None) -> jax.Array:
        """Return which steps hold another value."""
        return self._kept_steps(inputs)

    def _kept_steps(self, inputs: jax.Array) -> jax.Array:
        return jnp.any(inputs != self.mask_value, axis=-1)

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {"mask_value": self.mask_value}


class Lambda(Layer):
    """Wraps a function of tensors as a layer.

    Models with a Lambda of a named function can be saved where the function is registered; with a Python lambda they
    cannot be saved, as files never hold code. Prefer a subclass of `Layer`.

    Args:
        function: called with the inputs, and with `training` and `mask` if it has such parameters.
        output_shape: shape of one output sample, or a function from input shape to output shape; by default found by
            tracing `function`.
        mask: mask of the outputs, or a function `(inputs, mask) -> mask`.
        arguments: further keyword arguments of `function`.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Example:
        >>> Lambda(lambda x: x**2)(np.array([1.0, 2.0]))
    """

    def __init__(
        self,
        function: Callable,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda: `function` must be callable, received {function!r} ({type(function).__name__}).")
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        parameters = inspect.getfullargspec(function).args
        self._passes_mask, self._passes_training = "mask" in parameters, "training" in parameters

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Return what the function returns."""
        given = dict(self.arguments)
        if self._passes_mask:
            given["mask"] = mask
        if self._passes_training:
            given["training"] = training
        return self.function(inputs, **given)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs: of the shape given, else by tracing the function."""
        if self._output_shape is None:
            return Layer.compute_output_spec(self, *args, **kwargs)
        shape = self._given_shape(tree.map_structure(lambda x: x.shape, args[0]))
        return tree.map_shape_structure(lambda item: KerasTensor(item, self.compute_dtype), shape)

    def _given_shape(self, input_shape: Any) -> Any:
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch_size = tree.flatten(input_shape)[0]
        return tree.map_shape_structure(lambda shape: (batch_size, *shape), self._output_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask given to the constructor, or what it returns if it is a function."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again; a Python lambda stays itself and cannot be saved."""
        config = super().get_config() | {"function": _named(self.function)}
        if self._output_shape is not None:
            config["output_shape"] = _named(self._output_shape)
        if self.mask is not None:
            config["mask"] = _named(self.mask)
        return config | {"arguments": registry.serialize_keras_object(self.arguments)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> "Lambda":
        """Make a layer from what `get_config` returned; code from Keras's files is refused.

        Args:
            config: the config.
            custom_objects: name to function, for functions that are not registered.
            safe_mode: accepted for compatibility.
        """
        config = dict(config)
        for name in ("function", "output_shape", "mask", "arguments"):
            value = config.get(name)
            if value is not None and not callable(value):
                config[name] = registry.deserialize_keras_object(value, custom_objects)
        shape = config.get("output_shape")
        if isinstance(shape, list) and all(size is None or isinstance(size, int) for size in shape):
            config["output_shape"] = tuple(shape)
        return super().from_config(config)


def _named(value: Any) -> Any:
    """Return the config of a function or value; of a Python lambda, which has no name, itself."""
    if getattr(value, "__name__", None) == "<lambda>":
        return value
    return registry.serialize_keras_object(value)
