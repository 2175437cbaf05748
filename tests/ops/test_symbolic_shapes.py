"""Every op on symbolic tensors with an unknown first axis: shapes and dtypes are those that Keras infers."""

import inspect
import pathlib

import jax
import numpy as np
import pytest

import kerasish.ops as ops
from kerasish.core.symbolic import KerasTensor
from tests.ops.draws import DRAWS, Draw, Fixed, base, find

keras = pytest.importorskip("keras")

# Ops whose result is no tensor, or none of a symbolic argument.
WITHOUT_SHAPES = {
    "convert_to_numpy": "needs values",
    "custom_gradient": "wraps a function",
    "dtype": "returns a name",
    "is_tensor": "returns a bool",
    "ndim": "returns an int",
    "shape": "returns the shape itself",
    "size": "returns an int, None where unknown",
    "vectorize": "wraps a function",
    "image.elastic_transform": "is random, and tested by itself",
}

# Where Keras 3.15 infers something else than it computes, or nothing at all: what it computes is the oracle.
KERAS_IS_WRONG = {
    "adaptive_average_pool": "no shape for channels_last and one size",
    "adaptive_max_pool": "no shape for channels_last and one size",
    "corrcoef": "the shape of the argument",
    "eig": "real dtypes",
    "heaviside": "an error for Python numbers",
    "hypot": "an error for Python numbers",
    "lu_factor": "float pivots",
    "multi_hot": "int32 where floatx is computed",
    "polar": "a real dtype",
    "rearrange": "an error for an unknown batch",
    "rot90": "swapped axes even for half turns",
    "slogdet": "no batch in the signs",
    "image.scale_and_translate": "the batch of `output_shape`, not that of the images",
}


def symbolic(tensor_class, value):
    """Return arguments with symbolic tensors in the place of arrays."""
    if isinstance(value, np.ndarray) and value.ndim:
        shape = value.shape if isinstance(value, Fixed) else (None, *value.shape[1:])
        return tensor_class(shape, dtype=str(value.dtype))
    if isinstance(value, (list, tuple)):
        return type(value)(symbolic(tensor_class, item) for item in value)
    return value


def described(result):
    return [(tuple(x.shape), str(x.dtype)) for x in jax.tree.leaves(result) if hasattr(x, "shape")]


def inferred(library, tensor_class, name, args, kwargs):
    try:
        return described(find(library, name)(*symbolic(tensor_class, args), **symbolic(tensor_class, kwargs)))
    except (AttributeError, TypeError) as error:
        assert library is keras.ops, error
        return repr(error)


def test_every_op_is_drawn():
    names = {name for name in dir(keras.ops) if callable(getattr(keras.ops, name)) and not name.startswith("_")}
    for module in ("image", "linalg", "nn", "numpy"):
        functions = inspect.getmembers(getattr(keras.ops, module), callable)
        names |= {name if hasattr(keras.ops, name) else f"{module}.{name}" for name, _ in functions}
    assert names - set(DRAWS) == set(WITHOUT_SHAPES)
    assert set(DRAWS) <= names


def test_exceptions_are_documented():
    text = pathlib.Path(__file__).parents[2].joinpath("docs", "differences-from-keras.md").read_text()
    assert [name for name in KERAS_IS_WRONG if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", sorted(set(DRAWS) - set(KERAS_IS_WRONG)))
def test_shapes_are_those_of_keras(name):
    args, kwargs = DRAWS[name](Draw(name))
    expected = inferred(keras.ops, keras.KerasTensor, name, args, kwargs)
    assert inferred(ops, KerasTensor, name, args, kwargs) == expected


@pytest.mark.parametrize("name", KERAS_IS_WRONG)
def test_shapes_are_those_of_results_where_keras_is_wrong(name):
    wrong = 0
    for seed in range(4):
        args, kwargs = DRAWS[name](Draw(name, seed))
        ours = inferred(ops, KerasTensor, name, args, kwargs)
        computed = described(find(keras.ops, name)(*base(args), **kwargs))
        for (shape, dtype), (concrete, expected) in zip(ours, computed, strict=True):
            assert dtype == expected
            assert len(shape) == len(concrete)
            # Which axes are unknown: the first, and what is made of it.
            assert all(size in (None, n) for size, n in zip(shape, concrete))
            assert shape.count(None) <= (2 if name == "corrcoef" else 1)
        wrong += inferred(keras.ops, keras.KerasTensor, name, args, kwargs) != ours
    assert wrong, "no longer an exception"
