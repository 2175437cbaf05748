"""What the tests of ops share: comparison of one call with Keras, in values, dtypes, gradients and symbolic shapes."""

import jax
import numpy as np
import pytest

import kerasish
import kerasish.ops as ops
from kerasish.core import tree
from kerasish.core.symbolic import KerasTensor
from kerasish.models.functional import _op_config

keras = pytest.importorskip("keras")

TOLERANCE = {"float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}


def find(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


def leaves(result):
    return jax.tree.leaves(result)


def assert_equal(actual, expected, tolerance=None):
    """Assert that two nests of results agree in structure, shape, dtype and values."""
    actual, expected = leaves(actual), leaves(expected)
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected):
        assert np.shape(ours) == np.shape(theirs)
        assert str(getattr(ours, "dtype", type(ours))) == str(getattr(theirs, "dtype", type(theirs)))
        limit = tolerance or TOLERANCE.get(str(getattr(theirs, "dtype", "")), 0)
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        if ours.dtype.kind not in "biuc":
            ours, theirs = ours.astype(np.float32), theirs.astype(np.float32)
        np.testing.assert_allclose(ours, theirs, rtol=limit, atol=limit)


def is_float(x):
    return isinstance(x, np.ndarray) and x.dtype.kind in "fV" and x.dtype != np.float64


def gradient(function, args, kwargs):
    positions = [i for i, x in enumerate(args) if is_float(x)]

    def total(*values):
        filled = list(args)
        for i, value in zip(positions, values):
            filled[i] = value
        outputs = [x for x in leaves(function(*filled, **kwargs)) if jax.numpy.issubdtype(x.dtype, np.floating)]
        return sum((x.astype("float32") * np.cos(np.arange(x.size)).reshape(x.shape)).sum() for x in outputs)

    # One program for each gradient instead of one for each of its steps.
    return jax.jit(jax.grad(total, argnums=tuple(range(len(positions)))))(*(args[i] for i in positions))


def symbolic(tensor_class, value, unknown):
    """Return the arguments with every array of rank 1 or more made symbolic, its first axis unknown if wanted."""
    if isinstance(value, np.ndarray) and value.ndim:
        shape = (None, *value.shape[1:]) if unknown else value.shape
        return tensor_class(shape, dtype=str(value.dtype))
    if isinstance(value, (list, tuple)):
        return type(value)(symbolic(tensor_class, item, unknown) for item in value)
    return value


def assert_same_config(ours, theirs):
    """Assert that configs of graphs describe the calls that made two symbolic tensors in the same way, names apart."""
    if getattr(theirs, "_keras_history", None) is None:
        return
    node, keras_node = (t._keras_history.operation._inbound_nodes[t._keras_history.node_index] for t in (ours, theirs))
    try:
        expected = keras.saving.serialize_keras_object(keras_node.operation)
    except NotImplementedError:  # Keras cannot write arrays in configurations
        return
    config, [(args, kwargs)] = _op_config(node.operation, [node])
    for described in (config, expected):
        described["config"].pop("name", None)
    assert config == expected

    def plain(part):
        return tree.map_structure(lambda x: "tensor" if hasattr(x, "_keras_history") else x, part)

    arguments = keras_node.arguments
    assert repr((plain(args), plain(kwargs))) == repr((plain(list(arguments.args)), plain(arguments.kwargs)))


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_programs():
    """Free the programs of a module's many small calls, some gigabytes over all of them."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def check():
    """Compare one call of an op with Keras's: `check("mean", x, axis=1)`."""

    def check(name, *args, grad=False, spec=True, unknown=True, tolerance=None, **kwargs):
        ours, theirs = find(ops, name), find(keras.ops, name)
        expected = theirs(*args, **kwargs)
        assert_equal(ours(*args, **kwargs), expected, tolerance)
        if grad:
            assert_equal(gradient(ours, args, kwargs), gradient(theirs, args, kwargs), tolerance)
        if spec:
            keras_args, our_args = (symbolic(c, args, unknown) for c in (keras.KerasTensor, KerasTensor))
            wanted = [x for x in keras.tree.flatten(theirs(*keras_args, **kwargs)) if hasattr(x, "shape")]
            result = [x for x in kerasish.core.tree.flatten(ours(*our_args, **kwargs)) if hasattr(x, "shape")]
            assert [tuple(x.shape) for x in result] == [tuple(x.shape) for x in wanted]
            assert [x.dtype for x in result] == [str(x.dtype) for x in leaves(expected)]
            if wanted:
                assert_same_config(result[0], wanted[0])

    return check


@pytest.fixture(scope="session")
def agree():
    """Assert that two nests of results are equal; see `assert_equal`."""
    return assert_equal
