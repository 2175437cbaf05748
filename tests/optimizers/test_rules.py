"""Every rule against Keras: 20-step trajectories of weights and state, names and order of variables, configs."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.optimizers as ours
from kerasish.core.naming import name_scope
from kerasish.core.variable import Variable

keras = pytest.importorskip("keras")

SHAPES = {"kernel": (4, 3), "bias": (3,), "filters": (2, 3, 4), "scale": ()}
STEPS = 20

RULES = {
    "SGD": {"learning_rate": 0.05},
    "SGD momentum": {"learning_rate": 0.05, "momentum": 0.8},
    "SGD nesterov": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "RMSprop": {"learning_rate": 0.02},
    "RMSprop centered": {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.5, "centered": True, "epsilon": 1e-3},
    "Adam": {"learning_rate": 0.02},
    "Adam amsgrad": {"learning_rate": 0.02, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-4, "amsgrad": True},
    "AdamW": {"learning_rate": 0.02, "weight_decay": 0.1},
    "Adamax": {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95},
    "Adadelta": {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-4},
    "Adagrad": {"learning_rate": 0.1, "initial_accumulator_value": 0.2},
    "Nadam": {"learning_rate": 0.02, "beta_1": 0.85},
    "Ftrl": {
        "learning_rate": 0.1,
        "learning_rate_power": -0.6,
        "l1_regularization_strength": 0.01,
        "l2_regularization_strength": 0.02,
        "l2_shrinkage_regularization_strength": 0.03,
        "beta": 0.1,
    },
    "Lion": {"learning_rate": 0.01, "beta_1": 0.8},
    "Adafactor": {"learning_rate": 0.5, "clip_threshold": 0.8},
    "Lamb": {"learning_rate": 0.02},
    "Muon": {"learning_rate": 0.02, "weight_decay": 0.1, "adam_weight_decay": 0.05},
    "Muon plain": {"learning_rate": 0.02, "rms_rate": None, "nesterov": False, "exclude_layers": ["nothing"]},
    "ScheduleFreeAdamW": {"learning_rate": 0.02, "warmup_steps": 5},
}

OPTIONS = {
    "weight decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.3},
    "global clipnorm": {"global_clipnorm": 0.7},
    "averages": {"use_ema": True, "ema_momentum": 0.8},
    "averages overwrite": {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 3},
    "loss scale": {"loss_scale_factor": 4.0},
    "everything": {
        "weight_decay": 0.05,
        "global_clipnorm": 1.0,
        "use_ema": True,
        "ema_momentum": 0.9,
        "ema_overwrite_frequency": 2,
        "gradient_accumulation_steps": 2,
        "loss_scale_factor": 2.0,
    },
}


def start_values(rng, dtype="float32"):
    return [jnp.asarray(rng.normal(size=shape), dtype) for shape in SHAPES.values()]


def gradients(rng, dtype="float32"):
    return [jnp.asarray(rng.normal(size=(STEPS, *shape)), dtype) for shape in SHAPES.values()]


def variables_of(library, values):
    scope = keras.name_scope if library is keras else name_scope
    make = keras.Variable if library is keras else Variable
    with scope("dense"):
        return [make(value, name=name, dtype=str(value.dtype)) for name, value in zip(SHAPES, values, strict=True)]


def make_pair(name, options):
    """Return Keras's optimizer and ours, with schedules of their own library."""
    pair = []
    for library in (keras.optimizers, ours):
        own = dict(options)
        if "schedule" in own:
            schedule, arguments = own.pop("schedule")
            own["learning_rate"] = getattr(library.schedules, schedule)(*arguments)
        pair.append(getattr(library, name.split()[0])(**own))
    return pair


def run(optimizer, variables, grads):
    """Return weights and state after all steps, from one compiled scan of the pure form."""
    optimizer.build(variables)

    def step(carry, grad):
        weights, state = optimizer.stateless_apply(carry[1], grad, carry[0])
        return (weights, state), None

    start = [v.value for v in variables], [v.value for v in optimizer.variables]
    (weights, state), _ = jax.jit(lambda start: jax.lax.scan(step, start, grads))(start)
    return weights, state


def compare(name, options, rng, dtype="float32", **tolerance):
    values, grads = start_values(rng, dtype), gradients(rng, dtype)
    expected_optimizer, optimizer = make_pair(name, options)
    expected = run(expected_optimizer, variables_of(keras, values), grads)
    received = run(optimizer, variables_of(ours, values), grads)
    tolerance = tolerance or {"rtol": 2e-4, "atol": 2e-6}
    for part, wanted in zip(received, expected, strict=True):
        assert len(part) == len(wanted)
        for i, (x, y) in enumerate(zip(part, wanted, strict=True)):
            assert x.dtype == y.dtype
            assert x.shape == y.shape
            np.testing.assert_allclose(
                np.asarray(x, "float32"), np.asarray(y, "float32"), err_msg=f"array {i}", **tolerance
            )
    moved = [np.abs(np.asarray(x, "float32") - np.asarray(v, "float32")).max() for x, v in zip(received[0], values)]
    assert min(moved) > 1e-4


@pytest.mark.parametrize("name", RULES)
def test_rule_follows_keras(name, rng):
    compare(name, RULES[name], rng)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", ["SGD momentum", "Adam"])
def test_options_follow_keras(name, option, rng):
    compare(name, {**RULES[name], **OPTIONS[option]}, rng)


@pytest.mark.parametrize("name", ["Nadam", "Muon", "Adafactor", "ScheduleFreeAdamW", "Lamb"])
def test_everything_at_once_follows_keras(name, rng):
    compare(name, {**RULES[name], **OPTIONS["everything"]}, rng)


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("Adam", ("CosineDecay", (0.01, 15, 0.1, "CosineDecay", 0.05, 4))),
        ("Adafactor", ("ExponentialDecay", (0.5, 5, 0.5))),
        ("Muon", ("PolynomialDecay", (0.05, 10))),
    ],
)
def test_schedules_follow_keras(name, schedule, rng):
    compare(name, {"schedule": schedule, "gradient_accumulation_steps": 2, "weight_decay": 0.1}, rng)


@pytest.mark.parametrize("name", ["SGD momentum", "Adagrad", "RMSprop centered"])
def test_bfloat16_is_near_keras(name, rng):
    compare(name, RULES[name], rng, dtype="bfloat16", rtol=0.04, atol=0.04)


def test_adam_learns_in_bfloat16(rng):
    """Keras computes 1 - 0.999 ** t in bfloat16, which is 0: its weights never move. Ours follow float32."""
    values, grads = start_values(rng), gradients(rng)
    halves = [value.astype("bfloat16") for value in values]
    full, _ = run(ours.Adam(0.02), variables_of(ours, [h.astype("float32") for h in halves]), grads)
    half, _ = run(ours.Adam(0.02), variables_of(ours, halves), [g.astype("bfloat16") for g in grads])
    stuck, _ = run(keras.optimizers.Adam(0.02), variables_of(keras, halves), [g.astype("bfloat16") for g in grads])
    for x, y, z, start in zip(half, full, stuck, halves, strict=True):
        np.testing.assert_allclose(np.asarray(x, "float32"), y, rtol=0.05, atol=0.05)
        np.testing.assert_array_equal(np.asarray(z, "float32"), np.asarray(start, "float32"))


@pytest.mark.parametrize("name", RULES)
def test_variables_are_those_of_keras(name, rng):
    """Index, shape and dtype decide what files hold; the paths are equal where Keras's are not automatic."""
    options = {**RULES[name], "use_ema": True, "gradient_accumulation_steps": 2}
    values = start_values(rng)
    expected_optimizer, optimizer = make_pair(name, {**options, "name": "own"})
    expected_optimizer.build(variables_of(keras, values))
    optimizer.build(variables_of(ours, values))
    assert len(optimizer.variables) == len(expected_optimizer.variables)
    for x, y in zip(optimizer.variables, expected_optimizer.variables, strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_array_equal(x.numpy(), y.numpy())
        if y.path.startswith("own/"):
            assert (x.path, x.name) == (y.path, y.name)
        else:
            assert y.shape == ()  # Keras gives these scalars automatic names


@pytest.mark.parametrize("name", RULES)
def test_config_is_that_of_keras(name):
    options = {**RULES[name], "clipnorm": 1.0, "name": "own", "use_ema": True, "ema_overwrite_frequency": 7}
    expected, optimizer = make_pair(name, options)
    assert ours.serialize(optimizer) == keras.optimizers.serialize(expected)
    again = ours.deserialize(keras.optimizers.serialize(expected))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()
    assert type(expected).from_config(optimizer.get_config()).get_config() == optimizer.get_config()


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Muon", "Lion", "Ftrl"])
def test_defaults_are_those_of_keras(name):
    assert getattr(ours, name)(name="x").get_config() == getattr(keras.optimizers, name)(name="x").get_config()


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in RULES}))
def test_all_arguments_may_be_positional(name):
    cls = getattr(keras.optimizers, name)
    arguments = {p.name: p.default for p in list(inspect.signature(cls).parameters.values())[:-1]}
    arguments |= {"weight_decay": 0.25, "global_clipnorm": 2.0, "ema_momentum": 0.75, "name": "own"}
    expected = cls(*arguments.values()).get_config()
    assert getattr(ours, name)(*arguments.values()).get_config() == expected
    with pytest.raises(TypeError, match="at most"):
        getattr(ours, name)(*arguments.values(), 1)
    with pytest.raises(TypeError, match="learning_rate"):
        getattr(ours, name)(0.1, learning_rate=0.1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"momentum": 1.5}),
        ("SGD", {"learning_rate": "fast"}),
        ("SGD", {"lr": 0.1}),
        ("AdamW", {"weight_decay": None}),
        ("Ftrl", {"l1_regularization_strength": -1.0}),
        ("Ftrl", {"learning_rate_power": 1.0}),
        ("Lion", {"beta_1": 0.0}),
        ("Adam", {"gradient_accumulation_steps": 1}),
        ("Adam", {"use_ema": True, "ema_momentum": 2.0}),
        ("Adam", {"use_ema": True, "ema_overwrite_frequency": -1}),
        ("Adam", {"clipnorm": 1.0, "clipvalue": 1.0}),
    ],
)
def test_bad_arguments_are_errors_as_in_keras(name, options):
    with pytest.raises(ValueError, match=r".+") as expected:
        getattr(keras.optimizers, name)(**options)
    with pytest.raises(ValueError, match=next(iter(reversed(options)))):
        getattr(ours, name)(**options)
    assert expected.type is ValueError
