"""Constraints against those of Keras."""

import jax
import numpy as np
import pytest

import kerasish.constraints as ours
from kerasish.core.variable import Variable

keras = pytest.importorskip("keras")

CASES = [
    ("Constraint", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 1.5, "axis": [0, 1]}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": [0, 1, 2]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 2.0, "max_value": 3.0, "rate": 0.4, "axis": 1}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_equals_keras(name, arguments, dtype, rng):
    w = jax.numpy.asarray(rng.normal(size=(3, 4, 2)), dtype)
    mine, theirs = (getattr(module, name)(**arguments) for module in (ours, keras.constraints))
    values, expected = mine(w), theirs(w)
    assert values.dtype == expected.dtype
    np.testing.assert_allclose(np.asarray(values, "float32"), np.asarray(expected, "float32"), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(mine(Variable(w)), "float32"), np.asarray(values, "float32"))
    np.testing.assert_allclose(np.asarray(jax.jit(mine)(w), "float32"), np.asarray(values, "float32"), rtol=1e-2)
    assert ours.serialize(mine) == keras.constraints.serialize(theirs)
    assert ours.deserialize(ours.serialize(mine)).get_config() == mine.get_config()


def test_names_and_lookup():
    assert set(ours.__all__) == {name for name in dir(keras.constraints) if not name.startswith("_")}
    from keras.src.constraints import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(ours.get(name)).__name__ == cls.__name__
    assert ours.get(None) is None
    assert ours.get(abs) is abs
    with pytest.raises(ValueError, match="non_neg"):
        ours.get("nonneg")
