"""Dtypes as strings, Keras's promotion rules, and dtype policies for mixed precision."""

import functools

import jax.numpy as jnp
import numpy as np

from kerasish.core import config

BOOL_TYPES = ("bool",)
INT_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
COMPLEX_TYPES = ("complex64", "complex128")
FLOAT8_TYPES = ("float8_e4m3fn", "float8_e5m2")
ALLOWED_DTYPES = frozenset((*BOOL_TYPES, *INT_TYPES, *FLOAT_TYPES, *COMPLEX_TYPES, *FLOAT8_TYPES, "string", "int4"))

_PYTHON_TYPES = {bool: "bool", int: "int32", float: "float32", str: "string", "int": "int32", complex: "complex64"}
_TO_32_BIT = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


def standardize_dtype(dtype: object) -> str:
    """Return a dtype of any form (string, NumPy, JAX, Python type, None for `floatx`) as its name.

    Raises:
        ValueError: if it is no dtype.
    """
    if dtype is None:
        return config.floatx()
    if type(dtype) is str and dtype in ALLOWED_DTYPES:
        return dtype
    return _standardize(dtype)


@functools.cache
def _standardize(dtype: object) -> str:
    name = _PYTHON_TYPES.get(dtype)
    if name is None:
        name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
        try:
            name = str(jnp.dtype(dtype)) if name not in ALLOWED_DTYPES else name
        except TypeError:
            name = str(name)
    if name not in ALLOWED_DTYPES:
        raise ValueError(f"Invalid dtype: {dtype!r}. Expected one of {sorted(ALLOWED_DTYPES)}.")
    return name


def is_float_dtype(dtype: object) -> bool:
    """Return whether `dtype` is a floating-point type (bfloat16 and float8 included)."""
    name = standardize_dtype(dtype)
    return name.startswith("float") or name.startswith("bfloat")


def is_int_dtype(dtype: object) -> bool:
    """Return whether `dtype` is a signed or unsigned integer type."""
    name = standardize_dtype(dtype)
    return name.startswith("int") or name.startswith("uint")


# A type may become any type above it; "int" and "float" stand for Python scalars. Source: JAX's promotion lattice
# (https://docs.jax.dev/en/latest/type_promotion.html).
_LATTICE: dict[str, tuple[str, ...]] = {
    "bool": ("int",),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int": ("uint8", "int8", "complex64"),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}


@functools.cache
def _upper_bounds(name: str) -> frozenset[str]:
    return frozenset((name,)).union(*(_upper_bounds(above) for above in _LATTICE[name]))


@functools.cache
def _promote(names: frozenset[str]) -> str:
    common = frozenset.intersection(*(_upper_bounds(name) for name in names))
    return next(name for name in common if common <= _upper_bounds(name))


def result_type(*dtypes: object) -> str:
    """Return the dtype of an operation on operands of these dtypes, under Keras's promotion rules.

    The Python types `int` and `float` stand for scalars and give way to any array type of their kind. 64-bit results
    become 32-bit, as in Keras on JAX.

    Example:
        >>> result_type("bfloat16", float)
        'bfloat16'
    """
    if not dtypes:
        return config.floatx()
    names = []
    for dtype in dtypes:
        if dtype is int:
            names.append("int")
        elif dtype is float:
            names.append("float")
        else:
            name = standardize_dtype(dtype)
            if name in FLOAT8_TYPES:
                raise ValueError(f"result_type: float8 types do not promote by themselves; cast first. Got: {dtypes}")
            names.append(name)
    distinct = frozenset(names)
    name = names[0] if len(distinct) == 1 else _promote(distinct)
    if name in ("int", "float"):
        bits = config.floatx()[-2:]
        name = f"{name}{bits}"
    return _TO_32_BIT.get(name, name)


def dtype_of(x: object) -> object:
    """Return the dtype of `x` in a form that `result_type` takes: Python scalars give their (weak) type."""
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        kind = type(x)
        return kind if kind in (bool, int, float) else np.asarray(x).dtype
    return dtype


class DTypePolicy:
    """The dtypes a layer computes in and keeps its variables in.

    Args:
        name: a float dtype for both, or `"mixed_float16"` / `"mixed_bfloat16"` (compute in half precision, keep
            float32 variables). None: the global policy.

    Raises:
        TypeError: if `name` is no string.
        ValueError: if it names no policy.
    """

    quantization_mode = None

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise TypeError(f"DTypePolicy: `name` must be a string such as 'mixed_float16', received {name!r}.")
        self._name = name
        if name in ("mixed_float16", "mixed_bfloat16"):
            self._compute_dtype, self._variable_dtype = name.removeprefix("mixed_"), "float32"
            return
        try:
            self._compute_dtype = self._variable_dtype = standardize_dtype(name)
        except ValueError as error:
            raise ValueError(
                f"DTypePolicy: {name!r} is no dtype policy. Expected 'mixed_float16', 'mixed_bfloat16' or a dtype "
                "name such as 'float32'."
            ) from error

    @property
    def name(self) -> str:
        """The name the policy was made from."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype of computations and outputs."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of variables."""
        return self._variable_dtype

    def get_config(self) -> dict:
        """Return the arguments that make the same policy again."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "DTypePolicy":
        """Make a policy from what `get_config` returned."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self._name == other._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


class FloatDTypePolicy(DTypePolicy):
    """Another name for `DTypePolicy`, kept for configs that carry it."""


_global_policy: list[DTypePolicy] = []


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are given none; by default that of `floatx`."""
    return _global_policy[0] if _global_policy else DTypePolicy(config.floatx())


def set_dtype_policy(policy: str | DTypePolicy | dict) -> None:
    """Set the policy of layers made from now on that are given none.

    Args:
        policy: a `DTypePolicy`, its name, or its serialized config.
    """
    _global_policy[:] = [get_policy(policy)]


def get_policy(identifier: object) -> DTypePolicy:
    """Return the policy that `identifier` (policy, name, dtype, config or None for the global one) stands for."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        inner = identifier.get("config", identifier)
        if set(inner) != {"name"}:
            raise ValueError(f"Cannot make a dtype policy from config {identifier!r}; expected {{'name': ...}}.")
        return DTypePolicy(inner["name"])
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(standardize_dtype(identifier))
    except ValueError:
        raise ValueError(
            f"Cannot interpret {identifier!r} as a dtype policy; expected a name, a dtype or a DTypePolicy."
        ) from None
