"""Saving and loading: weights in files, and objects as configurations."""

from kerasish.core.registry import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from kerasish.saving.config import InvalidConfigError
from kerasish.saving.editor import KerasFileEditor
from kerasish.saving.hdf5 import RefusedFileError
from kerasish.saving.models import load_model, save_model
from kerasish.saving.weights import load_weights, save_weights

__all__ = [
    "CustomObjectScope",
    "InvalidConfigError",
    "KerasFileEditor",
    "RefusedFileError",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
