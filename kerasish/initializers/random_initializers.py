"""Random initializers: an integer seed gives the values of Keras on JAX, no seed values that follow the path."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import host_random, registry
from kerasish.core.dtypes import standardize_dtype
from kerasish.core.random import SeedGenerator, draw_seed, make_default_seed, variable_key
from kerasish.core.variable import creating_path, standardize_shape
from kerasish.initializers.initializer import Initializer

# The standard deviation of a standard normal distribution cut at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """Base of random initializers.

    Args:
        seed: an integer (the same values at each call), a `SeedGenerator` (new values at each call), or None: each
            weight has its own values, which follow from the global seed and the weight's path, and direct calls of
            one instance return equal values.
    """

    def __init__(self, seed: int | SeedGenerator | dict | None = None) -> None:
        self._init_seed = seed
        if isinstance(seed, dict):
            seed = registry.deserialize_keras_object(seed)
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer, SeedGenerator))):
            raise ValueError(
                f"Argument `seed` must be an integer, a `SeedGenerator` or None. Received: seed={seed!r} "
                f"(of type {type(seed).__name__})."
            )
        self._seed = seed

    @property
    def seed(self) -> int | SeedGenerator:
        """The seed of direct calls."""
        if self._seed is None:
            self._seed = make_default_seed()
        return self._seed

    def _key(self) -> np.ndarray:
        path = creating_path()
        if self._init_seed is None and path is not None:
            return variable_key(path)
        return np.asarray(draw_seed(self.seed))

    def get_config(self) -> dict:
        return {"seed": registry.serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Draws from a normal distribution.

    Args:
        mean: mean of the distribution.
        stddev: its standard deviation.
        seed: integer, `SeedGenerator` or None.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        return _draw(host_random.normal, self._key(), shape, dtype, mean=self.mean, stddev=self.stddev)

    def get_config(self) -> dict:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Draws from a normal distribution cut at two standard deviations from the mean.

    Args:
        mean: mean of the distribution.
        stddev: its standard deviation before cutting.
        seed: integer, `SeedGenerator` or None.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        return _draw(host_random.truncated_normal, self._key(), shape, dtype, mean=self.mean, stddev=self.stddev)

    def get_config(self) -> dict:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Draws from the uniform distribution over `[minval, maxval)`.

    Args:
        minval: lower bound.
        maxval: upper bound.
        seed: integer, `SeedGenerator` or None.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        return _draw(host_random.uniform, self._key(), shape, dtype, minval=self.minval, maxval=self.maxval)

    def get_config(self) -> dict:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(RandomInitializer):
    """Draws values whose variance is `scale / n`, with n the number of a unit's inputs or outputs.

    Args:
        scale: positive factor.
        mode: what n is: `"fan_in"` (inputs), `"fan_out"` (outputs) or `"fan_avg"` (their mean).
        distribution: `"truncated_normal"` (or `"normal"`, the same), `"untruncated_normal"` or `"uniform"`.
        seed: integer, `SeedGenerator` or None.
        input_axes: axes of the weight that count as inputs. By default the last axis is the outputs, the one before
            it the inputs, and those further in front are a receptive field that multiplies both.
        output_axes: axes that count as outputs; used together with `input_axes`.

    Raises:
        ValueError: if `scale` is not positive, or `mode` or `distribution` is unknown.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive. Received: scale={scale!r}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Argument `mode` must be 'fan_in', 'fan_out' or 'fan_avg'. Received: mode={mode!r}.")
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                "Argument `distribution` must be 'uniform', 'truncated_normal' or 'untruncated_normal'. "
                f"Received: distribution={distribution!r}."
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        fan_in, fan_out = compute_fans(standardize_shape(shape), self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        key = self._key()
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return _draw(host_random.uniform, key, shape, dtype, minval=-limit, maxval=limit)
        if self.distribution == "untruncated_normal":
            return _draw(host_random.normal, key, shape, dtype, stddev=math.sqrt(variance))
        return _draw(host_random.truncated_normal, key, shape, dtype, stddev=math.sqrt(variance) / _TRUNCATED_STDDEV)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Scheme(VarianceScaling):
    """A named choice of scale, mode and distribution."""

    _choice: tuple[float, str, str]

    def __init__(
        self, seed: Any = None, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
    ) -> None:
        super().__init__(*self._choice, seed, input_axes, output_axes)

    def get_config(self) -> dict:
        config = super().get_config()
        return {name: config[name] for name in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Scheme):
    """Draws uniformly from ±sqrt(6 / (inputs + outputs)).

    Source: Glorot and Bengio, 2010, "Understanding the difficulty of training deep feedforward neural networks".

    Args:
        seed: integer, `SeedGenerator` or None.
        input_axes: as for `VarianceScaling`.
        output_axes: as for `VarianceScaling`.
    """

    _choice = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scheme):
    """Draws from a truncated normal distribution of variance 2 / (inputs + outputs); arguments of `GlorotUniform`."""

    _choice = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Scheme):
    """Draws from a truncated normal distribution of variance 1 / inputs; arguments of `GlorotUniform`.

    Source: Klambauer et al., 2017, "Self-normalizing neural networks".
    """

    _choice = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Scheme):
    """Draws uniformly from ±sqrt(3 / inputs); arguments of `GlorotUniform`."""

    _choice = (1.0, "fan_in", "uniform")


class HeNormal(_Scheme):
    """Draws from a truncated normal distribution of variance 2 / inputs; arguments of `GlorotUniform`.

    Source: He et al., 2015, "Delving deep into rectifiers".
    """

    _choice = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Scheme):
    """Draws uniformly from ±sqrt(6 / inputs); arguments of `GlorotUniform`."""

    _choice = (2.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """Makes a random orthogonal matrix, times `gain`.

    A weight with more than two axes is made as the matrix of all axes but the last by the last. The matrix has
    orthonormal columns, or orthonormal rows where it has fewer rows than columns. It comes from the QR decomposition
    of normal values. Source: Saxe et al., 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks".

    Args:
        gain: factor.
        seed: integer, `SeedGenerator` or None.

    Raises:
        ValueError: when called for a shape of fewer than two axes.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        shape = standardize_shape(shape)
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape of two axes or more. Received: shape={shape}.")
        dtype = standardize_dtype(dtype)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        flat = (max(rows, columns), min(rows, columns))
        q, r = np.linalg.qr(host_random.normal(self._key(), flat, dtype).astype(np.float64))
        q = q * np.sign(np.diag(r))  # without this the distribution over orthogonal matrices is not uniform
        q = q.T if rows < columns else q
        return jax.device_put((self.gain * q.reshape(shape)).astype(jnp.dtype(dtype)))

    def get_config(self) -> dict:
        return {**super().get_config(), "gain": self.gain}


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return how many inputs and outputs a unit of a weight of this shape has.

    Args:
        shape: shape of the weight.
        input_axes: axes that count as inputs.
        output_axes: axes that count as outputs; without both, the last two axes do, times a receptive field.
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        fan = shape[0] if shape else 1
        return fan, fan
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def _draw(function: Any, key: np.ndarray, shape: Sequence[int], dtype: Any, **arguments: float) -> jax.Array:
    # device_put compiles nothing; jnp.asarray compiles a program for each new shape of a NumPy array (JAX 0.10)
    return jax.device_put(function(key, standardize_shape(shape), standardize_dtype(dtype), **arguments))


glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling = LecunNormal, LecunUniform, VarianceScaling
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
orthogonal = OrthogonalInitializer = Orthogonal
