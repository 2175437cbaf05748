"""kerasish.random against keras.random with the same seeds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.random as ours
from kerasish.core.symbolic import KerasTensor
from kerasish.core.variable import Variable

keras = pytest.importorskip("keras")

LOGITS = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]], "float32"))
X = np.arange(12, dtype="float32").reshape(4, 3)

CALLS = {
    "normal": [((3, 2),), ((3,), 2.0, 0.5), ((3,), 0.0, 1.0, "bfloat16")],
    "uniform": [((3, 2),), ((3,), -2.0, 5.0), ((3,), 0.0, 1.0, "float16")],
    "randint": [((5,), 0, 10), ((5,), -3, 100, "int16")],
    "truncated_normal": [((3, 2),), ((3,), 2.0, 0.5)],
    "categorical": [(LOGITS, 5), (LOGITS, 2, "int16")],
    "dropout": [(X, 0.4), (X, 0.4, (None, 1)), (X, 0.0), (X, 1.0), (jnp.asarray(X, "bfloat16"), 0.3)],
    "shuffle": [(X,), (X, 1)],
    "gamma": [((3, 2), 0.7)],
    "binomial": [((3, 2), 10.0, 0.3), ((2,), [5.0, 8.0], [0.5, 0.2])],
    "beta": [((3, 2), 0.7, 1.4), ((2,), [0.5, 2.0], 0.3)],
}


@pytest.mark.parametrize(("name", "args"), [(name, args) for name, calls in CALLS.items() for args in calls])
def test_equals_keras(name, args):
    values = getattr(ours, name)(*args, seed=42)
    expected = getattr(keras.random, name)(*args, seed=42)
    assert (values.dtype, values.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(np.asarray(values, "float32"), np.asarray(expected, "float32"), rtol=1e-6)


def test_names_are_those_of_keras():
    assert set(ours.__all__) == {name for name in dir(keras.random) if not name.startswith("_")}


def test_usable_in_jit():
    inside = jax.jit(lambda x: ours.dropout(x, 0.5, seed=3))(X)
    np.testing.assert_array_equal(inside, ours.dropout(X, 0.5, seed=3))


def test_variables_and_symbolic_tensors():
    np.testing.assert_array_equal(ours.shuffle(Variable(X), seed=1), ours.shuffle(X, seed=1))
    assert ours.dropout(KerasTensor((None, 4)), 0.5, seed=1).shape == (None, 4)
    assert ours.dropout(KerasTensor((None, 4)), 0.5).shape == (None, 4)


def test_gradient_of_dropout():
    gradient = jax.grad(lambda x: ours.dropout(x, 0.25, seed=5).sum())(jnp.ones((50,)))
    np.testing.assert_allclose(gradient, ours.dropout(np.ones(50, "float32"), 0.25, seed=5))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ours.uniform((2,), dtype="int32"), "floating-point `dtype`"),
        (lambda: ours.normal((2,), dtype="int8"), "floating-point `dtype`"),
        (lambda: ours.randint((2,), 0, 3, dtype="float32"), "integer `dtype`"),
        (lambda: ours.categorical(np.zeros(3), 2), "batch, classes"),
        (lambda: ours.dropout(X, 1.5), "rate=1.5"),
        (lambda: ours.dropout(X, 0.5, (4,)), "noise_shape"),
        (lambda: ours.normal((2,), seed="a"), "seed='a'"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()
