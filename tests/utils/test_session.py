"""Seeds, names and the public list of `kerasish.utils`."""

import inspect
import random

import numpy as np
import pytest

from kerasish import utils
from kerasish.core import naming
from kerasish.core.random import SeedGenerator
from kerasish.core.symbolic import KerasTensor


def draws():
    return random.random(), np.random.rand(), np.asarray(SeedGenerator().next()).tolist()


def test_set_random_seed_repeats_all_three_sources():
    utils.set_random_seed(3)
    first = draws()
    utils.set_random_seed(3)
    assert draws() == first
    utils.set_random_seed(np.int64(4))
    assert all(a != b for a, b in zip(draws(), first))


@pytest.mark.parametrize("seed", ["3", 1.5, None, -1, 2**32, True])
def test_bad_seeds(seed):
    with pytest.raises(ValueError, match="seed"):
        utils.set_random_seed(seed)


@pytest.mark.parametrize("free_memory", [True, False])
def test_clear_session_restarts_names(free_memory):
    assert [naming.auto_name("Dense"), naming.auto_name("Dense")] == ["dense", "dense_1"]
    utils.clear_session(free_memory)
    assert naming.auto_name("Dense") == "dense"


def test_is_keras_tensor():
    assert utils.is_keras_tensor(KerasTensor((None, 3)))
    assert not utils.is_keras_tensor(np.zeros(3)) and not utils.is_keras_tensor(None)


def test_interactive_logging_switch():
    utils.disable_interactive_logging()
    assert not utils.is_interactive_logging_enabled()
    utils.enable_interactive_logging()
    assert utils.is_interactive_logging_enabled()


def test_every_listed_name_is_there():
    assert [name for name in utils.__all__ if not hasattr(utils, name)] == []


@pytest.mark.parametrize(
    "name",
    ["clear_session", "get_file", "is_keras_tensor", "normalize", "pad_sequences", "set_random_seed", "to_categorical"],
)
def test_signature_of_keras(name):
    keras = pytest.importorskip("keras")
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (utils, keras.utils))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
