"""Initializers by name, config or array."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import registry
from kerasish.core.dtypes import standardize_dtype
from kerasish.core.naming import to_snake_case
from kerasish.core.variable import standardize_shape
from kerasish.initializers import constant_initializers as constant
from kerasish.initializers import random_initializers as random
from kerasish.initializers.initializer import Initializer

_CLASSES = (
    Initializer,
    constant.Constant,
    constant.Identity,
    constant.Ones,
    constant.STFT,
    constant.Zeros,
    random.GlorotNormal,
    random.GlorotUniform,
    random.HeNormal,
    random.HeUniform,
    random.LecunNormal,
    random.LecunUniform,
    random.Orthogonal,
    random.RandomNormal,
    random.RandomUniform,
    random.TruncatedNormal,
    random.VarianceScaling,
)
_TABLE = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "IdentityInitializer": constant.Identity,
    "OrthogonalInitializer": random.Orthogonal,
    "STFTInitializer": constant.STFT,
    "normal": random.RandomNormal,
    "one": constant.Ones,
    "uniform": random.RandomUniform,
    "zero": constant.Zeros,
}

registry.builtins("keras.initializers", _TABLE)


def serialize(initializer: Any) -> Any:
    """Return the config of an initializer."""
    return registry.serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Return the initializer that a config describes; `custom_objects` maps further names to classes."""
    return registry.deserialize_keras_object(config, custom_objects, module_objects=_TABLE)


def get(identifier: Any) -> Any:
    """Return the initializer for a name (`"glorot_uniform"`), a config, a class, a callable or an array.

    Args:
        identifier: what the initializer is known by; an array gives an initializer that returns it. None gives None.

    Raises:
        ValueError: if there is no such initializer.
    """
    if isinstance(identifier, (jax.Array, np.ndarray, np.generic)):
        return _given(identifier)
    return registry.resolve(identifier, _TABLE, "initializer")


def _given(values: Any) -> Callable:
    """Return an initializer for weights of exactly the shape of `values`."""

    def initialize(shape: Sequence[int], dtype: Any = None) -> jax.Array:
        if standardize_shape(shape) != values.shape:
            raise ValueError(
                f"The array given as initializer has shape {values.shape}, but the weight has shape {tuple(shape)}."
            )
        return jnp.array(values, dtype=standardize_dtype(dtype))

    return initialize
