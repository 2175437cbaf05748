"""Helpers around training: files, labels, sequences, seeds, serialization."""

from kerasish.core.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from kerasish.core.dtypes import standardize_dtype
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
from kerasish.core.symbolic import source_inputs as get_source_inputs
from kerasish.models.feature_space import FeatureSpace
from kerasish.training.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from kerasish.training.py_dataset import PyDataset
from kerasish.training.py_dataset import PyDataset as Sequence
from kerasish.utils import bounding_boxes
from kerasish.utils.data_files import get_file
from kerasish.utils.images import array_to_img, img_to_array, load_img, save_img
from kerasish.utils.numerical import normalize, to_categorical
from kerasish.utils.progbar import Progbar
from kerasish.utils.sequences import pad_sequences
from kerasish.utils.session import clear_session, is_keras_tensor, set_random_seed
from kerasish.utils.splitting import split_dataset
from kerasish.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
