"""Every op in three dtypes, with options and inputs drawn at random: values and gradients against Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.ops as ops
from tests.ops.draws import DRAWS, Draw, base, find

keras = pytest.importorskip("keras")

# Compiling takes most of the time of these tests.
FAST = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
TOLERANCE = {"float32": 1e-4, "float16": 4e-3, "bfloat16": 3e-2}
CHUNK = 12

# Linear algebra has no half precision: in each dtype alone, Keras's error is expected.
LAPACK = {
    "cholesky", "cholesky_inverse", "corrcoef", "det", "eig", "eigh", "inv", "logdet", "lstsq", "lu_factor",
    "matrix_rank", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
}  # fmt: skip

# Ops that other tests compare, or that have nothing to compare here.
ELSEWHERE = {
    **dict.fromkeys(("bartlett", "blackman", "hamming", "hanning", "kaiser"), "takes no tensor"),
    **dict.fromkeys(("empty", "empty_like"), "has no values"),
    **dict.fromkeys(("bincount", "histogram", "nonzero", "unique"), "the shape of the result depends on values"),
    "dot_product_attention": "Keras raises an error for float16 in compiled programs on the CPU",
    "image.affine_transform": "Keras's gradient of the last coefficients is wrong",
    "rearrange": "Keras raises an error in compiled programs",
    "sparsemax": "Keras's values are wrong",
}
NAMES = sorted(set(DRAWS) - set(ELSEWHERE) - LAPACK)
# Which half precision gradients are computed in, and images at all: they take long to compile.
DRAWN_DTYPE = {name: Draw(name, 1).pick("float16", "bfloat16") for name in DRAWS}


def is_float(x):
    return isinstance(x, np.ndarray) and x.dtype == np.float32


def fill(structure, values):
    """Return arguments with values, in order, in the place of float arrays."""
    if is_float(structure):
        return next(values)
    if isinstance(structure, (list, tuple)):
        return type(structure)(fill(item, values) for item in structure)
    return structure


def float_arrays(structure):
    if isinstance(structure, (list, tuple)):
        return [x for item in structure for x in float_arrays(item)]
    return [structure] if is_float(structure) else []


def results(library, name, args, kwargs, values, dtype):
    """Return outputs, and gradients in one half precision; the name of the error where the op refuses the dtype."""
    function = find(library, name)

    def total(*values):
        outputs = jax.tree.leaves(function(*fill(args, iter(values)), **kwargs))
        floats = [x.astype("float32") for x in outputs if jnp.issubdtype(x.dtype, jnp.floating)]
        return sum([(x * np.cos(np.arange(x.size)).reshape(x.shape)).sum() for x in floats], jnp.zeros(())), outputs

    try:
        # Gradients in float32 are compared elsewhere, with fixed options.
        if not values or dtype != DRAWN_DTYPE[name]:
            return [total(*values)[1], []]
        gradients, outputs = jax.grad(total, argnums=tuple(range(len(values))), has_aux=True)(*values)
        return [outputs, gradients]
    except (TypeError, ValueError, NotImplementedError) as error:
        refusal = type(error).__name__
    try:
        return [total(*values)[1], [refusal]]
    except (TypeError, ValueError, NotImplementedError) as error:
        return [[type(error).__name__], []]


def compute(libraries, names, dtypes):
    """Return results of both libraries by name and dtype, and the dtypes and errors among them.

    They come from one program, in which XLA merges what is computed in the same way.
    """
    calls = {name: DRAWS[name](Draw(name)) for name in names}
    calls = {name: (base(args), kwargs) for name, (args, kwargs) in calls.items()}
    types = [{} for _ in libraries]

    def program(inputs):
        found = [{} for _ in libraries]
        for i, library in enumerate(libraries):
            for (name, dtype), values in inputs.items():
                parts = results(library, name, *calls[name], values, dtype)
                types[i][name, dtype] = [[x if isinstance(x, str) else str(x.dtype) for x in part] for part in parts]
                found[i][name, dtype] = [[x for x in part if not isinstance(x, str)] for part in parts]
        return found

    inputs = {
        (name, dtype): [jnp.asarray(x, dtype) for x in float_arrays(args)]
        for name, (args, _) in calls.items()
        for dtype in (dtypes if float_arrays(args) else list(dtypes)[:1])
        if dtype in ("float32", DRAWN_DTYPE[name]) or not name.startswith("image.")
    }
    return jax.jit(program, compiler_options=FAST)(inputs), types


def distance(x, y):
    x, y = (np.asarray(a).astype("complex64" if a.dtype == "complex64" else "float32") for a in (x, y))
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    with np.errstate(invalid="ignore"):
        return np.max(np.where(same, 0, np.abs(x - y) / (1 + np.abs(y))), initial=0)


def assert_same(names, dtypes):
    (ours, theirs), (our_types, their_types) = compute([ops, keras.ops], names, dtypes)
    assert our_types == their_types
    for (name, dtype), expected in theirs.items():
        for what, part, wanted in zip(("value", "gradient"), ours[name, dtype], expected, strict=True):
            for x, y in zip(part, wanted, strict=True):
                assert x.shape == y.shape, name
                assert distance(x, y) < TOLERANCE[dtype], f"{what} of {name} in {dtype}, {DRAWS[name](Draw(name))}"


@pytest.mark.parametrize("start", range(0, len(NAMES), CHUNK), ids=lambda start: f"from {NAMES[start]}")
def test_values_and_gradients(start):
    assert_same(NAMES[start : start + CHUNK], TOLERANCE)


@pytest.mark.parametrize("name", sorted(LAPACK))
def test_linear_algebra(name):
    for dtype in ("float16", "bfloat16"):
        try:
            compute([keras.ops], [name], [dtype])
        except (NotImplementedError, ValueError, TypeError) as error:
            with pytest.raises(type(error)):
                compute([ops], [name], [dtype])
        else:
            assert_same([name], [dtype])
