"""Regularizers against those of Keras."""

import jax
import numpy as np
import pytest

import kerasish.regularizers as ours
from kerasish.core.variable import Variable

keras = pytest.importorskip("keras")

CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.5}),
    ("L2", {}),
    ("L2", {"l2": 0.25}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.5, "l2": 0.25}),
    ("L1L2", {"l1": None, "l2": 0.25}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_equals_keras(name, arguments, dtype, rng):
    x = jax.numpy.asarray(rng.normal(size=(4, 3)), dtype)
    mine, theirs = (getattr(module, name)(**arguments) for module in (ours, keras.regularizers))
    value, expected = mine(x), theirs(x)
    assert value.shape == ()
    if name != "OrthogonalRegularizer":  # Keras's float32 factor promotes float16 there
        assert value.dtype == expected.dtype
    rtol = 1e-6 if dtype == "float32" else 5e-3
    np.testing.assert_allclose(np.float32(value), np.float32(expected), rtol=rtol)
    assert mine(Variable(x)) == value
    np.testing.assert_allclose(jax.grad(mine)(x), jax.grad(theirs)(x), rtol=rtol * 10, atol=rtol)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_configs(name, arguments):
    mine, theirs = (getattr(module, name)(**arguments) for module in (ours, keras.regularizers))
    config, expected = ours.serialize(mine), keras.regularizers.serialize(theirs)
    # Keras keeps some factors as float32 arrays, so its configs have 0.009999999776482582 where ours have 0.01.
    numbers = {key: value for key, value in config["config"].items() if isinstance(value, float)}
    assert numbers == pytest.approx({key: expected["config"][key] for key in numbers})
    assert {**config, "config": config["config"].keys()} == {**expected, "config": expected["config"].keys()}
    assert ours.deserialize(expected).get_config() == pytest.approx(mine.get_config())


def test_names_and_lookup():
    assert set(ours.__all__) == {name for name in dir(keras.regularizers) if not name.startswith("_")}
    from keras.src.regularizers import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(ours.get(name)).__name__ == cls.__name__
    assert ours.get("l1_l2").get_config() == {"l1": 0.0, "l2": 0.0}
    assert ours.get(None) is None
    with pytest.raises(ValueError, match="regularizer"):
        ours.get("l3")


def test_zero_rows_have_finite_gradients():
    gradient = jax.grad(ours.OrthogonalRegularizer())(np.zeros((3, 2), "float32"))
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ours.L1("0.1"), "l1='0.1'"),
        (lambda: ours.L2(-1.0), "l2=-1.0"),
        (lambda: ours.L1L2(l2=float("nan")), "l2=nan"),
        (lambda: ours.OrthogonalRegularizer(mode="diagonal"), "mode='diagonal'"),
        (lambda: ours.OrthogonalRegularizer()(np.ones((2, 2, 2))), "matrices"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()
