"""Random numbers drawn on the host in NumPy that equal those of `jax.random`, so that initial values need no compiler.

The generator is Threefry-2x32 with 20 rounds (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3") in
JAX's partitionable form: the bits of element `i` are the hash of the 64-bit counter `i`, so a value depends on the key
and its flat index alone. Work goes through buffers that fit the processor's cache, in a few threads where arrays are
large (NumPy releases the interpreter lock).

Bits, integers and uniform values are bit-identical to JAX's on CPU; normal values, which go through a logarithm,
agree within a few units in the last place.
"""

import functools
import math
import os
import threading
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

_CHUNK = 1 << 16
_THREAD_SIZE = 1 << 20
_MAX_WORKERS = 4
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_MASK = 0xFFFFFFFF

# Inverse error function in single precision: M. Giles, "Approximating the erfinv function" (2012), the form XLA uses.
_CENTRE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
           -0.00417768164, 0.246640727, 1.50140941)  # fmt: skip
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
         1.00167406, 2.83297682)  # fmt: skip
_CENTRE_32 = tuple(np.float32(c) for c in _CENTRE)
_TAIL_32 = tuple(np.float32(c) for c in _TAIL)
_SQRT2 = math.sqrt(2.0)
_ERF_SQRT2 = math.erf(_SQRT2)  # the probability that a normal value lies within two standard deviations

# finish(high bits, low bits, output): turns one chunk of hash pairs into values; the bit buffers are scratch space.
_Finish = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


def key_from_seed(seed: int) -> np.ndarray:
    """Return the raw key, uint32 of shape (2,), of `jax.random.key(seed)`; outside 64-bit mode only 32 bits count."""
    high = (int(seed) >> 32) & _MASK if jax.config.jax_enable_x64 else 0
    return np.array([high, int(seed) & _MASK], np.uint32)


def split(key: np.ndarray, num: int = 2) -> np.ndarray:
    """Return `num` new keys, uint32 of shape `(num, 2)`, as `jax.random.split` does."""
    keys = np.empty((num, 2), np.uint32)

    def finish(high: np.ndarray, low: np.ndarray, out: np.ndarray) -> None:
        out[:, 0], out[:, 1] = high, low

    _generate(key, keys, num, finish)
    return keys


def random_bits(key: np.ndarray, shape: Sequence[int], bit_width: int = 32) -> np.ndarray:
    """Return uniformly random unsigned integers of 8, 16, 32 or 64 bits, as `jax.random.bits` does."""
    out = np.empty(math.prod(shape), f"uint{bit_width}")

    def finish(high: np.ndarray, low: np.ndarray, out: np.ndarray) -> None:
        if bit_width == 64:
            np.left_shift(high, np.uint64(32), out=out, dtype=np.uint64)
            np.bitwise_or(out, low, out=out)
        else:
            np.bitwise_xor(high, low, out=low)
            out[...] = low  # the low bits, as JAX's conversion keeps them

    _generate(key, out, out.size, finish)
    return out.reshape(shape)


def uniform(
    key: np.ndarray, shape: Sequence[int], dtype: str = "float32", minval: float = 0.0, maxval: float = 1.0
) -> np.ndarray:
    """Return values uniform in `[minval, maxval)`, as `jax.random.uniform` does.

    Args:
        key: raw key, uint32 of shape (2,).
        shape: shape of the result.
        dtype: `"float32"`, `"float16"`, `"bfloat16"` or `"float64"` (float32 unless JAX is in 64-bit mode).
        minval: lower bound.
        maxval: upper bound, itself excluded (up to rounding).
    """
    dtype = _drawn_dtype(dtype)
    if dtype == "float32":
        finish = functools.partial(_finish_uniform_32, minval=np.float32(minval), maxval=np.float32(maxval))
    else:
        finish = _any_dtype(dtype, lambda unit: _interval(unit, minval, maxval))
    return _draw(key, shape, dtype, finish)


def normal(
    key: np.ndarray, shape: Sequence[int], dtype: str = "float32", mean: float = 0.0, stddev: float = 1.0
) -> np.ndarray:
    """Return normal values: `mean + stddev * jax.random.normal(key, shape, dtype)`.

    Args: as for `uniform`, with the mean and standard deviation of the distribution.
    """
    dtype = _drawn_dtype(dtype)
    if dtype == "float32":
        finish = functools.partial(_finish_normal_32, half_width=None, mean=mean, stddev=stddev)
    else:

        def transform(unit: np.ndarray) -> np.ndarray:
            lowest = np.nextafter(unit.dtype.type(-1), unit.dtype.type(0))
            return _affine(_normal_quantile(_interval(unit, lowest, 1.0)), mean, stddev)

        finish = _any_dtype(dtype, transform)
    return _draw(key, shape, dtype, finish)


def truncated_normal(
    key: np.ndarray, shape: Sequence[int], dtype: str = "float32", mean: float = 0.0, stddev: float = 1.0
) -> np.ndarray:
    """Return normal values cut at two standard deviations: `jax.random.truncated_normal(key, -2, 2, ...)`, scaled.

    Args: as for `uniform`, with the mean and standard deviation of the distribution before cutting.
    """
    dtype = _drawn_dtype(dtype)
    if dtype == "float32":
        finish = functools.partial(_finish_normal_32, half_width=np.float32(_ERF_SQRT2), mean=mean, stddev=stddev)
    else:

        def transform(unit: np.ndarray) -> np.ndarray:
            kind = unit.dtype.type
            root = float(kind(2) / kind(_SQRT2))
            bound = math.erf(root)
            inside = np.nextafter(kind(2), kind(0))
            # not np.clip, which makes float32 of bfloat16
            values = np.maximum(-inside, np.minimum(inside, _normal_quantile(_interval(unit, -bound, bound))))
            return _affine(values, mean, stddev)

        finish = _any_dtype(dtype, transform)
    return _draw(key, shape, dtype, finish)


def randint(key: np.ndarray, shape: Sequence[int], minval: int, maxval: int, dtype: str = "int32") -> np.ndarray:
    """Return integers uniform in `[minval, maxval)`, as `jax.random.randint` does.

    Args:
        key: raw key, uint32 of shape (2,).
        shape: shape of the result.
        minval: lower bound.
        maxval: upper bound, itself excluded; bounds beyond the dtype's range are clipped to it.
        dtype: integer type of the result.
    """
    target = np.dtype(dtype)
    drawn = np.dtype("int32") if target.itemsize < 4 else target
    if drawn.itemsize == 8 and not jax.config.jax_enable_x64:
        drawn = target = np.dtype(f"{'u' if target.kind == 'u' else ''}int32")
    limits = np.iinfo(target)
    low = min(max(int(minval), limits.min), limits.max)
    high = min(max(int(maxval), limits.min), limits.max + 1)
    bits = drawn.itemsize * 8
    span = high - low if high > low else 1
    upper, lower = (random_bits(subkey, shape, bits) for subkey in split(key))
    if span < 2**bits:
        divisor = upper.dtype.type(span)
        multiplier = upper.dtype.type((2 ** (bits // 2) % span) ** 2 % 2**bits % span)
        lower = ((upper % divisor) * multiplier + lower % divisor) % divisor
    return (lower + lower.dtype.type(low % 2**bits)).astype(drawn).astype(target)


# ---- the generator


def _draw(key: np.ndarray, shape: Sequence[int], dtype: str, finish: _Finish) -> np.ndarray:
    out = _aligned_empty(math.prod(shape), jnp.dtype(dtype))
    _generate(key, out, out.size, finish)
    return out.reshape(shape)


def _aligned_empty(size: int, dtype: np.dtype) -> np.ndarray:
    """Return an uninitialised array that starts at a multiple of 64 bytes: JAX takes such memory without copying it."""
    buffer = np.empty(size * dtype.itemsize + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + size * dtype.itemsize].view(dtype)


def _generate(key: np.ndarray, out: np.ndarray, size: int, finish: _Finish) -> None:
    """Fill `out` along its first axis, the elements of index i from the hash of counter i."""
    first, second = (int(word) for word in np.asarray(key))
    chunks = -(-size // _CHUNK)
    workers = min(os.cpu_count() or 1, _MAX_WORKERS) if size >= _THREAD_SIZE else 1
    bounds = [chunks * worker // workers * _CHUNK for worker in range(workers)] + [size]
    failures: list[BaseException] = []

    def work(start: int, stop: int) -> None:
        try:
            _generate_range(first, second, out, start, stop, finish)
        except BaseException as error:  # re-raised in the calling thread below
            failures.append(error)

    threads = [threading.Thread(target=work, args=bounds[i : i + 2]) for i in range(1, workers)]
    for thread in threads:
        thread.start()
    work(bounds[0], bounds[1])
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _generate_range(first: int, second: int, out: np.ndarray, start: int, stop: int, finish: _Finish) -> None:
    buffer = min(_CHUNK, stop - start)
    counters = np.arange(buffer, dtype=np.uint32)
    high, low, scratch = (np.empty(buffer, np.uint32) for _ in range(3))
    for position in range(start, stop, _CHUNK):
        length = min(_CHUNK, stop - position)
        views = counters[:length], high[:length], low[:length], scratch[:length]
        _threefry(first, second, position, *views)
        finish(views[1], views[2], out[position : position + length])


def _threefry(
    first: int, second: int, start: int, counters: np.ndarray, high: np.ndarray, low: np.ndarray, scratch: np.ndarray
) -> None:
    """Write the hashes of the counters `start + counters` into `high` and `low`; `start` is a multiple of the chunk."""
    keys = (first, second, first ^ second ^ _PARITY)
    high.fill((first + (start >> 32)) & _MASK)
    np.add(counters, np.uint32((second + start) & _MASK), out=low)
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            np.add(high, low, out=high)
            np.left_shift(low, np.uint32(rotation), out=scratch)
            np.right_shift(low, np.uint32(32 - rotation), out=low)
            np.bitwise_or(low, scratch, out=low)
            np.bitwise_xor(low, high, out=low)
        np.add(high, np.uint32(keys[(group + 1) % 3]), out=high)
        np.add(low, np.uint32((keys[(group + 2) % 3] + group + 1) & _MASK), out=low)


# ---- single precision: everything in place in the chunk's own buffers


def _symmetric_unit(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Return `2 u - 1` for the uniform u of each hash, exactly: 23 bits as mantissa of a number in [2, 4), minus 3."""
    np.bitwise_xor(high, low, out=low)
    np.right_shift(low, np.uint32(9), out=low)
    np.bitwise_or(low, np.uint32(0x40000000), out=low)
    unit = low.view(np.float32)
    return np.subtract(unit, np.float32(3), out=unit)


def _finish_uniform_32(
    high: np.ndarray, low: np.ndarray, out: np.ndarray, *, minval: np.float32, maxval: np.float32
) -> None:
    # XLA computes u * span + minval with one rounding (a fused multiply-add). For bounds -a, a that is one product.
    if minval == -maxval:
        np.multiply(_symmetric_unit(high, low), maxval, out=out)
        return
    np.bitwise_xor(high, low, out=low)
    np.right_shift(low, np.uint32(9), out=low)
    np.bitwise_or(low, np.uint32(0x3F800000), out=low)
    unit = low.view(np.float32)
    np.subtract(unit, np.float32(1), out=unit)
    span = maxval - minval
    if minval == 0:
        np.multiply(unit, span, out=out)
    else:
        out[...] = np.multiply(unit, span, dtype=np.float64) + np.float64(minval)
        np.maximum(out, minval, out=out)


def _finish_normal_32(
    high: np.ndarray, low: np.ndarray, out: np.ndarray, *, half_width: np.float32 | None, mean: float, stddev: float
) -> None:
    """Turn hashes into normal values; with `half_width` only quantiles within it, two standard deviations wide."""
    unit = _symmetric_unit(high, low)
    if half_width is None:
        np.add(unit, np.float32(2**-24), out=unit)  # into the open interval (-1, 1), as JAX shifts it
    else:
        np.multiply(unit, half_width, out=unit)
    w = high.view(np.float32)
    np.multiply(unit, unit, out=w)
    np.subtract(np.float32(1), w, out=w)
    np.log(w, out=w)
    # |unit| <= half_width keeps w below 5, where the central polynomial ends
    tail = np.flatnonzero(w <= np.float32(-5)) if half_width is None else ()
    roots = np.sqrt(-w[tail]) - np.float32(3) if len(tail) else None
    np.subtract(np.float32(-2.5), w, out=w)
    np.multiply(w, _CENTRE_32[0], out=out)
    for coefficient in _CENTRE_32[1:-1]:
        np.add(out, coefficient, out=out)
        np.multiply(out, w, out=out)
    np.add(out, _CENTRE_32[-1], out=out)
    if roots is not None:
        out[tail] = _horner(_TAIL_32, roots)
    np.multiply(out, unit, out=out)
    np.multiply(out, np.float32(_SQRT2), out=out)
    if half_width is not None:
        inside = np.nextafter(np.float32(2), np.float32(0))
        np.clip(out, -inside, inside, out=out)
    if stddev != 1.0:
        np.multiply(out, np.float32(stddev), out=out)
    if mean != 0.0:
        np.add(out, np.float32(mean), out=out)


# ---- other precisions


def _drawn_dtype(dtype: str) -> str:
    if dtype == "float64" and not jax.config.jax_enable_x64:
        return "float32"
    if dtype not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(
            "Random values can be drawn in dtype 'float16', 'bfloat16', 'float32' or 'float64'; "
            f"received dtype={dtype!r}. Draw in one of these and cast."
        )
    return dtype


def _any_dtype(dtype: str, transform: Callable[[np.ndarray], np.ndarray]) -> _Finish:
    """Return the finish that applies `transform` to uniform values in [0, 1) of float64 or a 16-bit type."""
    if dtype == "float64":

        def finish(high: np.ndarray, low: np.ndarray, out: np.ndarray) -> None:
            mantissas = (high.astype(np.uint64) << np.uint64(20)) | (low >> np.uint32(12))
            unit = (mantissas | np.uint64(0x3FF0000000000000)).view(np.float64) - 1.0
            out[...] = transform(unit)

        return finish
    # A 16-bit type has at most 1,024 uniform values: transform each once, then look them up. JAX draws 16 random bits
    # for float16 but 8 for bfloat16.
    random, mantissa = (16, 10) if dtype == "float16" else (8, 7)
    units = np.arange(2**mantissa, dtype=np.float32) / np.float32(2**mantissa)
    table = transform(units.astype(jnp.dtype(dtype)))

    def look_up(high: np.ndarray, low: np.ndarray, out: np.ndarray) -> None:
        np.bitwise_xor(high, low, out=low)
        np.bitwise_and(low, np.uint32(2**random - 1), out=low)
        np.right_shift(low, np.uint32(random - mantissa), out=low)
        np.take(table, low, out=out)

    return look_up


def _interval(unit: np.ndarray, minval: float, maxval: float) -> np.ndarray:
    kind = unit.dtype.type
    low, high = kind(minval), kind(maxval)
    return np.maximum(low, unit * kind(high - low) + low)


def _affine(values: np.ndarray, mean: float, stddev: float) -> np.ndarray:
    kind = values.dtype.type
    return values * kind(stddev) + kind(mean)


def _normal_quantile(x: np.ndarray) -> np.ndarray:
    """Return sqrt(2) * erfinv(x), rounded to the dtype of `x` after each of the two steps."""
    kind = x.dtype.type
    if x.dtype == np.float64:
        return _SQRT2 * _erfinv_64(x)
    wide = x.astype(np.float32)
    w = -np.log(np.float32(1) - wide * wide)
    centre = _horner(_CENTRE_32, w - np.float32(2.5))
    inverse = np.where(w < 5, centre, _horner(_TAIL_32, np.sqrt(w) - np.float32(3))) * wide
    return inverse.astype(x.dtype) * kind(_SQRT2)


def _erfinv_64(x: np.ndarray) -> np.ndarray:
    """Return erfinv in double precision: the single-precision polynomial, then refinement on erf(y) = x."""
    w = -np.log((1.0 - x) * (1.0 + x))
    y = np.where(w < 5, _horner(_CENTRE, w - 2.5), _horner(_TAIL, np.sqrt(w) - 3)) * x
    slope = 2.0 / math.sqrt(math.pi)
    # Halley's steps on the complement keep digits in the tails. The start is good to 1e-7 but worse beyond the reach of
    # single precision, where |x| > 1 - 2**-24; each step triples the number of digits.
    for _ in range(5):
        complement = np.vectorize(math.erfc, otypes=[np.float64])(np.abs(y))
        step = np.sign(y) * ((1.0 - np.abs(x)) - complement) / (slope * np.exp(-y * y))
        y = y - step / (1.0 + y * step)
    return y


def _horner(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    total = coefficients[0] * x
    for coefficient in coefficients[1:-1]:
        total = (total + coefficient) * x
    return total + coefficients[-1]
