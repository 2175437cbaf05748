"""Process-wide settings."""

import jax
import pytest

import kerasish
from kerasish.core import config

keras = pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def _restore():
    before = dict(config._settings)
    yield
    config._settings.update(before)


def test_defaults_are_those_of_keras():
    for name in ("floatx", "epsilon", "image_data_format", "backend", "is_flash_attention_enabled",
                 "is_interactive_logging_enabled", "is_traceback_filtering_enabled", "max_epochs",
                 "max_steps_per_epoch"):  # fmt: skip
        assert getattr(kerasish.config, name)() == getattr(keras.config, name)(), name


@pytest.mark.parametrize("value", ["bfloat16", "float16", "float64"])
def test_floatx(value):
    config.set_floatx(value)
    assert config.floatx() == value
    assert kerasish.layers.Dense(1).dtype == value
    config.set_floatx("float32")
    for bad in ("int32", "float", None, 32):
        with pytest.raises(ValueError, match="set_floatx"):
            config.set_floatx(bad)
    assert config.floatx() == "float32"


def test_epsilon_and_image_data_format():
    config.set_epsilon(1e-3)
    assert config.epsilon() == 1e-3
    config.set_image_data_format("Channels_First")
    assert config.image_data_format() == config.standardize_data_format(None) == "channels_first"
    assert kerasish.layers.Conv2D(1, 1).data_format == "channels_first"
    for bad in ("NHWC", 3):
        with pytest.raises(ValueError, match="channels_last"):
            config.set_image_data_format(bad)


def test_switches():
    config.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    config.enable_interactive_logging()
    assert config.is_interactive_logging_enabled()
    config.enable_flash_attention()
    assert config.is_flash_attention_enabled() is True
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled() and jax.config.jax_traceback_filtering == "off"
    config.enable_traceback_filtering()
    assert config.is_traceback_filtering_enabled() and jax.config.jax_traceback_filtering == "auto"


def test_limits():
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 3)
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    assert (config.max_epochs(), config.max_steps_per_epoch()) == (None, None)
