"""What all optimizers share: applying, growing, learning rates, exclusions, state and lookup."""

import copy
import pickle
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish.optimizers as ours
from kerasish.core.lifted import jit, value_and_grad
from kerasish.core.variable import Scope, Variable

keras = pytest.importorskip("keras")


def make(*shapes, library=None):
    make_one = Variable if library is None else library.Variable
    return [make_one(np.ones(shape, "float32"), name=f"w{i}") for i, shape in enumerate(shapes)]


def values(variables):
    return [np.array(variable.value) for variable in variables]


def assert_same(received, expected, **tolerance):
    for x, y in zip(received, expected, strict=True):
        np.testing.assert_allclose(x, y, **(tolerance or {"rtol": 1e-5, "atol": 1e-7}))


def test_public_names_are_those_of_keras():
    for mine, theirs in ((ours, keras.optimizers), (ours.schedules, keras.optimizers.schedules)):
        expected = {name for name in dir(theirs) if not name.startswith("_")}
        assert expected <= set(mine.__all__)
    for name in ("Adam", "SGD", "RMSprop", "Adagrad", "Ftrl", "Optimizer"):
        with pytest.raises(ImportError, match="legacy"):
            getattr(ours.legacy, name)()


def test_eager_apply_equals_stateless_apply_and_keras(rng):
    grads = [rng.normal(size=(2, 3)).astype("float32"), rng.normal(size=(3,)).astype("float32")]
    eager, pure, theirs = make((2, 3), (3,)), make((2, 3), (3,)), make((2, 3), (3,), library=keras)
    first, second, third = ours.Adam(0.1), ours.Adam(0.1), keras.optimizers.Adam(0.1)
    second.build(pure)
    state, weights = [v.value for v in second.variables], [v.value for v in pure]
    for _ in range(3):
        first.apply(grads, eager)
        third.apply(grads, theirs)
        weights, state = second.stateless_apply(state, grads, weights)
    assert_same(values(eager), weights)
    assert_same(values(eager), [v.numpy() for v in theirs])
    assert_same(values(first.variables), state)
    assert int(first.iterations.value) == 3
    assert int(second.iterations.value) == 0


def test_lifted_jit_and_apply_gradients():
    (weight,) = make((2,))
    optimizer = ours.SGD(0.5)

    @jit
    def step(x):
        loss, grads = value_and_grad(lambda: jnp.sum(weight.value * x), [weight])()
        optimizer.apply(grads, [weight])
        return loss

    assert float(step(jnp.array([1.0, 2.0]))) == 3.0
    np.testing.assert_allclose(weight.value, [0.5, 0.0])
    count = optimizer.apply_gradients([(np.ones(2, "float32"), weight)])
    np.testing.assert_allclose(weight.value, [0.0, -0.5])
    assert int(count.value) == 2


def test_changed_hyperparameters_take_effect_in_eager_code():
    (weight,) = make(())
    optimizer = ours.SGD(0.5)
    optimizer.apply([1.0], [weight])
    optimizer.learning_rate = 0.25
    optimizer.apply([1.0])
    assert float(weight.value) == 0.25
    optimizer.clipvalue = 0.5
    optimizer.apply([1.0])
    assert float(weight.value) == 0.125


def test_a_thawed_variable_gets_slots_and_counts_its_own_steps():
    a, b = make((2,), (3,))
    optimizer = ours.Adam(0.1, use_ema=True)
    for _ in range(5):
        optimizer.apply([np.ones(2, "float32")], [a])
    before = optimizer._slots[a]["momentum"].numpy()
    optimizer.apply([np.ones(3, "float32"), np.zeros(2, "float32")], [b, a])
    # As fresh: the first step of Adam has the size of the learning rate, and the average is the value itself.
    np.testing.assert_allclose(b.value, 0.9, rtol=1e-5)
    np.testing.assert_allclose(optimizer._slots[b]["average"].value, b.value)
    np.testing.assert_allclose(optimizer._slots[a]["momentum"].value, 0.9 * before, rtol=1e-6)
    fresh = ours.Adam(0.1, use_ema=True)
    fresh.build([b, a])
    assert [v.name for v in optimizer.variables] == [v.name for v in fresh.variables]
    assert [v.shape for v in optimizer.variables] == [v.shape for v in fresh.variables]


@pytest.mark.parametrize("name", ["Nadam", "Adafactor", "Muon", "ScheduleFreeAdamW", "Ftrl"])
def test_every_rule_can_grow(name):
    a, b, c = make((2, 2), (3,), (2, 3))
    optimizer = getattr(ours, name)(0.1, gradient_accumulation_steps=2)
    optimizer.apply([np.ones((2, 2), "float32")], [a])
    kept = {id(v) for v in optimizer.variables}
    optimizer.build([a, b, c])
    assert kept <= {id(v) for v in optimizer.variables}
    before = values([a, b, c])
    optimizer.apply([np.ones(v.shape, "float32") for v in (a, b, c)], [a, b, c])
    optimizer.apply([np.ones((2, 3), "float32")], [c])  # a subset
    optimizer.apply([np.ones((2, 3), "float32")], [c])
    assert all(np.isfinite(v.numpy()).all() for v in optimizer.variables)
    assert all((x != y).any() for x, y in zip(before, values([a, b, c]), strict=True))


def test_building_while_tracing_leaves_no_tracers():
    a, b = make((2,), (2,))
    optimizer = ours.Adam(0.1)
    optimizer.build([a])

    def step(grad):
        with Scope():
            optimizer.apply([grad, grad], [a, b])
            return b.value

    assert jax.jit(step)(jnp.ones(2)).shape == (2,)
    assert all(isinstance(v.numpy(), np.ndarray) for v in optimizer.variables)
    np.testing.assert_allclose(b.value, 1.0)


def test_custom_optimizer_in_the_style_of_keras():
    class Heavy(ours.Optimizer):
        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")
            self.count = self.add_variable((), dtype="int32", name="count")

        def update_step(self, gradient, variable, learning_rate):
            velocity = self.velocities[self._get_variable_index(variable)]
            self.assign(velocity, velocity * 0.5 + gradient)
            self.assign_sub(variable, velocity * learning_rate)
            self.assign_add(self.count, 1)

    a, b = make((2,), (3,))
    optimizer = Heavy(learning_rate=0.1, name="heavy")
    optimizer.apply([np.ones(2, "float32")], [a])
    optimizer.apply([np.ones(2, "float32"), np.ones(3, "float32")], [a, b])
    np.testing.assert_allclose(a.value, 1 - 0.1 - 0.15, rtol=1e-6)
    np.testing.assert_allclose(b.value, 0.9, rtol=1e-6)
    assert int(optimizer.count.value) == 3
    paths = ["heavy/iteration", "heavy/learning_rate", "heavy/w0_velocity", "heavy/w1_velocity", "heavy/count"]
    assert [v.path for v in optimizer.variables] == paths
    optimizer.ensure_built([b])  # known: nothing to do
    assert [v.path for v in optimizer.variables] == paths


def test_subclass_of_a_rule_may_override_update_step():
    class Centered(ours.Adam):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient - jnp.mean(gradient), variable, learning_rate)

    (a,) = make((2,))
    optimizer = Centered(0.1)
    optimizer.apply([np.array([1.0, 3.0], "float32")], [a])
    np.testing.assert_allclose(a.value, [1.1, 0.9], rtol=1e-5)
    assert optimizer._momentums[0] is optimizer.variables[2]


def test_forgotten_super_init_is_named():
    class Forgetful(ours.Optimizer):
        def __init__(self):
            self.momentum = 0.9

    with pytest.raises(RuntimeError, match="super"):
        Forgetful()


def test_learning_rate_forms():
    optimizer = ours.SGD(0.5)
    optimizer.learning_rate = 0.1
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    schedule = ours.schedules.ExponentialDecay(1.0, 1, 0.5)
    optimizer.learning_rate = schedule
    assert [v.name for v in optimizer.variables] == ["iteration"]
    (weight,) = make(())
    for _ in range(2):
        optimizer.apply([1.0], [weight])
    assert float(weight.value) == -0.5
    assert float(optimizer.learning_rate) == 0.25
    with pytest.raises(TypeError, match="LearningRateSchedule"):
        optimizer.learning_rate = 0.1
    rates = iter([1.0, 2.0])
    called = ours.SGD(lambda: next(rates))
    called.apply([1.0], [weight])
    called.apply([1.0], [weight])
    assert float(weight.value) == -3.5
    assert float(ours.SGD(1).learning_rate) == 1.0


def test_exclusion_from_weight_decay():
    a, b, c = (Variable(np.ones(2, "float32"), name=name) for name in ("kernel", "bias", "gamma"))
    optimizer = ours.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[c], var_names=["bias"])
    optimizer.apply([np.zeros(2, "float32")] * 3, [a, b, c])
    assert [float(v.value[0]) for v in (a, b, c)] == pytest.approx([0.95, 1.0, 1.0])


def test_constraints_averages_and_overwriting():
    a, b = make((2,), (2,))
    a.constraint = lambda w: jnp.maximum(w, 0.75)
    b.overwrite_with_gradient = True
    optimizer = ours.SGD(0.5, momentum=0.5, use_ema=True, ema_momentum=0.5)
    optimizer.apply([np.ones(2, "float32"), np.full(2, 7.0, "float32")], [a, b])
    np.testing.assert_allclose(a.value, 0.75)
    np.testing.assert_allclose(b.value, 7.0)
    assert len(optimizer.variables) == 4
    assert optimizer.momentums[1] is None
    optimizer.apply([-np.ones(2, "float32"), np.full(2, 8.0, "float32")], [a, b])
    optimizer.finalize_variable_values([a, b])
    np.testing.assert_allclose(a.value, 0.5 * 0.5 + 0.5 * (0.75 - 0.25 + 0.5))
    np.testing.assert_allclose(b.value, 8.0)


def test_overwriting_is_accumulated_as_in_keras():
    grads = [np.full(2, g, "float32") for g in (3.0, 5.0, 1.0, 2.0)]
    results = []
    for library, variables in ((ours, make((2,))), (keras.optimizers, make((2,), library=keras))):
        variables[0].overwrite_with_gradient = True
        optimizer = library.SGD(gradient_accumulation_steps=2)
        seen = []
        for grad in grads:
            optimizer.apply([keras.ops.convert_to_tensor(grad)], variables)
            seen.append(np.array(variables[0].value)[0])
        results.append(seen)
    assert results[0] == results[1] == [1.0, 5.0, 5.0, 2.0]


def test_missing_gradients():
    a, b = make((2,), (2,))
    optimizer = ours.SGD(0.5)
    with pytest.warns(UserWarning, match="w1"):
        optimizer.apply([np.ones(2, "float32"), None], [a, b])
    np.testing.assert_allclose(b.value, 1.0)
    with pytest.raises(ValueError, match="No gradients"):
        optimizer.apply([None, None], [a, b])
    optimizer.apply([])
    assert int(optimizer.iterations.value) == 1


def test_wrong_use_is_explained():
    a, b = make((2,), (3,))
    optimizer = ours.SGD()
    with pytest.raises(ValueError, match="build"):
        optimizer.apply([np.ones(2)])
    with pytest.raises(ValueError, match="build"):
        optimizer.stateless_apply([], [], [])
    with pytest.raises(ValueError, match="build"):
        optimizer.set_weights([])
    with pytest.raises(ValueError, match="one gradient for each of 2"):
        optimizer.apply([np.ones(2)], [a, b])
    with pytest.raises(ValueError, match="'w1'.*shape"):
        optimizer.apply([np.ones(2), np.ones(2)], [a, b])
    with pytest.raises(ValueError, match="optimizer_variables"):
        optimizer.stateless_apply([], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="trainable_variables"):
        optimizer.stateless_apply([0, 0.1], [1], [1])
    with pytest.raises(NotImplementedError, match="update_step"):
        ours.Optimizer(0.1).apply([np.ones(2, "float32")], [a])
    with pytest.raises(ValueError, match="initializers"):
        optimizer.add_optimizer_variables([a], ["x", "y"], initializer=["zeros"])
    with pytest.warns(UserWarning, match="decay"):
        ours.SGD(decay=0.1)


def test_state_goes_to_keras_and_back():
    a, b = make((2, 2), (3,))
    theirs = make((2, 2), (3,), library=keras)
    optimizer, expected = ours.Nadam(0.1), keras.optimizers.Nadam(0.2)
    grads = [np.ones((2, 2), "float32"), np.ones(3, "float32")]
    optimizer.apply(grads, [a, b])
    expected.build(theirs)
    store = {}
    optimizer.save_own_variables(store)
    expected.load_own_variables(store)
    assert_same([v.numpy() for v in expected.variables], values(optimizer.variables))
    again = ours.Nadam(0.3)
    again.build([a, b])
    back = {}
    expected.save_own_variables(back)
    again.load_own_variables(back)
    assert_same(values(again.variables), values(optimizer.variables))
    again.set_weights([np.zeros_like(v) for v in values(again.variables)])
    assert float(again.learning_rate) == 0.0
    with pytest.warns(UserWarning, match="Skipping"):
        again.load_own_variables({"0": np.zeros(())})
    with pytest.raises(ValueError, match="shape"):
        again.set_weights([np.zeros(9)] * len(again.variables))
    with pytest.raises(ValueError, match="received 1 arrays"):
        again.set_weights([np.zeros(())])


def test_copies_are_independent():
    (a,) = make((2,))
    optimizer = ours.SGD(0.5, momentum=0.5)
    optimizer.apply([np.ones(2, "float32")], [a])
    weight, twin = copy.deepcopy((a, optimizer))
    twin.apply([np.ones(2, "float32")], [weight])
    np.testing.assert_allclose(weight.value, 0.5 - 0.75)
    np.testing.assert_allclose(a.value, 0.5)
    assert len(twin.variables) == len(optimizer.variables)
    thawed = pickle.loads(pickle.dumps(optimizer))
    assert_same(values(thawed.variables), values(optimizer.variables))


def test_building_needs_no_compilation():
    variables = [Variable(np.zeros((3, i + 1), "float32"), name=f"v{i}") for i in range(320)]
    optimizer = ours.Adam()
    start = time.perf_counter()
    optimizer.build(variables)
    assert len(optimizer.variables) == 642
    assert time.perf_counter() - start < 2.0  # about 30 ms; one compiled program per shape would take many seconds


def test_scale_loss():
    assert ours.SGD().scale_loss(2.0) == 2.0
    assert ours.SGD(loss_scale_factor=4.0).scale_loss(2.0) == 8.0


def test_get():
    assert ours.get(None) is None
    assert isinstance(ours.get("rmsprop"), ours.RMSprop)
    assert isinstance(ours.get("ADAMW"), ours.AdamW)
    assert isinstance(ours.get("lamb"), ours.Lamb)
    optimizer = ours.Adam()
    assert ours.get(optimizer) is optimizer
    assert isinstance(ours.get(ours.Lion), ours.Lion)
    config = {"class_name": "adam", "config": {"learning_rate": 0.25}}
    assert float(ours.get(config).learning_rate) == 0.25
    assert config["class_name"] == "adam"
    schedule = ours.schedules.CosineDecay(0.1, 10)
    again = ours.get(ours.serialize(ours.SGD(schedule)))
    assert again.get_config()["learning_rate"]["config"] == schedule.get_config()
    for wrong, hint in (("addam", "adam"), (3, "optimizer"), (print, "optimizer")):
        with pytest.raises(ValueError, match=hint):
            ours.get(wrong)


def test_custom_objects():
    class Mine(ours.SGD):
        pass

    config = ours.serialize(Mine(0.25))
    assert isinstance(ours.deserialize(config, custom_objects={"Mine": Mine}), Mine)
    with pytest.raises(ValueError, match="Mine"):
        ours.deserialize(config)
