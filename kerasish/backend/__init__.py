"""Names that scripts look up in `keras.backend`."""

from kerasish.core.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from kerasish.core.dtypes import is_float_dtype, is_int_dtype, result_type, standardize_dtype
from kerasish.core.naming import get_uid
from kerasish.core.symbolic import is_symbolic as is_keras_tensor
from kerasish.core.variable import Variable
from kerasish.utils import clear_session

__all__ = [
    "Variable",
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]
