"""Layers that act in training only: dropout, noise, and penalties on activations."""

import math
import operator
from typing import Any

import jax

from kerasish import random, regularizers
from kerasish.core.random import draw_seed
from kerasish.layers import arguments
from kerasish.layers.layer import Layer, ShapePreserving
from kerasish.layers.spec import InputSpec

# Fixed point of SELU networks; source: Klambauer et al., 2017, https://arxiv.org/abs/1706.02515.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


class _Noise(ShapePreserving):
    """A layer with a random generator of its own, the identity outside training."""

    def _set_seed(self, seed: Any, active: bool) -> None:
        self.seed = seed
        if active:
            self.seed_generator = arguments.seed_generator(self, seed)
        self.supports_masking = True


class Dropout(_Noise):
    """Set a random fraction of the inputs to 0 in training and divide the others by `1 - rate`.

    Source: Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Args:
        rate: fraction to drop, between 0 and 1.
        noise_shape: shape of the random pattern, which is broadcast to the inputs; None stands for the inputs' size
            along that axis. `(None, 1, None)` drops the same features at all steps.
        seed: integer to start the layer's random generator from.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for a rate or a noise shape out of range.

    Example:
        >>> Dropout(0.5, seed=1)(np.ones((2, 4)), training=True)
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = arguments.fraction(self, "rate", rate)
        self.noise_shape = self._checked_noise_shape(noise_shape)
        self._set_seed(seed, rate > 0)

    def _checked_noise_shape(self, noise_shape: Any) -> tuple[int | None, ...] | None:
        if noise_shape is None:
            return None
        try:
            shape = tuple(None if size is None else operator.index(size) for size in noise_shape)
        except TypeError:
            shape = (0,)
        if any(size is not None and size <= 0 for size in shape):
            raise arguments.complaint(self, "noise_shape", noise_shape, "None or a tuple of positive integers and None")
        return shape

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self._noise_shape(inputs), self.seed_generator)

    def _noise_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        return self.noise_shape

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "rate", "seed", "noise_shape")


class SpatialDropout1D(Dropout):
    """Dropout of whole features: a feature is dropped at all steps or at none.

    Source: Tompson et al., 2014, https://arxiv.org/abs/1411.4280.

    Args:
        rate: fraction of features to drop, between 0 and 1.
        seed: integer to start the layer's random generator from.
        name: name of the layer.
        dtype: dtype or dtype policy.

    Inputs have shape `(batch, steps, features)`.
    """

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.input_spec = InputSpec(ndim=3)

    def _noise_shape(self, inputs: Any) -> tuple[int | None, ...]:
        return (None, 1, None)

    def get_config(self) -> dict:
        return {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype_policy.name}


class _SpatialDropout(Dropout):
    """Dropout of whole channels over several spatial axes."""

    rank: int

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _noise_shape(self, inputs: Any) -> tuple[int | None, ...]:
        ones = (1,) * self.rank
        return (None, *ones, None) if self.data_format == "channels_last" else (None, None, *ones)

    def get_config(self) -> dict:
        own = {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype_policy.name}
        return own | {"data_format": self.data_format}


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images: a channel is dropped everywhere or nowhere.

    Args:
        rate: fraction of channels to drop, between 0 and 1.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        seed: integer to start the layer's random generator from.
        name: name of the layer.
        dtype: dtype or dtype policy.
    """

    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes; arguments as in `SpatialDropout2D`."""

    rank = 3


class GaussianDropout(_Noise):
    """Multiply the inputs in training by normal numbers of mean 1 and variance `rate / (1 - rate)`.

    Args:
        rate: as in `Dropout`, less than 1.
        seed: integer to start the layer's random generator from.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for a rate out of range.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = arguments.fraction(self, "rate", rate)
        if rate == 1:
            raise arguments.complaint(self, "rate", rate, "less than 1, where the variance is infinite")
        self._set_seed(seed, rate > 0)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        deviation = math.sqrt(self.rate / (1.0 - self.rate))
        # The gradient needs the numbers again: XLA stores those of JAX's own generator, and would draw ours twice.
        noise = jax.random.normal(
            draw_seed(self.seed_generator), inputs.shape, jax.dtypes.canonicalize_dtype(self.compute_dtype)
        )
        return inputs * (noise * deviation + 1.0)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "rate", "seed")


class GaussianNoise(_Noise):
    """Add normal numbers of mean 0 to the inputs in training.

    Args:
        stddev: their standard deviation, between 0 and 1.
        seed: integer to start the layer's random generator from.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for a standard deviation out of range.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = arguments.fraction(self, "stddev", stddev)
        self._set_seed(seed, stddev > 0)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        return inputs + random.normal(inputs.shape, 0.0, self.stddev, self.compute_dtype, self.seed_generator)

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "stddev", "seed")


class AlphaDropout(_Noise):
    """Dropout for SELU networks: drops to the negative saturation value and keeps mean and variance.

    Source: Klambauer et al., 2017, https://arxiv.org/abs/1706.02515.

    Args:
        rate: fraction to drop, between 0 and 1.
        noise_shape: as in `Dropout`.
        seed: integer to start the layer's random generator from.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for a rate out of range.
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = arguments.fraction(self, "rate", rate)
        if rate == 1:
            raise arguments.complaint(self, "rate", rate, "less than 1, where nothing would be kept")
        self.noise_shape = noise_shape
        self._set_seed(seed, rate > 0)

    def call(self, inputs: Any, training: bool = False) -> Any:
        rate = self.rate
        if not training or rate == 0:
            return inputs
        shape = inputs.shape
        if self.noise_shape is not None:
            shape = tuple(full if size is None else size for size, full in zip(self.noise_shape, shape, strict=True))
        kept = (random.uniform(shape, seed=self.seed_generator) >= rate).astype(inputs.dtype)
        dropped_value = -_SELU_ALPHA * _SELU_SCALE
        scale = ((1 - rate) * (1 + rate * dropped_value**2)) ** -0.5
        return scale * (inputs * kept + dropped_value * (1 - kept)) - scale * dropped_value * rate

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, "rate", "seed", "noise_shape")


class ActivityRegularization(Layer):
    """Add `l1 * sum(|x|) + l2 * sum(x**2)` (divided by the batch size) to the loss; the outputs are the inputs.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.
        **kwargs: arguments of `Layer`.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict:
        config = super().get_config() | {"l1": self.l1, "l2": self.l2}
        config.pop("activity_regularizer", None)
        return config
