"""Every rule against Keras: 20-step trajectories in three dtypes, names and order of variables, configs."""

import inspect
import zlib

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
    "SGD": {"learning_rate": 0.05, "momentum": 0.0},
    "SGD momentum": {"learning_rate": 0.05, "momentum": 0.8},
    "SGD nesterov": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "RMSprop": {"learning_rate": 0.02, "momentum": 0.0},
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

# Arguments drawn where a rule above leaves them open.
RANGES = {
    "beta_1": (0.6, 0.95),
    "beta_2": (0.9, 0.99),
    "rho": (0.8, 0.97),
    "momentum": (0.3, 0.9),
    "epsilon": (1e-4, 1e-2),
    "weight_decay": (0.01, 0.1),
    "clipvalue": (0.5, 1.5),
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


# Keras updates half precision in half precision, where some numbers do not exist: 1 - 0.999 ** t is 0 in bfloat16, so
# that Adam stands still and Nadam gives NaN, and squares of small gradients are 0 in float16, so that Adam's step is
# huge. There Keras's own float32 is the oracle alone.
KERAS_LOSES = {
    "bfloat16": {"Adam", "AdamW", "Lamb", "Muon", "Muon plain", "Nadam", "ScheduleFreeAdamW"},
    "float16": set(),
}
LOSE_SQUARES = {"Adam", "Lamb", "Nadam", "ScheduleFreeAdamW"}
# Compiling takes most of the time of these tests.
FAST = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
TOLERANCE = {"float16": 0.008, "bfloat16": 0.07}


def all_dtypes(arrays):
    """Return values of the variables named in `names`: one set of numbers, each exact in every dtype."""
    arrays = [x.astype(jnp.bfloat16).astype("float32") for x in arrays]
    return [*map(jnp.asarray, arrays), *(jnp.asarray(x, dtype) for dtype in TOLERANCE for x in arrays[:2])]


def names():
    return [f"{name}_float32" for name in SHAPES] + [f"{name}_{d}" for d in TOLERANCE for name in list(SHAPES)[:2]]


def start_values(rng):
    return all_dtypes([rng.normal(size=shape) for shape in SHAPES.values()])


def gradients(rng):
    return all_dtypes([rng.normal(size=(STEPS, *shape)) for shape in SHAPES.values()])


def variables_of(library, values):
    scope = keras.name_scope if library is keras else name_scope
    make = keras.Variable if library is keras else Variable
    with scope("dense"):
        return [make(value, name=name, dtype=str(value.dtype)) for name, value in zip(names(), values, strict=True)]


def make_pair(name, options):
    """Return Keras's optimizer and ours, with schedules and inner optimizers of their own library."""
    pair = []
    for library in (keras.optimizers, ours):
        own = dict(options)
        if "schedule" in own:
            schedule, arguments = own.pop("schedule")
            own["learning_rate"] = getattr(library.schedules, schedule)(*arguments)
        if "inner_optimizer" in own:
            inner, arguments = own["inner_optimizer"]
            own["inner_optimizer"] = getattr(library, inner)(**arguments)
        pair.append(getattr(library, name.split()[0])(**own))
    return pair


def run(optimizer, variables, grads):
    """Return weights and state after all steps, by name, from one compiled scan of the pure form."""
    optimizer.build(variables)

    def step(carry, grad):
        weights, state = optimizer.stateless_apply(carry[1], grad, carry[0])
        return (weights, state), None

    start = [v.value for v in variables], [v.value for v in optimizer.variables]
    program = jax.jit(lambda start: jax.lax.scan(step, start, grads), compiler_options=FAST)
    (weights, state), _ = program(start)
    paths = [v.path for v in optimizer.variables]
    return dict(zip(names(), weights, strict=True)), {f"{i} {path}": x for i, (path, x) in enumerate(zip(paths, state))}


def distance(x, y):
    """Return the largest difference, relative to 1 and to the second array."""
    x, y = np.asarray(x, "float32"), np.asarray(y, "float32")
    return np.max(np.abs(x - y) / (1 + np.abs(y)), initial=0)


def in_float32(arrays, index):
    """Return the float32 array that corresponds to one of the arrays in half precision."""
    plain = [path.partition(" ")[2] or path for path in arrays]
    like = plain[index].replace("bfloat16", "float32").replace("float16", "float32")
    repeated = plain[:index].count(plain[index])  # Adafactor has two slots of one name
    return list(arrays.values())[[i for i, path in enumerate(plain) if path == like][repeated]]


def compare(name, options, rng, inexact=(), skipped=()):
    """Assert equality with Keras in float32; in half precision, closeness to Keras's float32, and to its own."""
    values, grads = start_values(rng), gradients(rng)
    for step in skipped:
        grads = [grad.at[step].set(jnp.inf) for grad in grads]
    expected_optimizer, optimizer = make_pair(name, options)
    expected = run(expected_optimizer, variables_of(keras, values), grads)
    received = run(optimizer, variables_of(ours, values), grads)
    for part, wanted in zip(received, expected, strict=True):
        assert [(x.dtype, x.shape) for x in part.values()] == [(x.dtype, x.shape) for x in wanted.values()]
        for i, (path, x) in enumerate(part.items()):
            dtype, y = str(x.dtype), list(wanted.values())[i]
            if dtype not in TOLERANCE:
                # The global norm is that of all variables, and Keras accumulates gradients in half precision.
                limit = {"rtol": 1e-3, "atol": 2e-4} if "global_clipnorm" in options else {"rtol": 2e-4, "atol": 2e-6}
                np.testing.assert_allclose(x, y, err_msg=path, **limit)
                continue
            assert distance(x, in_float32(wanted, i)) < TOLERANCE[dtype], path
            if part is received[0] and name not in KERAS_LOSES[dtype] and dtype not in inexact:
                assert distance(x, y) < TOLERANCE[dtype], path
    for dtype in TOLERANCE:
        # With accumulated gradients there are too few steps for some to lose much.
        if dtype in inexact or (name in KERAS_LOSES[dtype] and "gradient_accumulation_steps" not in options):
            weights = [i for i, path in enumerate(expected[0]) if path.endswith(f"_{dtype}")]
            lost = [distance(list(expected[0].values())[i], in_float32(expected[0], i)) for i in weights]
            assert not max(lost) < TOLERANCE[dtype] / 3, f"Keras is exact in {dtype}"
    moved = [distance(x, v) for x, v in zip(received[0].values(), values)]
    assert min(moved) > 1e-4


def drawn(name):
    """Return arguments drawn at random, with a seed of their own, for a rule."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    parameters = inspect.signature(getattr(keras.optimizers, name.split()[0])).parameters
    # What Keras loses in bfloat16 it loses with decays near 1.
    kept = {"beta_2", "epsilon"} if name in KERAS_LOSES["bfloat16"] else set()
    arguments = {option: rng.uniform(*RANGES[option]) for option in RANGES if option in parameters}
    return {option: value for option, value in arguments.items() if option not in kept and rng.integers(4)}


@pytest.mark.parametrize("name", RULES)
def test_rule_follows_keras(name, rng):
    compare(name, {**drawn(name), **RULES[name]}, rng)


@pytest.mark.parametrize("option", [option for option in OPTIONS if option != "everything"])
@pytest.mark.parametrize("name", ["SGD momentum", "Adam"])
def test_options_follow_keras(name, option, rng):
    compare(name, {**RULES[name], **OPTIONS[option]}, rng)


@pytest.mark.parametrize("name", ["SGD momentum", "Adam", "Nadam", "Muon", "Adafactor", "ScheduleFreeAdamW", "Lamb"])
def test_everything_at_once_follows_keras(name, rng):
    inexact = ["float16"] if name in LOSE_SQUARES else []
    compare(name, {**RULES[name], **OPTIONS["everything"]}, rng, inexact)


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


@pytest.mark.parametrize("inner", ["SGD momentum", "Adagrad"])
def test_loss_scaling_follows_keras(inner, rng):
    options = {"inner_optimizer": (inner.split()[0], RULES[inner]), "initial_scale": 4.0, "dynamic_growth_steps": 6}
    compare("LossScaleOptimizer", options, rng, skipped=(3, 4, 13))


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
