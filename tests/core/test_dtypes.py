"""Dtypes, promotion and dtype policies, against Keras's."""

import itertools

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import kerasish
from kerasish.core import config, dtypes
from kerasish.core.dtypes import DTypePolicy, get_policy, result_type, standardize_dtype

keras = pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def _restore():
    yield
    config.set_floatx("float32")
    dtypes._global_policy.clear()


@pytest.mark.parametrize(
    "dtype",
    [
        None, "float32", "bfloat16", "string", "bool", np.float16, np.dtype("int64"), jnp.bfloat16, jnp.int8,
        bool, int, float, str, "int", ml_dtypes.bfloat16, jnp.ones(1).dtype, np.dtype("complex64"), "float8_e4m3fn",
    ],
    ids=str,
)  # fmt: skip
def test_standardize_dtype(dtype):
    assert standardize_dtype(dtype) == keras.backend.standardize_dtype(dtype)


@pytest.mark.parametrize("dtype", ["float33", object(), "", np.void, "O", "datetime64"])
def test_what_is_no_dtype(dtype):
    with pytest.raises(ValueError, match="Invalid dtype"):
        standardize_dtype(dtype)


def test_none_means_floatx():
    config.set_floatx("float16")
    assert standardize_dtype(None) == "float16" and result_type() == "float16"


@pytest.mark.parametrize(
    "dtype", ["float32", "bfloat16", "float8_e5m2", "int8", "uint32", "bool", "complex64", "string"]
)
def test_kinds(dtype):
    assert dtypes.is_float_dtype(dtype) == keras.backend.is_float_dtype(dtype)
    assert dtypes.is_int_dtype(dtype) == keras.backend.is_int_dtype(dtype)


NAMES = [*dtypes.BOOL_TYPES, *dtypes.INT_TYPES, *dtypes.FLOAT_TYPES, *dtypes.COMPLEX_TYPES]


@pytest.mark.parametrize("floatx", ["float32", "bfloat16"])
def test_promotion_of_all_pairs(floatx):
    config.set_floatx(floatx)
    keras.config.set_floatx(floatx)
    try:
        for pair in itertools.product([*NAMES, int, float], repeat=2):
            if pair[0] in dtypes.COMPLEX_TYPES or pair[1] in dtypes.COMPLEX_TYPES:
                continue  # Keras has no rules for complex numbers
            assert result_type(*pair) == keras.backend.result_type(*pair), pair
    finally:
        keras.config.set_floatx("float32")


def test_promotion_of_complex_numbers_is_that_of_numpy():
    assert result_type("complex64", "float32") == result_type("int8", "complex64") == "complex64"
    assert result_type("complex64", float) == "complex64"


def test_promotion_of_several():
    for names in itertools.combinations(["bool", "int8", "uint8", "int32", "bfloat16", "float16", float, int], 3):
        assert result_type(*names) == keras.backend.result_type(*names), names
    with pytest.raises(ValueError, match="float8"):
        result_type("float8_e4m3fn", "float32")


def test_dtype_of():
    assert dtypes.dtype_of(1.0) is float and dtypes.dtype_of(True) is bool and dtypes.dtype_of([1, 2]) == "int64"
    assert dtypes.dtype_of(jnp.ones(1, "bfloat16")) == "bfloat16"


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "int32"])
def test_policies(name):
    theirs, ours = keras.DTypePolicy(name), DTypePolicy(name)
    for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert ours.get_config() == theirs.get_config()
    assert DTypePolicy.from_config(ours.get_config()) == ours and hash(DTypePolicy(name)) == hash(ours)
    assert repr(ours) == repr(theirs)
    config_of = kerasish.saving.serialize_keras_object(ours)
    assert config_of == keras.saving.serialize_keras_object(theirs)
    for form in (config_of, ours.get_config(), name, ours):
        assert get_policy(form) == ours


def test_the_global_policy():
    assert dtypes.dtype_policy().name == "float32" == DTypePolicy(None).name
    config.set_floatx("float16")
    assert dtypes.dtype_policy().name == "float16"
    dtypes.set_dtype_policy("mixed_bfloat16")
    assert dtypes.dtype_policy() == get_policy(None) == DTypePolicy("mixed_bfloat16")
    layer = kerasish.layers.Dense(1)
    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
    assert get_policy(np.float16).name == "float16"


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: DTypePolicy(3), TypeError),
        (lambda: DTypePolicy("mixed_float32"), ValueError),
        (lambda: DTypePolicy("float33"), ValueError),
        (lambda: get_policy(object()), ValueError),
        (lambda: get_policy({"units": 3}), ValueError),
        (lambda: dtypes.set_dtype_policy("float33"), ValueError),
        (lambda: kerasish.layers.Dense(1, dtype="float33"), ValueError),
    ],
)
def test_bad_policies(make, error):
    with pytest.raises(error):
        make()
