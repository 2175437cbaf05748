"""Element-wise functions of two tensors, with broadcasting: arithmetic, comparison, logic, bits."""

import jax.numpy as jnp

from kerasish.core.dtypes import is_int_dtype
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, TensorLike, as_common_float, tensor

# Short functions stand close together.
# fmt: off

@op
def add(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `x1 + x2`."""
    return jnp.add(tensor(x1), tensor(x2))

@op
def arctan2(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the angle of the point `(x2, x1)` in radians, in [-pi, pi]."""
    return jnp.arctan2(*as_common_float(x1, x2))

@op
def bitwise_and(x: TensorLike, y: TensorLike) -> Array:
    """Return the bitwise AND of integers or booleans."""
    return jnp.bitwise_and(tensor(x), tensor(y))

@op
def bitwise_left_shift(x: TensorLike, y: TensorLike) -> Array:
    """Shift the bits of `x` left by `y` places."""
    return jnp.left_shift(tensor(x), y)

@op
def bitwise_or(x: TensorLike, y: TensorLike) -> Array:
    """Return the bitwise OR of integers or booleans."""
    return jnp.bitwise_or(tensor(x), tensor(y))

@op
def bitwise_right_shift(x: TensorLike, y: TensorLike) -> Array:
    """Shift the bits of `x` right by `y` places, keeping the sign."""
    return jnp.right_shift(tensor(x), y)

@op
def bitwise_xor(x: TensorLike, y: TensorLike) -> Array:
    """Return the bitwise XOR of integers or booleans."""
    return jnp.bitwise_xor(tensor(x), tensor(y))

@op
def divide(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `x1 / x2` as floats."""
    return jnp.divide(tensor(x1), tensor(x2))

@op
def divide_no_nan(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `x1 / x2`, and 0 where `x2` is zero."""
    x1, x2 = tensor(x1), tensor(x2)
    zero = x2 == 0
    return jnp.where(zero, 0, jnp.divide(x1, jnp.where(zero, 1, x2)))

@op
def equal(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where `x1 == x2`."""
    return jnp.equal(tensor(x1), tensor(x2))

@op
def floor_divide(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the largest whole number not above `x1 / x2`."""
    return jnp.floor_divide(tensor(x1), tensor(x2))

@op
def fmax(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the larger of two numbers, ignoring NaN where the other is a number."""
    return jnp.fmax(tensor(x1), tensor(x2))

@op
def fmin(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the smaller of two numbers, ignoring NaN where the other is a number."""
    return jnp.fmin(tensor(x1), tensor(x2))

@op
def fmod(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the remainder of `x1 / x2` with the sign of `x1`."""
    return jnp.fmod(tensor(x1), tensor(x2))

@op
def gcd(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the greatest common divisor of integers."""
    return jnp.gcd(tensor(x1), tensor(x2))

@op
def greater(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where `x1 > x2`."""
    return jnp.greater(tensor(x1), tensor(x2))

@op
def greater_equal(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where `x1 >= x2`."""
    return jnp.greater_equal(tensor(x1), tensor(x2))

@op
def heaviside(x1: TensorLike, x2: TensorLike) -> Array:
    """Return 0 where `x1` is negative, `x2` where it is zero, 1 where it is positive."""
    return jnp.heaviside(tensor(x1), tensor(x2))

@op
def hypot(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `sqrt(x1**2 + x2**2)` without overflow."""
    return jnp.hypot(tensor(x1), tensor(x2))

@op(tensors=("x1", "x2", "rtol", "atol"))
def isclose(x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Return True where `|x1 - x2| <= atol + rtol * |x2|`; NaN equals NaN only with `equal_nan`."""
    return jnp.isclose(tensor(x1), tensor(x2), rtol, atol, equal_nan)

@op(keras_class="AllClose")
def allclose(x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Return whether `isclose` holds everywhere, as a boolean scalar."""
    return jnp.allclose(tensor(x1), tensor(x2), rtol, atol, equal_nan)

@op
def lcm(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the least common multiple of integers."""
    return jnp.lcm(tensor(x1), tensor(x2))

@op
def ldexp(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `x1 * 2**x2`; raises TypeError unless `x2` is an integer tensor."""
    x1, x2 = tensor(x1), tensor(x2)
    if not is_int_dtype(x2.dtype):
        raise TypeError(f"ldexp: the exponent `x2` must be of an integer type, received dtype {x2.dtype}.")
    return jnp.ldexp(x1, x2)

@op
def left_shift(x: TensorLike, y: TensorLike) -> Array:
    """Shift the bits of `x` left by `y` places."""
    return jnp.left_shift(tensor(x), y)

@op
def less(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where `x1 < x2`."""
    return jnp.less(tensor(x1), tensor(x2))

@op
def less_equal(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where `x1 <= x2`."""
    return jnp.less_equal(tensor(x1), tensor(x2))

@op
def logaddexp(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `log(exp(x1) + exp(x2))` without overflow."""
    return jnp.logaddexp(*as_common_float(x1, x2))

@op
def logaddexp2(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `log2(2**x1 + 2**x2)` without overflow."""
    return jnp.logaddexp2(*as_common_float(x1, x2))

@op
def logical_and(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where both are non-zero."""
    return jnp.logical_and(tensor(x1), tensor(x2))

@op
def logical_or(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where at least one is non-zero."""
    return jnp.logical_or(tensor(x1), tensor(x2))

@op
def logical_xor(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where exactly one is non-zero."""
    return jnp.logical_xor(tensor(x1), tensor(x2))

@op
def maximum(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the larger of two numbers; NaN where either is NaN."""
    return jnp.maximum(tensor(x1), tensor(x2))

@op
def minimum(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the smaller of two numbers; NaN where either is NaN."""
    return jnp.minimum(tensor(x1), tensor(x2))

@op
def mod(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the remainder of `x1 / x2` with the sign of `x2`."""
    return jnp.mod(tensor(x1), tensor(x2))

@op
def multiply(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `x1 * x2`."""
    return jnp.multiply(tensor(x1), tensor(x2))

@op
def nextafter(x1: TensorLike, x2: TensorLike) -> Array:
    """Return the next float after `x1` in the direction of `x2`."""
    return jnp.nextafter(tensor(x1), tensor(x2))

@op
def not_equal(x1: TensorLike, x2: TensorLike) -> Array:
    """Return True where `x1 != x2`."""
    return jnp.not_equal(tensor(x1), tensor(x2))

@op
def power(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `x1 ** x2`."""
    return jnp.power(tensor(x1), tensor(x2))

@op
def right_shift(x: TensorLike, y: TensorLike) -> Array:
    """Shift the bits of `x` right by `y` places, keeping the sign."""
    return jnp.right_shift(tensor(x), y)

@op
def subtract(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `x1 - x2`."""
    return jnp.subtract(tensor(x1), tensor(x2))

@op
def true_divide(x1: TensorLike, x2: TensorLike) -> Array:
    """Return `x1 / x2` as floats."""
    return jnp.divide(tensor(x1), tensor(x2))
