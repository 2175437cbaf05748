"""Dtype policies and their configs against Keras's."""

import numpy as np
import pytest

import kerasish
from kerasish import dtype_policies as ours

keras = pytest.importorskip("keras")

# Policies of Keras's weight quantization, which kerasish does not have.
QUANTIZATION = {
    "AWQDTypePolicy", "GPTQDTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy",
}  # fmt: skip


def test_names_are_those_of_keras():
    public = {name for name in dir(keras.dtype_policies) if not name.startswith("_")}
    assert public - set(ours.__all__) == QUANTIZATION


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16", "float64", "mixed_float16", "mixed_bfloat16"])
def test_policies(name):
    theirs, policy = keras.dtype_policies.get(name), ours.get(name)
    assert (policy.name, policy.compute_dtype, policy.variable_dtype) == (
        theirs.name, theirs.compute_dtype, theirs.variable_dtype,
    )  # fmt: skip
    config = ours.serialize(policy)
    assert config == keras.dtype_policies.serialize(theirs)
    assert ours.deserialize(config) == policy == ours.get(config)


@pytest.mark.parametrize("identifier", ["mixed_float8", 3, {"a": 1}])
def test_what_is_no_policy(identifier):
    with pytest.raises((ValueError, TypeError)):
        ours.get(identifier)
    with pytest.raises(TypeError, match="name"):
        ours.DTypePolicy(3)


def test_maps_choose_by_path():
    theirs, policies = (_keras_map("float32"), ours.DTypePolicyMap("float32"))
    for mapping, lib in ((theirs, keras.dtype_policies), (policies, ours)):
        mapping["encoder/layer_0/dense"] = lib.DTypePolicy("bfloat16")
        mapping["encoder/.*"] = lib.DTypePolicy("float16")
        mapping["decoder"] = lib.DTypePolicy("bfloat16")
    for path in ("encoder/layer_0/dense", "encoder/other", "decoder", "decoder/child", "else"):
        assert policies[path].name == theirs[path].name
    assert list(policies) == list(theirs)
    assert policies.name == theirs.name
    config = ours.serialize(policies)
    assert config == keras.dtype_policies.serialize(theirs)
    assert ours.deserialize(config) == policies
    policies["encoder/o.*"] = "float32"
    with pytest.raises(ValueError, match="several"):
        policies["encoder/other"]
    with pytest.raises(ValueError, match="already"):
        policies["decoder"] = "float32"
    del policies["decoder"]
    assert "decoder" not in policies
    with pytest.raises(ValueError, match="default_policy"):
        ours.DTypePolicyMap(policies)
    with pytest.raises(TypeError, match="policy_map"):
        ours.DTypePolicyMap(policy_map=[1])


def _keras_map(default):
    return keras.dtype_policies.DTypePolicyMap(keras.dtype_policies.DTypePolicy(default))


def test_maps_of_policies_of_ones_own():
    class Own(ours.DTypePolicy):
        pass

    policies = ours.DTypePolicyMap("float32", {"encoder": Own("bfloat16")})
    again = ours.DTypePolicyMap.from_config(policies.get_config(), custom_objects={"Own": Own})
    assert type(again["encoder"]) is Own


def test_layers_follow_the_map_by_their_paths():
    def outputs(lib):
        policies = lib.dtype_policies.DTypePolicyMap("float32")
        policies["block/half"] = lib.dtype_policies.DTypePolicy("mixed_bfloat16")
        half = lib.layers.Dense(2, dtype=policies, name="half")
        model = lib.Sequential([lib.Input((3,)), half, lib.layers.Dense(2, dtype=policies, name="full")], name="block")
        return half, model

    for lib in (keras, kerasish):
        half, model = outputs(lib)
        assert (half.compute_dtype, half.variable_dtype) == ("bfloat16", "float32")
        assert model.layers[1].compute_dtype == "float32"
        assert str(half(np.ones((1, 3), "float32")).dtype) == "bfloat16"
    copy = kerasish.layers.Dense.from_config(half.get_config())
    assert copy.dtype_policy == half.dtype_policy
