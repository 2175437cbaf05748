"""Process-wide state that scripts reset: random seeds and automatic names."""

import gc
import random
from typing import Any

import numpy as np

from kerasish.core.naming import reset_names
from kerasish.core.random import set_global_seed
from kerasish.core.symbolic import KerasTensor


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's global generator and all of kerasish's own randomness.

    Args:
        seed: an integer from 0 to 2**32 - 1.

    Raises:
        ValueError: if `seed` is not such an integer.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed: `seed` must be an integer from 0 to 2**32 - 1, received seed={seed!r}.")
    seed = int(seed)
    random.seed(seed)
    np.random.seed(seed)
    set_global_seed(seed)


def clear_session(free_memory: bool = True) -> None:
    """Forget the automatic names, so that the next unnamed `Dense` is called `dense` again.

    Models own their state and compiled functions, so there is no global graph to throw away.

    Args:
        free_memory: also collect garbage now, which frees models that refer to themselves and are no longer used.
    """
    reset_names()
    if free_memory:
        gc.collect()


def is_keras_tensor(x: Any) -> bool:
    """Return whether `x` is a symbolic tensor, as `Input` and layers called on it return.

    Example:
        >>> is_keras_tensor(np.zeros(3))
        False
    """
    return isinstance(x, KerasTensor)
