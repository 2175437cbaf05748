"""Environment and fixtures of all tests: JAX on the CPU, Keras as oracle, fixed seeds, fresh names."""

import os

# Before anything imports jax or keras: both read these once.
os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import random  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from kerasish.core import naming  # noqa: E402


@pytest.fixture(autouse=True)
def _fixed_seeds_and_fresh_names():
    """Each test starts from the same seeds and with no automatic name taken, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    naming.reset_names()
    yield


@pytest.fixture
def rng():
    """A NumPy generator with a fixed seed."""
    return np.random.default_rng(0)
