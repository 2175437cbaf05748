"""`to_categorical` and `normalize` against Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kerasish.utils import numerical


@pytest.mark.parametrize("classes", [None, 5])
@pytest.mark.parametrize(
    "x", [[0, 2, 1], [[0], [2]], 3, [[0, 1], [1, 2]], [1.7, 2.2], [True, False], ["1", "2"]], ids=str
)
def test_to_categorical_of_lists_like_keras(x, classes):
    keras = pytest.importorskip("keras")
    ours, theirs = numerical.to_categorical(x, classes), keras.utils.to_categorical(x, classes)
    assert isinstance(ours, np.ndarray) and ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("x", [[0, 2, 1], [[0], [2]], [[0, 1], [1, 2]]], ids=str)
def test_to_categorical_of_tensors_like_keras(x):
    keras = pytest.importorskip("keras")
    ours, theirs = (numerical.to_categorical(jnp.array(x), 4), keras.utils.to_categorical(keras.ops.array(x), 4))
    assert isinstance(ours, jax.Array) and ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("x", "classes", "match"), [([0, 5], 3, "5"), ([-1, 1], None, "-1"), ([], None, "empty")])
def test_to_categorical_bad_labels(x, classes, match):
    with pytest.raises(ValueError, match=match):
        numerical.to_categorical(x, classes)


def test_to_categorical_of_a_tensor_needs_the_number_of_classes():
    with pytest.raises(ValueError, match="num_classes"):
        numerical.to_categorical(jnp.array([1, 2]))


@pytest.mark.parametrize("order", [1, 2, np.inf])
def test_normalize_like_keras(order, rng):
    keras = pytest.importorskip("keras")
    x = rng.normal(size=(3, 4))
    x[1] = 0
    ours = numerical.normalize(x, order=order)
    assert isinstance(ours, np.ndarray)
    np.testing.assert_allclose(ours, keras.utils.normalize(x, order=order), rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_normalize_along_any_axis(axis, rng):
    # Keras takes axis=0 of a NumPy array for the last axis.
    x = rng.normal(size=(3, 4)).astype("float32")
    expected = x / np.linalg.norm(x, axis=axis, keepdims=True)
    np.testing.assert_allclose(numerical.normalize(x, axis), expected, rtol=1e-6)
    of_tensor = numerical.normalize(jnp.asarray(x), axis)
    assert isinstance(of_tensor, jax.Array)
    np.testing.assert_allclose(of_tensor, expected, rtol=1e-5)
