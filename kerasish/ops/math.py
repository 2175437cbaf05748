"""Segments, Fourier transforms and special functions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasish.core.symbolic import op, unknown_size
from kerasish.ops._tensors import Array, Axis, TensorLike, as_axis, tensor

# Short functions stand close together.
# fmt: off

def _segment(reduce: Any, data: Any, segment_ids: Any, num_segments: int | None, is_sorted: bool) -> Array:
    data, segment_ids = tensor(data), tensor(segment_ids)
    if segment_ids.ndim != 1 or data.shape[:1] != segment_ids.shape:
        raise ValueError(
            "Segment reduction: `segment_ids` must be a vector with one number for each row of `data`, received shapes "
            f"{segment_ids.shape} and {data.shape}."
        )
    num_segments = unknown_size() if num_segments is None else num_segments
    if num_segments is None:
        num_segments = int(segment_ids.max()) + 1  # an error under `jit`, where the shape must be known
    return reduce(data, segment_ids, num_segments, indices_are_sorted=is_sorted)

@op(tensors=("data", "segment_ids"))
def segment_sum(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Return the sum of the rows of `data` with each number in `segment_ids`.

    Args:
        data: tensor of shape `(rows, ...)`.
        segment_ids: integers of shape `(rows,)`; rows with numbers out of range are left out.
        num_segments: the number of results; None: the largest number plus 1 (not under `jit`).
        sorted: promises that `segment_ids` are in ascending order, which is faster.
    """
    return _segment(jax.ops.segment_sum, data, segment_ids, num_segments, sorted)

@op(tensors=("data", "segment_ids"))
def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Return the largest of the rows of `data` with each number in `segment_ids`; see `segment_sum`."""
    return _segment(jax.ops.segment_max, data, segment_ids, num_segments, sorted)

@op(tensors=("data", "segment_ids"))
def segment_min(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Return the smallest of the rows of `data` with each number in `segment_ids`; see `segment_sum`."""
    return _segment(jax.ops.segment_min, data, segment_ids, num_segments, sorted)

@op(tensors=("data", "segment_ids"))
def segment_prod(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Return the product of the rows of `data` with each number in `segment_ids`; see `segment_sum`."""
    return _segment(jax.ops.segment_prod, data, segment_ids, num_segments, sorted)

@op(tensors=("x",))
def top_k(x: TensorLike, k: int, sorted: bool = True) -> tuple[Array, Array]:
    """Return the `k` largest elements along the last axis, in descending order, and their indices."""
    return tuple(lax.top_k(tensor(x), k))

@op(tensors=("targets", "predictions"))
def in_top_k(targets: TensorLike, predictions: TensorLike, k: int) -> Array:
    """Return whether fewer than `k` predictions of each row exceed the one at the target index."""
    targets, predictions = tensor(targets), tensor(predictions)
    chosen = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    chosen = jnp.where(jnp.isnan(chosen), -jnp.inf, chosen)
    return jnp.sum(predictions > chosen, axis=-1) < k

@op
def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return `log(sum(exp(x)))` over `axis` without overflow."""
    return jax.nn.logsumexp(tensor(x), axis=as_axis(axis), keepdims=keepdims)

@op(keras_class="CDist")
def cdist(x: TensorLike, y: TensorLike) -> Array:
    """Return the Euclidean distances of all rows of `x` (..., n, d) to all rows of `y` (..., m, d)."""
    x, y = tensor(x), tensor(y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"cdist: `x` and `y` must have rank 2 at least and equal last sizes, received shapes {x.shape}, {y.shape}."
        )
    return jnp.sqrt(jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1))

@op(tensors=("x",))
def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Array:
    """Cut the last axis into sequences of `sequence_length` elements that start `sequence_stride` apart."""
    x = tensor(x)
    count = 1 + (x.shape[-1] - sequence_length) // sequence_stride
    return x[..., np.arange(count)[:, None] * sequence_stride + np.arange(sequence_length)]

def _complex(x: Any) -> Array:
    """Return a pair of real and imaginary parts as complex numbers."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"`x` must be a tuple of two tensors, the real and the imaginary part, received {x!r}.")
    real, imaginary = tensor(x[0]), tensor(x[1])
    if real.shape != imaginary.shape:
        raise ValueError(
            f"The real and imaginary parts must have the same shape, received {real.shape} and {imaginary.shape}."
        )
    if not jnp.issubdtype(real.dtype, jnp.floating) or not jnp.issubdtype(imaginary.dtype, jnp.floating):
        raise ValueError(
            f"The real and imaginary parts must be of floating types, received {real.dtype} and {imaginary.dtype}."
        )
    return lax.complex(real, imaginary)

def _parts(x: Array) -> tuple[Array, Array]:
    return jnp.real(x), jnp.imag(x)

@op(keras_class="FFT")
def fft(x: tuple[TensorLike, TensorLike]) -> tuple[Array, Array]:
    """Return the discrete Fourier transform along the last axis; complex numbers go as (real, imaginary)."""
    return _parts(jnp.fft.fft(_complex(x)))

@op(keras_class="FFT2")
def fft2(x: tuple[TensorLike, TensorLike]) -> tuple[Array, Array]:
    """Return the discrete Fourier transform over the last two axes; complex numbers go as (real, imaginary)."""
    return _parts(jnp.fft.fft2(_complex(x)))

@op(keras_class="IFFT2")
def ifft2(x: tuple[TensorLike, TensorLike]) -> tuple[Array, Array]:
    """Return the inverse of `fft2`."""
    return _parts(jnp.fft.ifft2(_complex(x)))

@op(keras_class="RFFT")
def rfft(x: TensorLike, fft_length: int | None = None) -> tuple[Array, Array]:
    """Return the non-negative frequencies of the transform of real numbers, cut or padded to `fft_length`."""
    return _parts(jnp.fft.rfft(tensor(x), n=fft_length))

@op(keras_class="IRFFT")
def irfft(x: tuple[TensorLike, TensorLike], fft_length: int | None = None) -> Array:
    """Return the inverse of `rfft`, of length `fft_length`."""
    return jnp.fft.irfft(_complex(x), n=fft_length)

def _padded_window(window: Any, sequence_length: int, sequence_stride: int, fft_length: int, dtype: Any) -> Array:
    """Return the window in the middle of `fft_length` elements."""
    if not isinstance(sequence_stride, int) or sequence_stride <= 0:
        raise ValueError(f"`sequence_stride` must be a positive integer, received {sequence_stride!r}.")
    if fft_length < sequence_length:
        raise ValueError(
            "`fft_length` must not be below `sequence_length`, received "
            f"sequence_length={sequence_length}, fft_length={fft_length}."
        )
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(f"`window` must be 'hann', 'hamming', a vector or None, received window={window!r}.")
        # Periodic windows, which overlap to a constant.
        offset = 0.5 if window == "hann" else 0.54
        window = offset - (1 - offset) * np.cos(2 * np.pi * np.arange(sequence_length) / sequence_length)
    window = tensor(window, str(dtype))
    if window.shape != (sequence_length,):
        raise ValueError(f"`window` must have shape ({sequence_length},), received shape {window.shape}.")
    before = (fft_length - sequence_length) // 2
    return jnp.pad(window, (before, fft_length - sequence_length - before))

@op(tensors=("x",), keras_class="STFT")
def stft(
    x: TensorLike, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann",
    center: bool = True,
) -> tuple[Array, Array]:
    """Return the short-time Fourier transform along the last axis.

    Args:
        x: float32 or float64 tensor of shape `(..., samples)`.
        sequence_length: length of the window.
        sequence_stride: step of the window.
        fft_length: length of the transform, at least `sequence_length`.
        window: `"hann"`, `"hamming"`, a vector of length `sequence_length`, or None for ones.
        center: pad both ends by reflection so that window `t` is centered on sample `t * sequence_stride`.

    Returns:
        Real and imaginary part, of shape `(..., windows, fft_length // 2 + 1)`.
    """
    x = tensor(x)
    if x.dtype not in ("float32", "float64"):
        raise TypeError(f"stft: `x` must be float32 or float64, received dtype {x.dtype}.")
    window = _padded_window(window, sequence_length, sequence_stride, fft_length, x.dtype)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return _parts(jnp.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * window))

@op(tensors=("x",), keras_class="ISTFT")
def istft(
    x: tuple[TensorLike, TensorLike], sequence_length: int, sequence_stride: int, fft_length: int,
    length: int | None = None, window: Any = "hann", center: bool = True,
) -> Array:
    """Return the inverse of `stft`: windowed frames are summed and divided by the sum of squared windows.

    Args:
        x: real and imaginary part, of shape `(..., windows, fft_length // 2 + 1)`.
        sequence_length: length of the window.
        sequence_stride: step of the window.
        fft_length: length of the transform.
        length: number of samples to return; by default all of them.
        window: as in `stft`; None sums the windows without dividing by their number.
        center: cut off the padding that `stft` added.
    """
    spectrum = _complex(x)
    if spectrum.ndim < 2:
        raise ValueError(f"istft: `x` must hold tensors of rank 2 at least, received shape {spectrum.shape}.")
    frames = jnp.fft.irfft(spectrum, n=fft_length)
    weights = _padded_window(window, sequence_length, sequence_stride, fft_length, frames.dtype)
    count = frames.shape[-2]
    places = np.arange(count)[:, None] * sequence_stride + np.arange(fft_length)
    samples = fft_length + sequence_stride * (count - 1)
    squares = jnp.zeros(samples, frames.dtype).at[places].add(weights**2)
    signal = jnp.zeros((*frames.shape[:-2], samples), frames.dtype).at[..., places].add(frames * weights)
    signal = signal / jnp.where(squares > 1e-10, squares, 1.0)
    signal = signal if window is not None else signal * (fft_length / sequence_stride)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else samples - start
    return signal[..., start:end]

@op
def rsqrt(x: TensorLike) -> Array:
    """Return `1 / sqrt(x)`."""
    return lax.rsqrt(tensor(x))

@op
def erf(x: TensorLike) -> Array:
    """Return the error function, `2 / sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `x`."""
    return lax.erf(tensor(x))

@op
def erfc(x: TensorLike) -> Array:
    """Return `1 - erf(x)`, exact for large `x`."""
    return jax.scipy.special.erfc(tensor(x))

@op
def erfinv(x: TensorLike) -> Array:
    """Return the inverse of `erf`."""
    return jax.scipy.special.erfinv(tensor(x))

@op
def logdet(x: TensorLike) -> Array:
    """Return the natural logarithm of the absolute value of the determinant of square matrices."""
    return jnp.linalg.slogdet(tensor(x))[1]

@op
def view_as_complex(x: TensorLike) -> Array:
    """Return complex numbers from real ones of shape `(..., 2)`: real and imaginary part."""
    x = tensor(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(f"view_as_complex: the last axis of `x` must have size 2, received shape {x.shape}.")
    return lax.complex(x[..., 0].astype("float32"), x[..., 1].astype("float32"))

@op
def view_as_real(x: TensorLike) -> Array:
    """Return real and imaginary part stacked on a new last axis of size 2."""
    x = tensor(x)
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)
