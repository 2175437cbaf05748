"""Normalization layers: over the batch, over features, over groups of them, to unit length, and of weights."""

import warnings
from typing import Any

import jax.numpy as jnp
from jax import lax

from kerasish import initializers, ops
from kerasish.core import config
from kerasish.core.dtypes import result_type
from kerasish.layers import arguments
from kerasish.layers.layer import Layer, ShapePreserving
from kerasish.layers.spec import InputSpec
from kerasish.layers.wrapper import Wrapper


class _Normalization(ShapePreserving):
    """What normalizations with a learned scale `gamma` and offset `beta` share."""

    def _keep_affine(self, center: bool, scale: bool, epsilon: float, **options: Any) -> None:
        self.epsilon = arguments.number(self, "epsilon", epsilon, minimum=0)
        self.center = center
        self.scale = scale
        arguments.keep(self, **options)
        self.supports_masking = True

    def _add_affine(self, shape: tuple[int, ...], scale: bool, center: bool) -> None:
        self.gamma = self.beta = None
        if scale:
            options = arguments.weight_options(self, "gamma")
            self.gamma = self.add_weight(name="gamma", shape=shape, autocast=False, **options)
        if center:
            options = arguments.weight_options(self, "beta")
            self.beta = self.add_weight(name="beta", shape=shape, autocast=False, **options)

    def _affine_config(self) -> dict:
        kinds = ("initializer", "regularizer", "constraint")
        return arguments.kept(self, *(f"{name}_{kind}" for kind in kinds for name in ("beta", "gamma")))


def _known_size(layer: Layer, axis: int, input_shape: Any) -> int:
    """Return the size of an axis, or raise a ValueError that names layer, axis and shape."""
    rank = len(input_shape)
    if not -rank <= axis < rank or input_shape[axis] is None:
        problem = "has an unknown size" if -rank <= axis < rank else "does not exist"
        raise ValueError(
            f"{type(layer).__name__} {layer.name!r}: axis {axis} (argument `axis`) {problem} in inputs of shape "
            f"{tuple(input_shape)}."
        )
    return input_shape[axis]


class BatchNormalization(_Normalization):
    """Normalize each feature to mean 0 and variance 1 over the batch, then scale and shift it.

    In training (`training=True` and the layer is trainable) with the statistics of the batch, whose moving averages
    `moving = moving * momentum + batch * (1 - momentum)` are kept; else with these. A layer with `trainable=False`
    always uses its moving averages. With a mask, only the steps that count enter the statistics.

    Source: Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167; batch renormalization: Ioffe, 2017,
    https://arxiv.org/abs/1702.03275.

    Args:
        axis: axis of the features.
        momentum: of the moving averages.
        epsilon: added to the variance.
        center: whether to add a learned `beta`.
        scale: whether to multiply by a learned `gamma`.
        beta_initializer: initializer of `beta`.
        gamma_initializer: initializer of `gamma`.
        moving_mean_initializer: initializer of the moving mean.
        moving_variance_initializer: initializer of the moving variance.
        beta_regularizer: penalty on `beta`.
        gamma_regularizer: penalty on `gamma`.
        beta_constraint: projection of `beta` after updates.
        gamma_constraint: projection of `gamma` after updates.
        renorm: correct the batch statistics towards the moving ones in training too.
        renorm_clipping: dict with limits `"rmax"`, `"rmin"`, `"dmax"` of the correction.
        renorm_momentum: of the statistics used for it.
        synchronized: accepted; under `jit` the statistics of arrays sharded over devices are those of the whole batch.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range, and when called with a mask that does not fit.

    Example:
        >>> BatchNormalization()(np.array([[1.0], [3.0]]), training=True).round(2)
        Array([[-1.], [ 1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, (list, tuple)):
            raise TypeError(f"BatchNormalization: `axis` must be one integer, received axis={axis!r}.")
        self.axis = int(arguments.axes(self, axis))
        self.momentum = float(arguments.number(self, "momentum", momentum))
        self._keep_affine(
            center,
            scale,
            epsilon,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )
        self.synchronized = synchronized
        self.renorm = renorm
        self.renorm_clipping = self._checked_clipping(renorm_clipping or {}) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum

    def _checked_clipping(self, clipping: dict) -> dict:
        if set(clipping) - {"rmax", "rmin", "dmax"}:
            raise arguments.complaint(self, "renorm_clipping", clipping, "a dict with keys among rmax, rmin, dmax")
        rmax, rmin, dmax = (clipping.get(key) for key in ("rmax", "rmin", "dmax"))
        if (rmax is not None and rmin is not None and rmax < rmin) or (dmax is not None and dmax < 0):
            raise arguments.complaint(self, "renorm_clipping", clipping, "such that rmin <= rmax and dmax >= 0")
        return clipping

    def build(self, input_shape: Any) -> None:
        size = _known_size(self, self.axis, input_shape)

        def add_statistic(name: str, initializer: Any) -> Any:
            return self.add_weight((size,), initializer, name=name, trainable=False, autocast=False)

        def deviation(shape: Any, dtype: Any = None) -> Any:
            return jnp.sqrt(jnp.asarray(self.moving_variance_initializer(shape, dtype=dtype)))

        self._add_affine((size,), self.scale, self.center)
        self.moving_mean = add_statistic("moving_mean", self.moving_mean_initializer)
        self.moving_variance = add_statistic("moving_variance", self.moving_variance_initializer)
        if self.renorm:
            self.moving_stddev = add_statistic("moving_stddev", deviation)
            self.renorm_mean = add_statistic("renorm_mean", self.moving_mean_initializer)
            self.renorm_stddev = add_statistic("renorm_stddev", deviation)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if mask is not None and mask.ndim != inputs.ndim - 1:
            raise ValueError(
                f"BatchNormalization {self.name!r}: the mask must have one axis less than the inputs, received shapes "
                f"{mask.shape} and {inputs.shape}."
            )
        # Half precision would overflow in the sums.
        dtype = result_type(inputs.dtype, "float32")
        inputs = inputs.astype(dtype)
        gamma = None if self.gamma is None else self.gamma.value.astype(dtype)
        beta = None if self.beta is None else self.beta.value.astype(dtype)
        if training and self.trainable:
            mean, variance = self._moments(inputs, mask)
            if self.renorm:
                gamma, beta = self._renormalized(mean, variance, gamma, beta)
            else:
                self._move(self.moving_mean, mean, self.momentum)
                self._move(self.moving_variance, variance, self.momentum)
        else:
            mean, variance = (x.value.astype(dtype) for x in (self.moving_mean, self.moving_variance))
        outputs = ops.batch_normalization(inputs, mean, variance, self.axis, beta, gamma, self.epsilon)
        return outputs.astype(self.compute_dtype)

    def _moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        axes = [axis for axis in range(inputs.ndim) if axis != self.axis % inputs.ndim]
        if mask is None:
            return ops.moments(inputs, axes)
        mask = jnp.broadcast_to(jnp.asarray(mask, bool)[..., None], inputs.shape)
        count = jnp.sum(mask.astype(inputs.dtype), axes, keepdims=True) + config.epsilon()
        mean = jnp.sum(jnp.where(mask, inputs, 0), axes, keepdims=True) / count
        variance = jnp.sum(jnp.square(jnp.where(mask, inputs - mean, 0)), axes, keepdims=True) / count
        return mean.reshape(-1), variance.reshape(-1)

    def _move(self, average: Any, value: Any, momentum: float) -> Any:
        return average.assign(average.value.astype(value.dtype) * momentum + value * (1.0 - momentum))

    def _renormalized(self, mean: Any, variance: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
        """Return scale and offset that correct the batch towards the moving statistics, and move these."""
        deviation = jnp.sqrt(variance + self.epsilon)
        renorm_mean = self.renorm_mean.value.astype(mean.dtype)
        renorm_deviation = jnp.maximum(self.renorm_stddev.value.astype(mean.dtype), self.epsilon**0.5)
        limits = self.renorm_clipping
        r = jnp.clip(deviation / renorm_deviation, limits.get("rmin"), limits.get("rmax"))
        d = (mean - renorm_mean) / renorm_deviation
        if limits.get("dmax") is not None:
            d = jnp.clip(d, -limits["dmax"], limits["dmax"])
        r, d = lax.stop_gradient(r), lax.stop_gradient(d)
        self._move(self.renorm_mean, mean, self.renorm_momentum)
        self._move(self.renorm_stddev, deviation, self.renorm_momentum)
        self._move(self.moving_mean, mean, self.momentum)
        moved = self._move(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(jnp.maximum(moved * moved - self.epsilon, 0))
        if gamma is not None:
            r, d = r * gamma, d * gamma
        return r, d if beta is None else d + beta

    def get_config(self) -> dict:
        names = ("axis", "momentum", "epsilon", "center", "scale", "moving_mean_initializer",
                 "moving_variance_initializer", "synchronized", "renorm", "renorm_clipping",
                 "renorm_momentum")  # fmt: skip
        return super().get_config() | self._affine_config() | arguments.kept(self, *names)


class LayerNormalization(_Normalization):
    """Normalize each sample to mean 0 and variance 1 over an axis or several, then scale and shift it.

    Source: Ba et al., 2016, https://arxiv.org/abs/1607.06450.

    Args:
        axis: integer or several.
        epsilon: added to the variance.
        center: whether to add a learned `beta`.
        scale: whether to multiply by a learned `gamma`.
        beta_initializer: initializer of `beta`, of the shape of the normalized axes.
        gamma_initializer: initializer of `gamma`.
        beta_regularizer: penalty on `beta`.
        gamma_regularizer: penalty on `gamma`.
        beta_constraint: projection of `beta` after updates.
        gamma_constraint: projection of `gamma` after updates.
        **kwargs: arguments of `Layer`; `rms_scaling=True` (deprecated) divides by the standard deviation without
            subtracting the mean or adding `beta`: use `RMSNormalization` for the root mean square.

    Raises:
        TypeError: if `axis` is neither an integer nor a list of integers.
        ValueError: at the first call, if such an axis does not exist or has an unknown size.

    Example:
        >>> LayerNormalization()(np.array([[0.0, 10.0]])).round(2)
        Array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        rms_scaling = kwargs.pop("rms_scaling", False)
        super().__init__(**kwargs)
        if rms_scaling:
            warnings.warn(
                "LayerNormalization: rms_scaling=True is deprecated and divides by the standard deviation; for the "
                "root mean square use RMSNormalization.",
                stacklevel=2,
            )
        self.rms_scaling = rms_scaling
        self.axis = arguments.axes(self, axis)
        self._keep_affine(
            center,
            scale,
            epsilon,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = tuple(_known_size(self, axis, input_shape) for axis in self.axis)
        self._add_affine(shape, self.scale or self.rms_scaling, self.center and not self.rms_scaling)

    def call(self, inputs: Any) -> Any:
        gamma, beta = (None if weight is None else weight.value for weight in (self.gamma, self.beta))
        if not self.rms_scaling:
            outputs = ops.layer_normalization(inputs, gamma, beta, self.axis, self.epsilon)
            return outputs.astype(self.compute_dtype)
        x = inputs.astype(result_type(inputs.dtype, "float32"))
        axes = {axis % x.ndim for axis in self.axis}
        factor = lax.rsqrt(jnp.var(x, tuple(axes), keepdims=True) + self.epsilon)
        gamma = gamma.reshape([size if axis in axes else 1 for axis, size in enumerate(x.shape)]).astype(x.dtype)
        return (x * factor * gamma).astype(inputs.dtype).astype(self.compute_dtype)

    def get_config(self) -> dict:
        names = ("axis", "epsilon", "center", "scale", "rms_scaling")
        return super().get_config() | arguments.kept(self, *names) | self._affine_config()


class GroupNormalization(_Normalization):
    """Normalize each sample to mean 0 and variance 1 over groups of channels, then scale and shift each channel.

    Source: Wu and He, 2018, https://arxiv.org/abs/1803.08494.

    Args:
        groups: number of groups the channels are split into; -1 for one group per channel (instance normalization).
        axis: axis of the channels.
        epsilon: added to the variance.
        center: whether to add a learned `beta`.
        scale: whether to multiply by a learned `gamma`.
        beta_initializer: initializer of `beta`, `(channels,)`.
        gamma_initializer: initializer of `gamma`, `(channels,)`.
        beta_regularizer: penalty on `beta`.
        gamma_regularizer: penalty on `gamma`.
        beta_constraint: projection of `beta` after updates.
        gamma_constraint: projection of `gamma` after updates.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range, and at the first call if the channels are no multiple of `groups`.

    Example:
        >>> GroupNormalization(groups=2)(np.array([[0.0, 2.0, 10.0, 12.0]])).round(1)
        Array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = -1 if groups == -1 else arguments.positive_integer(self, "groups", groups)
        self.axis = arguments.axes(self, axis)
        self._keep_affine(
            center,
            scale,
            epsilon,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        channels = _known_size(self, self.axis, input_shape)
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            raise ValueError(
                f"GroupNormalization {self.name!r}: the number of channels must be a multiple of `groups`, received "
                f"groups={self.groups} and inputs of shape {tuple(input_shape)} with {channels} channels."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_affine((channels,), self.scale, self.center)

    def call(self, inputs: Any) -> Any:
        axis = self.axis % inputs.ndim
        channels = (self.groups, inputs.shape[axis] // self.groups)
        x = inputs.reshape(*inputs.shape[:axis], *channels, *inputs.shape[axis + 1 :])
        # Half precision would overflow in the sums.
        x = x.astype(result_type(x.dtype, "float32"))
        mean, variance = ops.moments(x, [i for i in range(1, x.ndim) if i != axis], keepdims=True)
        shape = (1,) * axis + channels + (1,) * (inputs.ndim - axis - 1)
        factor = lax.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            factor = factor * self.gamma.value.reshape(shape).astype(x.dtype)
        shift = -mean * factor
        if self.beta is not None:
            shift = shift + self.beta.value.reshape(shape).astype(x.dtype)
        outputs = (x * factor + shift).astype(inputs.dtype)
        return outputs.reshape(inputs.shape).astype(self.compute_dtype)

    def get_config(self) -> dict:
        names = ("groups", "axis", "epsilon", "center", "scale")
        return super().get_config() | arguments.kept(self, *names) | self._affine_config()


class RMSNormalization(Layer):
    """Divide by the root mean square over an axis or several, then multiply by a learned scale.

    Source: Zhang and Sennrich, 2019, https://arxiv.org/abs/1910.07467.

    Args:
        axis: integer or several.
        epsilon: added to the mean square.
        **kwargs: arguments of `Layer`.

    Raises:
        TypeError: if `axis` is neither an integer nor a list of integers.
        ValueError: at the first call, if such an axis does not exist or has an unknown size.

    Example:
        >>> RMSNormalization()(np.array([[3.0, 4.0]]))
        Array([[0.8485281, 1.1313708]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = arguments.axes(self, axis)
        self.epsilon = arguments.number(self, "epsilon", epsilon, minimum=0)

    def build(self, input_shape: Any) -> None:
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = tuple(_known_size(self, axis, input_shape) for axis in self.axis)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, x: Any) -> Any:
        return ops.rms_normalization(x, self.scale, self.axis, self.epsilon)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "axis", "epsilon")


class UnitNormalization(Layer):
    """Divide by the Euclidean norm over an axis or several.

    Args:
        axis: integer or several.
        **kwargs: arguments of `Layer`.

    Raises:
        TypeError: if `axis` is neither an integer nor a list of integers.

    Example:
        >>> UnitNormalization()(np.array([[3.0, 4.0]]))
        Array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = arguments.axes(self, axis)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "axis")


class SpectralNormalization(Wrapper):
    """Divide the kernel (or the embeddings) of another layer by its largest singular value in training.

    The singular value is found by power iteration from a vector that is kept from call to call.

    Source: Miyato et al., 2018, https://arxiv.org/abs/1802.05957.

    Args:
        layer: the layer.
        power_iterations: number of iterations in each training call.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for a number of iterations that is not positive, and at the first call if the layer has neither
            `kernel` nor `embeddings`.

    Example:
        >>> SpectralNormalization(Conv2D(2, 2))(np.ones((1, 10, 10, 1)), training=True).shape
        (1, 9, 9, 2)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = arguments.positive_integer(self, "power_iterations", power_iterations)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        name = next((name for name in ("kernel", "embeddings") if hasattr(self.layer, name)), None)
        if name is None:
            raise ValueError(
                f"SpectralNormalization {self.name!r}: the wrapped layer must have a weight `kernel` or `embeddings`, "
                f"received {self.layer!r}."
            )
        self.kernel = getattr(self.layer, name)
        self.vector_u = self.add_weight(
            shape=(1, self.kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
            dtype=self.kernel.dtype,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self._normalize_weights()
        return self.layer(inputs).astype(inputs.dtype)

    def _normalize_weights(self) -> None:
        kernel, vector_u = self.kernel.value, self.vector_u.value
        weights, u = kernel.reshape(-1, kernel.shape[-1]), vector_u
        for _ in range(self.power_iterations):
            v = ops.normalize(u @ weights.T, axis=None)
            u = ops.normalize(v @ weights, axis=None)
        u, v = lax.stop_gradient(u), lax.stop_gradient(v)
        # A kernel of zeros has no direction and stays as it is.
        zero = jnp.all(kernel == 0)
        sigma = jnp.where(zero, 1, v @ weights @ u.T)
        self.vector_u.assign(jnp.where(zero, vector_u, u))
        self.kernel.assign(kernel / sigma.reshape(()))

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "power_iterations")
