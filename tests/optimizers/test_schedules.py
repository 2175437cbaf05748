"""Learning rate schedules against Keras on a grid of steps."""

import jax
import numpy as np
import pytest

from kerasish.optimizers import schedules

keras = pytest.importorskip("keras")

CASES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [10, 20, 25], "values": [1.0, 0.5, 0.1, 0.01]}),
    ("PiecewiseConstantDecay", {"boundaries": [10], "values": [1.0, 0.5]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "end_learning_rate": 0.01, "power": 0.5}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 8, "power": 2.0, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.2}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 20, "alpha": 0.1, "warmup_target": 0.2, "warmup_steps": 6},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6, "t_mul": 1.0, "m_mul": 0.8}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.5, "m_mul": 0.9, "alpha": 0.1},
    ),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values_and_config_are_those_of_keras(name, arguments):
    expected = getattr(keras.optimizers.schedules, name)(**arguments)
    schedule = getattr(schedules, name)(**arguments)
    steps = np.arange(33)
    received = jax.jit(jax.vmap(schedule))(steps)
    assert received.dtype == np.float32
    wanted = np.array(jax.vmap(expected)(steps))
    np.testing.assert_allclose(received, wanted, rtol=2e-5, atol=1e-8)
    np.testing.assert_allclose(schedule(11), wanted[11], rtol=2e-5)
    assert schedules.serialize(schedule) == keras.optimizers.schedules.serialize(expected)
    again = schedules.deserialize(keras.optimizers.schedules.serialize(expected))
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()


def test_integer_initial_rate_warms_up():
    """Keras takes the dtype of `initial_learning_rate=0`, an integer, so that its rate stays 0."""
    schedule = schedules.CosineDecay(0, 10, warmup_target=0.5, warmup_steps=5)
    np.testing.assert_allclose(schedule(2), 0.2, rtol=1e-6)


@pytest.mark.parametrize("name", ["ExponentialDecay", "InverseTimeDecay", "PolynomialDecay", "CosineDecay"])
def test_bad_decay_steps(name):
    arguments = {"decay_rate": 0.9} if name in ("ExponentialDecay", "InverseTimeDecay") else {}
    with pytest.raises(ValueError, match="decay_steps"):
        getattr(schedules, name)(0.1, decay_steps=0, **arguments)
    with pytest.raises(ValueError, match="first_decay_steps"):
        schedules.CosineDecayRestarts(0.1, 0)
    with pytest.raises(ValueError, match="one longer"):
        schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2])


def test_base_class_and_plain_configs():
    with pytest.raises(NotImplementedError, match="__call__"):
        schedules.LearningRateSchedule()(1)
    with pytest.raises(NotImplementedError, match="get_config"):
        schedules.LearningRateSchedule().get_config()
    config = {"class_name": "PolynomialDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 10}}
    assert isinstance(schedules.deserialize(config), schedules.PolynomialDecay)
