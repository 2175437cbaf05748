"""Element-wise functions of one tensor."""

import jax.numpy as jnp

from kerasish.core.config import floatx
from kerasish.core.dtypes import is_float_dtype, is_int_dtype
from kerasish.core.symbolic import op
from kerasish.ops._tensors import Array, TensorLike, as_float, tensor

# Short functions stand close together.
# fmt: off

@op
def absolute(x: TensorLike) -> Array:
    """Return the absolute value, element-wise."""
    return jnp.absolute(tensor(x))

abs = absolute

@op
def fabs(x: TensorLike) -> Array:
    """Return the absolute value of real numbers as floats; raises TypeError for complex `x`."""
    x = tensor(x)
    if jnp.iscomplexobj(x):
        raise TypeError(f"fabs: `x` must be real, received dtype {x.dtype}; use `absolute` for complex numbers.")
    return jnp.fabs(x)

@op
def angle(x: TensorLike) -> Array:
    """Return the angle of complex numbers in radians; 0 or pi for real numbers."""
    return jnp.angle(as_float(x))

@op
def arccos(x: TensorLike) -> Array:
    """Return the inverse cosine in radians, in [0, pi]."""
    return jnp.arccos(as_float(x))

@op
def arccosh(x: TensorLike) -> Array:
    """Return the inverse hyperbolic cosine."""
    return jnp.arccosh(as_float(x))

@op
def arcsin(x: TensorLike) -> Array:
    """Return the inverse sine in radians, in [-pi/2, pi/2]."""
    return jnp.arcsin(as_float(x))

@op
def arcsinh(x: TensorLike) -> Array:
    """Return the inverse hyperbolic sine."""
    return jnp.arcsinh(as_float(x))

@op
def arctan(x: TensorLike) -> Array:
    """Return the inverse tangent in radians, in [-pi/2, pi/2]."""
    return jnp.arctan(as_float(x))

@op
def arctanh(x: TensorLike) -> Array:
    """Return the inverse hyperbolic tangent."""
    return jnp.arctanh(as_float(x))

@op
def bitwise_invert(x: TensorLike) -> Array:
    """Return the bitwise complement of integers or booleans."""
    return jnp.invert(tensor(x))

@op
def bitwise_not(x: TensorLike) -> Array:
    """Return the bitwise complement of integers or booleans."""
    return jnp.invert(tensor(x))

@op
def cbrt(x: TensorLike) -> Array:
    """Return the cube root."""
    return jnp.cbrt(tensor(x))

@op
def ceil(x: TensorLike) -> Array:
    """Return the smallest whole number not below `x`, as a float."""
    return jnp.ceil(as_float(x))

@op(tensors=("x",))
def clip(x: TensorLike, x_min: TensorLike, x_max: TensorLike) -> Array:
    """Limit the values of `x` to `[x_min, x_max]`; booleans become int32."""
    x = tensor(x)
    return jnp.clip(x.astype("int32") if x.dtype == bool else x, x_min, x_max)

@op
def conjugate(x: TensorLike) -> Array:
    """Return the complex conjugate."""
    return jnp.conjugate(tensor(x))

conj = conjugate

@op
def copy(x: TensorLike) -> Array:
    """Return a copy."""
    return jnp.copy(tensor(x))

@op
def cos(x: TensorLike) -> Array:
    """Return the cosine of angles in radians."""
    return jnp.cos(as_float(x))

@op
def cosh(x: TensorLike) -> Array:
    """Return the hyperbolic cosine."""
    return jnp.cosh(as_float(x))

@op
def deg2rad(x: TensorLike) -> Array:
    """Turn degrees into radians."""
    return jnp.deg2rad(tensor(x))

@op
def exp(x: TensorLike) -> Array:
    """Return e to the power of `x`."""
    return jnp.exp(as_float(x))

@op
def exp2(x: TensorLike) -> Array:
    """Return 2 to the power of `x`."""
    return jnp.exp2(as_float(x))

@op
def expm1(x: TensorLike) -> Array:
    """Return `exp(x) - 1`, exact for small `x`."""
    return jnp.expm1(as_float(x))

@op
def floor(x: TensorLike) -> Array:
    """Return the largest whole number not above `x`, as a float."""
    return jnp.floor(as_float(x))

@op
def i0(x: TensorLike) -> Array:
    """Return the modified Bessel function of the first kind and order 0."""
    return jnp.i0(as_float(x))

@op
def imag(x: TensorLike) -> Array:
    """Return the imaginary part."""
    return jnp.imag(tensor(x))

@op
def isfinite(x: TensorLike) -> Array:
    """Return True where `x` is neither infinite nor NaN."""
    return jnp.isfinite(tensor(x))

@op
def isinf(x: TensorLike) -> Array:
    """Return True where `x` is infinite."""
    return jnp.isinf(tensor(x))

@op
def isnan(x: TensorLike) -> Array:
    """Return True where `x` is NaN."""
    return jnp.isnan(tensor(x))

@op
def isneginf(x: TensorLike) -> Array:
    """Return True where `x` is negative infinity."""
    return jnp.isneginf(tensor(x))

@op
def isposinf(x: TensorLike) -> Array:
    """Return True where `x` is positive infinity."""
    return jnp.isposinf(tensor(x))

@op
def isreal(x: TensorLike) -> Array:
    """Return True where the imaginary part is zero."""
    return jnp.isreal(tensor(x))

@op
def log(x: TensorLike) -> Array:
    """Return the natural logarithm."""
    return jnp.log(tensor(x))

@op
def log10(x: TensorLike) -> Array:
    """Return the logarithm to base 10."""
    return jnp.log10(tensor(x))

@op
def log1p(x: TensorLike) -> Array:
    """Return `log(1 + x)`, exact for small `x`."""
    return jnp.log1p(tensor(x))

@op
def log2(x: TensorLike) -> Array:
    """Return the logarithm to base 2."""
    return jnp.log2(tensor(x))

@op
def logical_not(x: TensorLike) -> Array:
    """Return True where `x` is zero or False."""
    return jnp.logical_not(tensor(x))

@op
def nan_to_num(x: TensorLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    """Replace NaN by `nan` and infinities by `posinf`, `neginf` (None: the largest finite values)."""
    return jnp.nan_to_num(tensor(x), nan=nan, posinf=posinf, neginf=neginf)

@op
def negative(x: TensorLike) -> Array:
    """Return `-x`."""
    return jnp.negative(tensor(x))

@op
def rad2deg(x: TensorLike) -> Array:
    """Turn radians into degrees."""
    return jnp.rad2deg(tensor(x))

@op
def real(x: TensorLike) -> Array:
    """Return the real part."""
    return jnp.real(tensor(x))

@op
def reciprocal(x: TensorLike) -> Array:
    """Return `1 / x`."""
    return jnp.reciprocal(tensor(x))

@op
def round(x: TensorLike, decimals: int = 0) -> Array:
    """Round to `decimals` places, halves to even; negative `decimals` round integers to tens, hundreds, ..."""
    x = tensor(x)
    if is_int_dtype(x.dtype) and decimals < 0:
        factor = 10.0**decimals
        return (jnp.round(x.astype(floatx()) * factor) / factor).astype(x.dtype)
    return jnp.round(x, decimals=decimals)

@op
def sign(x: TensorLike) -> Array:
    """Return -1, 0 or 1 by the sign of `x`."""
    return jnp.sign(tensor(x))

@op
def signbit(x: TensorLike) -> Array:
    """Return True where the sign bit is set (for negative numbers and -0.0)."""
    return jnp.signbit(tensor(x))

@op
def sin(x: TensorLike) -> Array:
    """Return the sine of angles in radians."""
    return jnp.sin(as_float(x))

@op
def sinc(x: TensorLike) -> Array:
    """Return `sin(pi x) / (pi x)`, 1 at zero."""
    return jnp.sinc(as_float(x))

@op
def sinh(x: TensorLike) -> Array:
    """Return the hyperbolic sine."""
    return jnp.sinh(as_float(x))

@op
def sqrt(x: TensorLike) -> Array:
    """Return the square root; NaN for negative numbers."""
    return jnp.sqrt(tensor(x))

@op
def square(x: TensorLike) -> Array:
    """Return `x * x`."""
    return jnp.square(tensor(x))

@op
def tan(x: TensorLike) -> Array:
    """Return the tangent of angles in radians."""
    return jnp.tan(as_float(x))

@op
def tanh(x: TensorLike) -> Array:
    """Return the hyperbolic tangent."""
    return jnp.tanh(as_float(x))

@op
def trunc(x: TensorLike) -> Array:
    """Cut off the fractional part; integers and booleans are returned as they are."""
    x = tensor(x)
    return jnp.trunc(x) if is_float_dtype(x.dtype) else x
