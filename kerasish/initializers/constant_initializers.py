"""Initializers without randomness: constants, identity matrices and Fourier kernels."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import registry
from kerasish.core.dtypes import standardize_dtype
from kerasish.core.variable import standardize_shape
from kerasish.core.windows import check_window
from kerasish.core.windows import window as window_values
from kerasish.initializers.initializer import Initializer


class Constant(Initializer):
    """Fills with one value.

    Args:
        value: number, or array that broadcasts to the shape asked for.
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        values = np.asarray(self.value).astype(_numpy_dtype(dtype))
        return jax.device_put(np.broadcast_to(values, standardize_shape(shape)))

    def get_config(self) -> dict:
        return {"value": registry.serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict) -> "Constant":
        return cls(registry.deserialize_keras_object(config["value"]))


class Zeros(Initializer):
    """Fills with zeros."""

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        return jax.device_put(np.zeros(standardize_shape(shape), _numpy_dtype(dtype)))


class Ones(Initializer):
    """Fills with ones."""

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        return jax.device_put(np.ones(standardize_shape(shape), _numpy_dtype(dtype)))


class Identity(Initializer):
    """Makes the identity matrix, times `gain`.

    Args:
        gain: factor.

    Raises:
        ValueError: when called for anything but a matrix.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        shape = standardize_shape(shape)
        if len(shape) != 2:
            raise ValueError(f"Identity can only make matrices. Received: shape={shape} of rank {len(shape)}.")
        return jax.device_put((np.eye(*shape) * self.gain).astype(_numpy_dtype(dtype)))

    def get_config(self) -> dict:
        return {"gain": self.gain}


class STFT(Initializer):
    """Makes the kernel of a 1-D convolution that computes a short-time Fourier transform.

    The shape asked for is `(frame_length, 1, fft_length // 2 + 1)`; the values are the real or imaginary parts of
    `exp(-2πi t f / fft_length)`, times the window, divided by its norm.

    Args:
        side: `"real"` or `"imag"`.
        window: name of a window function, such as `"hann"`, or its values, or None.
        scaling: norm the window is divided by: `"density"` (root of the sum of squares), `"spectrum"` (sum of
            absolute values) or None.
        periodic: whether the window is the periodic or the symmetric form.

    Raises:
        ValueError: for an unknown side, window or scaling.
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"Argument `side` must be 'real' or 'imag'. Received: side={side!r}.")
        if isinstance(window, str):
            check_window(window)
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                f"Argument `scaling` must be 'density', 'spectrum' or None. Received: scaling={scaling!r}."
            )
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> jax.Array:
        shape = standardize_shape(shape)
        if len(shape) != 3:
            raise ValueError(f"STFT needs a shape (frame_length, 1, frequencies). Received: shape={shape}.")
        frame_length, _, frequencies = shape
        time = np.arange(frame_length).reshape(-1, 1, 1)
        angle = -2 * np.pi * time * np.arange(frequencies) / (2 * (frequencies - 1))
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            kernel = kernel * self._scaled_window(frame_length).reshape(-1, 1, 1)
        return jax.device_put(kernel.astype(_numpy_dtype(dtype)))

    def _scaled_window(self, frame_length: int) -> np.ndarray:
        if isinstance(self.window, str):
            values = window_values(self.window, frame_length, self.periodic)
        else:
            values = np.asarray(self.window, np.float64)
        if values.shape != (frame_length,):
            raise ValueError(
                f"STFT: `window` must have as many values as the frame. Received: window of shape {values.shape}, "
                f"frame_length={frame_length}."
            )
        if self.scaling == "density":
            return values / np.sqrt(np.sum(values**2))
        if self.scaling == "spectrum":
            return values / np.sum(np.abs(values))
        return values

    def get_config(self) -> dict:
        return {"side": self.side, "window": self.window, "periodic": self.periodic, "scaling": self.scaling}


def _numpy_dtype(dtype: Any) -> np.dtype:
    """Return the dtype for host arrays; half and quarter precision come from JAX's extension types."""
    return jnp.dtype(standardize_dtype(dtype))


constant, identity, ones, stft, zeros = Constant, Identity, Ones, STFT, Zeros
IdentityInitializer, STFTInitializer = Identity, STFT
