"""The functions of `ops.numpy` against Keras: values, dtypes, gradients, symbolic shapes."""

import jax
import ml_dtypes
import numpy as np
import pytest

import kerasish.ops as ops
from kerasish.core.symbolic import KerasTensor
from kerasish.core.variable import Variable

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(1)
X = RNG.normal(size=(2, 3)).astype("float32")
Y = RNG.normal(size=(2, 3)).astype("float32")
POSITIVE = (np.abs(X) + 0.1).astype("float32")
UNIT = np.tanh(X)
CUBE = RNG.normal(size=(2, 3, 4)).astype("float32")
SQUARE = RNG.normal(size=(3, 3)).astype("float32")
VECTOR = RNG.normal(size=(5,)).astype("float32")
INTS = np.array([[1, 5, 3], [7, 2, 4]], "int32")
OTHER_INTS = np.array([[2, 3, 1], [4, 6, 1]], "int32")
BOOLS = np.array([[True, False, True], [False, False, True]])
NANS = np.array([[1.0, np.nan, -2.0], [np.inf, 0.0, -np.inf]], "float32")
SOME_NANS = np.array([[1.0, np.nan, -2.0], [4.0, 0.5, 3.0]], "float32")
COMPLEX = (X + 1j * Y).astype("complex64")

UNARY = {
    "abs": X, "absolute": X, "fabs": X, "angle": X, "arccos": UNIT, "arccosh": POSITIVE + 1, "arcsin": UNIT,
    "arcsinh": X, "arctan": X, "arctanh": UNIT, "cbrt": X, "ceil": X, "conj": X, "conjugate": X, "copy": X, "cos": X,
    "cosh": X, "deg2rad": X, "exp": X, "exp2": X, "expm1": X, "floor": X, "i0": X, "imag": X, "isfinite": X,
    "isinf": X, "isnan": X, "isneginf": X, "isposinf": X, "isreal": X, "log": POSITIVE, "log10": POSITIVE,
    "log1p": POSITIVE, "log2": POSITIVE, "logical_not": X, "nan_to_num": X, "negative": X, "rad2deg": X, "real": X,
    "reciprocal": POSITIVE, "round": X, "sign": X, "signbit": X, "sin": X, "sinc": X, "sinh": X, "sqrt": POSITIVE,
    "square": X, "tan": X, "tanh": X, "trunc": X,
}  # fmt: skip
NO_GRADIENT = {"copy", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "logical_not", "signbit"}


def check_types(check, name, *arrays):
    """Check the result's type for arguments in half precision, integers and booleans, and the values for integers."""
    for dtype in ("float16", ml_dtypes.bfloat16, "int32", "uint8", "bool"):
        args = [np.asarray(x).astype(dtype) if dtype != "uint8" else np.abs(x).astype(dtype) for x in arrays]
        try:
            expected = jax.eval_shape(getattr(keras.ops, name), *args)
        except (TypeError, ValueError):
            continue
        result = jax.eval_shape(getattr(ops, name), *args)
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype), dtype
        if dtype == "int32":
            check(name, *args, spec=False)


@pytest.mark.parametrize("name", UNARY)
def test_unary(check, name):
    x = UNARY[name]
    check(name, x, grad=name not in NO_GRADIENT)
    check_types(check, name, x)


@pytest.mark.parametrize(
    "name", ["isfinite", "isinf", "isnan", "isneginf", "isposinf", "nan_to_num", "sign", "signbit", "trunc", "sqrt"]
)
def test_unary_on_special_values(check, name):
    check(name, NANS)


@pytest.mark.parametrize("name", ["abs", "angle", "conj", "exp", "imag", "real", "isreal", "sqrt", "sin", "square"])
def test_unary_on_complex_numbers(check, name):
    check(name, COMPLEX, spec=False, tolerance=1e-5)


@pytest.mark.parametrize("name", ["bitwise_invert", "bitwise_not"])
def test_bits(check, name):
    check(name, INTS)
    check(name, BOOLS)


BINARY = [
    "add", "arctan2", "divide", "divide_no_nan", "equal", "floor_divide", "fmax", "fmin", "fmod", "greater",
    "greater_equal", "heaviside", "hypot", "isclose", "less", "less_equal", "logaddexp", "logaddexp2", "logical_and",
    "logical_or", "logical_xor", "maximum", "minimum", "mod", "multiply", "nextafter", "not_equal", "subtract",
    "true_divide",
]  # fmt: skip
SMOOTH = ["add", "arctan2", "divide", "divide_no_nan", "fmax", "hypot", "logaddexp", "logaddexp2", "maximum", "minimum"]


@pytest.mark.parametrize("name", BINARY)
def test_binary(check, name):
    check(name, X, Y, grad=name in SMOOTH)
    check(name, X, Y[:1], spec=False)
    check_types(check, name, INTS, OTHER_INTS)


@pytest.mark.parametrize("name", ["add", "divide", "maximum", "power", "equal", "mod", "arctan2", "logaddexp"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "uint8", "bool"])
def test_python_scalars_take_the_tensors_type(check, name, dtype):
    x = np.asarray(OTHER_INTS).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    for scalar in (2, 1.5):
        check(name, x, scalar)
        check(name, scalar, x, spec=False)


@pytest.mark.parametrize("types", [("float16", "bfloat16"), ("int8", "float16"), ("int32", "bool"), ("uint8", "int8")])
def test_mixed_types(check, types):
    args = [INTS.astype(ml_dtypes.bfloat16 if t == "bfloat16" else t) for t in types]
    for name in ("add", "divide", "maximum", "hypot"):
        check(name, *args)


@pytest.mark.parametrize(
    "name", ["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "left_shift",
             "right_shift", "gcd", "lcm", "ldexp"],
)  # fmt: skip
def test_integers(check, name):
    check(name, X if name == "ldexp" else INTS, OTHER_INTS)
    if "shift" in name:
        check(name, INTS, 2)


CALLS = [
    ("power", (POSITIVE, Y), {"grad": True}),
    ("clip", (X, -0.5, 0.5), {"grad": True}),
    ("clip", (BOOLS, 0, 1), {}),
    ("clip", (INTS, 2, 5), {}),
    ("round", (X,), {"decimals": 1}),
    ("round", (INTS * 17,), {"decimals": -1}),
    ("nan_to_num", (NANS,), {"nan": 1.0, "posinf": 2.0, "neginf": -3.0}),
    ("isclose", (X, X + 1e-6), {"rtol": 1e-3}),
    ("isclose", (NANS, NANS), {"equal_nan": True}),
    ("allclose", (X, X + 1e-6), {}),
    ("divide_no_nan", (X, BOOLS.astype("float32")), {}),
    # products
    ("corrcoef", (CUBE[0],), {"spec": False}),  # Keras infers the shape of the argument
    ("correlate", (VECTOR, VECTOR[:3]), {"mode": "same", "unknown": False}),
    ("correlate", (VECTOR, VECTOR[:3]), {"mode": "valid", "unknown": False}),
    ("cross", (X, Y), {"grad": True}),
    ("cross", (X.T.copy(), Y.T.copy()), {"axis": 0, "unknown": False}),
    ("dot", (X, SQUARE), {"grad": True, "unknown": False}),
    ("dot", (CUBE, RNG.normal(size=(2, 4, 5)).astype("float32")), {"unknown": False}),
    ("einsum", ("bij,kj->bik", CUBE, RNG.normal(size=(5, 4)).astype("float32")), {"unknown": False}),
    ("einsum", ("...i,...i", X.astype("int8"), Y.astype("int8")), {"unknown": False}),
    ("inner", (X, Y), {"grad": True, "unknown": False}),
    ("kron", (X, Y), {"unknown": False}),
    ("matmul", (CUBE, RNG.normal(size=(4, 2)).astype("float32")), {"grad": True, "unknown": False}),
    ("matmul", (INTS.astype("int8"), INTS.astype("int8").T.copy()), {"unknown": False}),
    ("matmul", (X.astype("float16"), SQUARE), {"unknown": False}),
    ("outer", (VECTOR, VECTOR), {"unknown": False}),
    ("slogdet", (SQUARE,), {"unknown": False}),
    ("tensordot", (CUBE, CUBE), {"axes": [[1, 2], [1, 2]], "unknown": False}),
    ("tensordot", (X, SQUARE), {"axes": 1, "unknown": False}),
    ("trace", (CUBE,), {"offset": 1, "axis1": 1, "axis2": 2}),
    ("trapezoid", (X,), {"dx": 0.5, "grad": True}),
    ("vdot", (X, Y), {}),
    # shapes
    ("append", (X, Y), {"axis": 1}),
    ("append", (X, Y), {"unknown": False}),
    ("array_split", (CUBE, 3), {"axis": 2}),
    ("broadcast_to", (X, (4, 2, 3)), {"unknown": False}),
    ("concatenate", ([X, Y],), {"axis": 1}),
    ("concatenate", ([X, INTS],), {}),
    ("diag", (VECTOR,), {"k": 1, "unknown": False}),
    ("diag", (SQUARE,), {"k": -1, "unknown": False}),
    ("diagflat", (X,), {"unknown": False}),
    ("diagonal", (CUBE,), {"axis1": 1, "axis2": 2, "offset": 1}),
    ("diff", (X,), {"n": 2}),
    ("dsplit", (CUBE, 2), {}),
    ("dstack", ([X, Y],), {"unknown": False}),
    ("expand_dims", (X, 1), {}),
    ("expand_dims", (X, (0, -1)), {}),
    ("flip", (X,), {"axis": 1}),
    ("flip", (X,), {}),
    ("fliplr", (X,), {}),
    ("flipud", (X,), {}),
    ("hsplit", (CUBE[:, :2], 2), {}),
    ("hstack", ([X, Y],), {}),
    ("meshgrid", (VECTOR, VECTOR[:2]), {"unknown": False}),
    ("meshgrid", (VECTOR, VECTOR[:2]), {"indexing": "ij", "unknown": False}),
    ("moveaxis", (CUBE, 1, 2), {}),
    ("moveaxis", (CUBE, (1, 2), (2, 1)), {}),
    ("pad", (X, 1), {"unknown": False}),
    ("pad", (X, ((0, 0), (1, 2))), {"grad": True}),
    ("pad", (X, (1, 2)), {"unknown": False, "mode": "reflect"}),
    ("pad", (X, ((0, 0), (1, 2))), {"constant_values": 3.0}),
    ("pad", (CUBE, ((0, 0), (1, 1), (2, 2))), {"mode": "symmetric"}),
    ("ravel", (X,), {}),
    ("repeat", (X, 2), {"axis": 1}),
    ("repeat", (X, np.array([1, 2, 0])), {"axis": 1, "spec": False}),  # how often must be known
    ("repeat", (X, 2), {"unknown": False}),
    ("reshape", (CUBE, (-1, 12)), {}),
    ("reshape", (CUBE, (2, -1)), {"unknown": False}),
    ("reshape", (CUBE, -1), {}),
    ("roll", (X, 1), {"axis": 1}),
    ("roll", (CUBE, (1, 2)), {"axis": (1, 2)}),
    ("roll", (X, 4), {}),
    ("rot90", (CUBE,), {"axes": (1, 2)}),
    ("rot90", (X,), {"k": 3, "unknown": False}),
    ("split", (CUBE, 3), {"axis": 1}),
    ("split", (CUBE, [1, 2]), {"axis": 1}),
    ("squeeze", (CUBE[:, :1],), {"axis": 1}),
    ("squeeze", (CUBE[:1, :, :1],), {"unknown": False}),
    ("stack", ([X, Y],), {"axis": 1}),
    ("stack", ([X, INTS],), {}),
    ("swapaxes", (CUBE, 1, 2), {}),
    ("tile", (X, (1, 2)), {}),
    ("tile", (X, 3), {}),
    ("transpose", (CUBE,), {"axes": (0, 2, 1)}),
    ("transpose", (CUBE,), {}),
    ("tril", (CUBE,), {"k": -1}),
    ("triu", (CUBE,), {"k": 1}),
    ("view", (X,), {"dtype": "int32"}),
    ("view", (X,), {"dtype": "uint8"}),
    ("vsplit", (X, 2), {"unknown": False}),
    ("vstack", ([X, Y],), {}),
    # reductions
    ("average", (X,), {"axis": 1}),
    ("average", (X,), {"axis": 1, "weights": POSITIVE, "unknown": False}),
    ("average", (INTS,), {}),
    ("cumsum", (X,), {"axis": 1, "grad": True}),
    ("cumsum", (INTS,), {"dtype": "float16"}),
    ("cumprod", (X,), {"axis": 1, "grad": True}),
    ("cumsum", (BOOLS,), {"axis": 0}),
    ("nancumsum", (SOME_NANS,), {"axis": 1}),
    ("nancumprod", (SOME_NANS,), {}),
    ("max", (X,), {"axis": 1, "initial": 0.5}),
    ("min", (X,), {"axis": 1, "initial": -0.5}),
    ("prod", (INTS,), {"axis": 1, "dtype": "float32"}),
    ("quantile", (X, 0.3), {"axis": 1}),
    ("quantile", (X, np.array([0.2, 0.7], "float32")), {"axis": 1, "keepdims": True, "unknown": False}),
    ("quantile", (X, 0.3), {"method": "nearest"}),
    ("percentile", (X, 30.0), {"axis": 1}),
    ("nanquantile", (SOME_NANS, 0.3), {"axis": 1}),
    ("nanpercentile", (SOME_NANS, 30.0), {"keepdims": True}),
    ("count_nonzero", (INTS * BOOLS,), {"axis": 1}),
    ("argmax", (np.array([-0.0, 0.0, -1.0], "float32"),), {}),
    ("argmin", (np.array([0.0, -0.0, 1.0], "float32"),), {}),
    # creation
    ("arange", (5,), {}),
    ("arange", (1, 7, 2), {}),
    ("arange", (0.5, 3), {}),
    ("arange", (3,), {"dtype": "float16"}),
    ("array", ([1, 2.5],), {}),
    ("array", (X,), {"dtype": "float16"}),
    ("empty_like", (X,), {"spec": True}),
    ("eye", (3,), {}),
    ("eye", (2, 4), {"k": 1, "dtype": "int32"}),
    ("full", ((2, 3), 4), {}),
    ("full", ((2,), 2.5), {"dtype": "float16"}),
    ("full_like", (X, 2), {}),
    ("full_like", (X, 2), {"dtype": "int32"}),
    ("geomspace", (1, 8), {"num": 4}),
    ("identity", (3,), {"dtype": "int32"}),
    ("kaiser", (5, 3.0), {}),
    ("linspace", (0.0, 1.0), {"num": 5, "endpoint": False}),
    ("linspace", (X, Y), {"num": 3, "axis": -1}),
    ("linspace", (0, 1), {"num": 3, "retstep": True, "unknown": False}),
    ("logspace", (0.0, 2.0), {"num": 3, "base": 2}),
    ("ones", ((2, 3),), {"dtype": "int32"}),
    ("zeros", (4,), {}),
    ("empty", ((2,),), {}),
    ("ones_like", (X,), {"dtype": "int32"}),
    ("zeros_like", (INTS,), {}),
    ("tri", (3, 4), {"k": 1}),
    ("vander", (VECTOR,), {"N": 3, "increasing": True, "unknown": False}),
    ("vander", (VECTOR,), {"unknown": False}),
    # indexing
    ("argpartition", (X, 1), {}),
    ("argpartition", (X, 1), {"axis": None, "unknown": False}),
    ("argsort", (X,), {}),
    ("argsort", (X,), {"axis": None}),
    ("digitize", (X, np.array([-1.0, 0.0, 0.5], "float32")), {"unknown": False}),
    ("get_item", (CUBE, (slice(None), 1)), {}),
    ("get_item", (CUBE, (Ellipsis, None, slice(0, 2))), {}),
    ("isin", (INTS, np.array([1, 2, 3], "int32")), {}),
    ("isin", (INTS, np.array([1, 2, 3], "int32")), {"invert": True}),
    ("searchsorted", (np.sort(VECTOR), X), {"unknown": False}),
    ("searchsorted", (np.sort(VECTOR), VECTOR), {"side": "right", "unknown": False}),
    ("select", ([X > 0, Y > 0], [X, Y]), {"default": -1.0}),
    ("sort", (X,), {"grad": True}),
    ("take", (CUBE, INTS[:, :2] % 3), {"axis": 1, "unknown": False}),
    ("take", (CUBE, np.array([3, -1, 70], "int32")), {"unknown": False}),
    ("take_along_axis", (X, INTS % 3), {"axis": 1}),
    ("unravel_index", (INTS, (3, 4)), {}),
    ("where", (BOOLS, X, Y), {"grad": True}),
    ("where", (BOOLS, X, 0), {}),
    ("where", (BOOLS, 1, 0), {}),
    ("where", (X > 0, INTS, 1.5), {}),
]


@pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=[f"{i}-{case[0]}" for i, case in enumerate(CALLS)])
def test_calls(check, name, args, options):
    check(name, *args, **options)


REDUCTIONS = [
    "all", "amax", "amin", "any", "max", "mean", "median", "min", "nanmax", "nanmean", "nanmedian", "nanmin", "nanprod",
    "nanstd", "nansum", "nanvar", "prod", "ptp", "std", "sum", "var",
]  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(check, name):
    x = SOME_NANS if name.startswith("nan") else X
    check(name, x, axis=1, grad=name in ("max", "mean", "prod", "std", "sum", "var", "median"))
    check(name, x, keepdims=True)
    check(name, CUBE, axis=(1, 2))
    check(name, CUBE, axis=-1, keepdims=True)
    check_types(check, name, INTS)


@pytest.mark.parametrize("name", ["argmax", "argmin", "nanargmax", "nanargmin"])
def test_places_of_extremes(check, name):
    check(name, SOME_NANS if "nan" in name else X)
    check(name, X, axis=1)
    check(name, X, axis=1, keepdims=True)
    check(name, INTS, axis=0, spec=False)


def test_axes_may_be_lists():
    for name in (*REDUCTIONS, "count_nonzero"):
        np.testing.assert_array_equal(getattr(ops, name)(CUBE, axis=[0, 2]), getattr(ops, name)(CUBE, axis=(0, 2)))


def test_half_precision_means_do_not_overflow(check):
    x = np.full((300, 300), 100.0, "float16")
    for name in ("mean", "var"):
        check(name, x)


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
def test_windows(check, name):
    check(name, 7)
    with pytest.raises(TypeError, match=name):
        getattr(ops, name)(KerasTensor(()))


def test_data_dependent_shapes(agree):
    x = np.array([3, 1, 3, 0, 1, 1], "int32")
    agree(ops.nonzero(x), keras.ops.nonzero(x))
    agree(ops.where(x > 1), keras.ops.where(x > 1))
    agree(ops.bincount(x), keras.ops.bincount(x))
    weights = np.linspace(0, 1, 6, dtype="float32")
    agree(ops.bincount(x, weights=weights, minlength=6), keras.ops.bincount(x, weights=weights, minlength=6))
    agree(ops.bincount(x.reshape(2, 3), minlength=4), keras.ops.bincount(x.reshape(2, 3), minlength=4))
    np.testing.assert_array_equal(ops.bincount(x, sparse=True).todense(), ops.bincount(x))
    agree(ops.unique(x), keras.ops.unique(x))
    flags = {"return_index": True, "return_inverse": True, "return_counts": True}
    agree(ops.unique(x, **flags), keras.ops.unique(x, **flags))
    agree(ops.unique(x, size=5, fill_value=-1), keras.ops.unique(x, size=5, fill_value=-1))
    agree(ops.histogram(x, bins=3), keras.ops.histogram(x, bins=3))
    agree(ops.histogram(VECTOR, bins=4, range=(-1.0, 1.0)), keras.ops.histogram(VECTOR, bins=4, range=(-1.0, 1.0)))


def test_data_dependent_shapes_are_unknown():
    for rows in (2, None):
        x = KerasTensor((rows, 3), "int32")
        assert [t.shape for t in ops.nonzero(x)] == [(None,), (None,)]
        assert [t.shape for t in ops.where(x)] == [(None,), (None,)]
        assert ops.unique(x).shape == (None,)
        assert ops.unique(x, size=4).shape == (4,)
        assert ops.bincount(x).shape == (rows, None)
        assert ops.segment_sum(x, KerasTensor((rows,), "int32")).shape == (None, 3)


def test_trapezoid_with_places(agree):
    agree(ops.trapezoid(X, X.cumsum(1)), keras.ops.trapezoid(X, X.cumsum(1)))


def test_vectorize():
    double = ops.vectorize(lambda x, y: x * y + 1)
    np.testing.assert_allclose(double(X, Y), X * Y + 1, rtol=1e-6)
    norms = ops.vectorize(lambda x: (x**2).sum(), signature="(n)->()")
    np.testing.assert_allclose(norms(CUBE), (CUBE**2).sum(-1), rtol=1e-5)


def test_ndim_size_shape():
    assert ops.ndim(CUBE) == 3
    assert ops.size(CUBE) == 24
    assert ops.shape(KerasTensor((None, 3))) == (None, 3)


def test_variables_are_taken_everywhere(agree):
    variable = Variable(X)
    agree(ops.add(variable, 1.0), X + 1)
    agree(ops.concatenate([variable, Y], axis=0), np.concatenate([X, Y]))
    agree(ops.stack([variable, variable]), np.stack([X, X]))
    agree(ops.einsum("ij,kj->ik", variable, Y), np.einsum("ij,kj->ik", X, Y))
    agree(ops.where(BOOLS, variable, 0.0), np.where(BOOLS, X, np.float32(0)))
    agree(ops.sum(x=variable), X.sum())
    agree(ops.convert_to_tensor(variable), X)


BAD_CALLS = [
    (TypeError, "fabs", (COMPLEX,), {}),
    (TypeError, "ldexp", (X, X), {}),
    (ValueError, "where", (BOOLS, X), {}),
    (ValueError, "diagonal", (X,), {"axis1": 1, "axis2": -1}),
    (ValueError, "pad", (X, ((1, 1), (1, 1), (1, 1))), {}),
    (ValueError, "pad", (X, 1), {"mode": "edge", "constant_values": 1}),
    (ValueError, "reshape", (X, (-1, -1)), {}),
    (ValueError, "reshape", (X, (-2, 3)), {}),
    (ValueError, "rot90", (VECTOR,), {}),
    (ValueError, "rot90", (X,), {"axes": (0, 0)}),
    (TypeError, "array_split", (X, 2.0), {}),
    (ValueError, "array_split", (X, 0), {}),
    (TypeError, "eye", (2.0,), {}),
    (ValueError, "vander", (X,), {}),
    (TypeError, "vander", (VECTOR,), {"N": 2.0}),
    (ValueError, "vander", (VECTOR,), {"N": -1}),
    (ValueError, "searchsorted", (X, X), {}),
    (ValueError, "select", ([], []), {}),
    (TypeError, "histogram", (VECTOR,), {"bins": 2.0}),
    (ValueError, "histogram", (VECTOR,), {"bins": -1}),
    (ValueError, "histogram", (VECTOR,), {"range": (1.0, 0.0)}),
    (ValueError, "histogram", (X,), {}),
    (ValueError, "vectorize", (3,), {}),
]


@pytest.mark.parametrize(("error", "name", "args", "options"), BAD_CALLS, ids=[case[1] for case in BAD_CALLS])
def test_bad_arguments(error, name, args, options):
    with pytest.raises(error, match=name):
        getattr(ops, name)(*args, **options)
    with pytest.raises(error):
        getattr(keras.ops, name)(*args, **options)
