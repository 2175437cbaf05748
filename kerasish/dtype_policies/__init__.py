"""Dtype policies: in which dtype layers compute and keep their variables."""

from kerasish.core.dtypes import DTypePolicy, FloatDTypePolicy
from kerasish.core.dtypes import get_policy as get
from kerasish.core.policy_map import DTypePolicyMap
from kerasish.core.registry import builtins, deserialize_keras_object, serialize_keras_object


def serialize(dtype_policy: DTypePolicy) -> dict:
    """Return a policy as plain data."""
    return serialize_keras_object(dtype_policy)


def deserialize(config: dict, custom_objects: dict | None = None) -> DTypePolicy:
    """Make a policy from plain data."""
    return deserialize_keras_object(config, custom_objects)


builtins("keras", {"DTypePolicy": DTypePolicy, "FloatDTypePolicy": FloatDTypePolicy})
builtins(
    "keras.dtype_policies",
    {"DTypePolicy": DTypePolicy, "FloatDTypePolicy": FloatDTypePolicy, "DTypePolicyMap": DTypePolicyMap},
)

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize"]
