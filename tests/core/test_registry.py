"""Names, configs and what they stand for: tables only, nothing is ever imported or run."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import kerasish
from kerasish import initializers, layers, losses, regularizers
from kerasish.core import registry
from tests.layers.scenarios import assert_same_in_both, failure

keras = pytest.importorskip("keras")

serialize, deserialize = kerasish.saving.serialize_keras_object, kerasish.saving.deserialize_keras_object


def same(scenario):
    """Turn a scenario into a test that it gives the same with Keras and kerasish."""

    def test():
        assert_same_in_both(scenario)

    test.__name__ = scenario.__name__
    return test


@pytest.fixture(autouse=True)
def _restore():
    objects, names = dict(registry._custom_objects), dict(registry._custom_names)
    yield
    for table, before in ((registry._custom_objects, objects), (registry._custom_names, names)):
        table.clear()
        table.update(before)


class Scale(layers.Layer):
    """A layer for these tests."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor


def double(x):
    return 2 * x


@same
def test_plain_and_tagged_values(lib):
    values = [
        None, 1, 2.5, "text", True, [1, (2, 3)], {"a": [None, {"b": 1}]}, b"bytes", slice(1, None, 2), ...,
        np.float32(1.5), np.int64(3), np.arange(2.0), np.ones((1, 2), "int8"),
    ]  # fmt: skip
    forms = [lib.saving.serialize_keras_object(value) for value in values]
    back = [lib.saving.deserialize_keras_object(form) for form in forms]
    return json.dumps(forms), [np.asarray(v).tolist() if isinstance(v, np.ndarray) else repr(v) for v in back[6:]]


@same
def test_objects_of_all_packages(lib):
    objects = [
        lib.layers.Dense(3, activation="relu", name="d"), lib.losses.CategoricalCrossentropy(True),
        lib.optimizers.SGD(0.5),
        lib.initializers.HeNormal(seed=1), lib.regularizers.L1L2(0.1, 0.2), lib.constraints.MaxNorm(3),
        lib.metrics.MeanSquaredError(name="m"), lib.DTypePolicy("mixed_float16"), lib.activations.relu,
        lib.optimizers.schedules.CosineDecay(0.1, 10), lib.losses.mean_squared_error,
    ]  # fmt: skip
    forms = [lib.saving.serialize_keras_object(obj) for obj in objects]
    return json.loads(json.dumps(forms))


def test_objects_come_back():
    for obj in (layers.Dense(3, name="d"), losses.Huber(delta=2.0), initializers.Zeros(), regularizers.L2(0.5)):
        again = deserialize(json.loads(json.dumps(serialize(obj))))
        assert type(again) is type(obj) and again.get_config() == obj.get_config()
    tensor = deserialize(serialize(jnp.asarray([1.0, 2.0], "bfloat16")))
    assert tensor.dtype == "bfloat16" and tensor.tolist() == [1.0, 2.0]
    assert deserialize(serialize(kerasish.activations.gelu)) is kerasish.activations.gelu
    assert deserialize(serialize(np.arange(2, dtype="int16"))).dtype == "int16"


def test_configs_of_keras_are_understood():
    for obj in (keras.layers.Conv2D(1, 2), keras.losses.KLDivergence(), keras.optimizers.Adam(), keras.metrics.AUC()):
        again = deserialize(json.loads(json.dumps(keras.saving.serialize_keras_object(obj))))
        assert type(again).__name__ == type(obj).__name__ and type(again).__module__.startswith("kerasish")


@same
def test_registration(lib):
    saving = lib.saving

    @saving.register_keras_serializable("mine", name="Other")
    class Layer(lib.layers.Layer):
        pass

    @saving.register_keras_serializable()
    def function(x):
        return x

    class NoConfig:
        pass

    names = [saving.get_registered_name(obj) for obj in (Layer, function, NoConfig)]
    found = [saving.get_registered_object(name) for name in ("mine>Other", "Custom>function", "nothing")]
    form = saving.serialize_keras_object(Layer(name="l"))
    form["module"] = None
    scoped = []
    for scope in (saving.custom_object_scope, saving.CustomObjectScope):
        with scope({"inner": 3}):
            scoped.append(saving.get_registered_object("inner"))
    errors = [failure(saving.register_keras_serializable(), NoConfig)]
    again = saving.deserialize_keras_object(form)
    return names, [f is None for f in found], form, scoped, saving.get_registered_object("inner"), errors, again.name


def test_custom_objects_are_found_by_scope_argument_and_table():
    form = serialize(Scale(3.0))
    for again in (
        deserialize(form, custom_objects={"Scale": Scale}),
        deserialize(form, module_objects={"Scale": Scale}),
    ):
        assert isinstance(again, Scale) and again.factor == 3.0
    with registry.custom_object_scope({"Scale": Scale}):
        assert isinstance(deserialize(form), Scale)
    kerasish.saving.get_custom_objects()["Scale"] = Scale
    assert isinstance(deserialize(form), Scale)
    assert deserialize(serialize(double), custom_objects={"double": double}) is double
    assert deserialize("double", custom_objects={"double": double}) is double
    assert deserialize("double") == "double"


def test_a_custom_object_comes_before_a_built_in_of_its_name():
    class Dense(layers.Dense):
        pass

    form = serialize(layers.Dense(1))
    assert type(deserialize(form, custom_objects={"Dense": Dense})) is Dense


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"module": "os", "class_name": "system", "config": {}}, ValueError, "custom_objects="),
        (
            {"module": "kerasish.layers", "class_name": "Unknown", "config": {}},
            ValueError,
            "register_keras_serializable",
        ),
        ({"module": "builtins", "class_name": "function", "config": "eval"}, ValueError, "eval"),
        ({"class_name": "function", "config": {"code": "x"}}, TypeError, "must be its name"),
        ({"class_name": "__lambda__", "config": {"value": "x"}}, ValueError, "never run"),
        ({"module": "keras.layers", "class_name": "Dense", "config": 3}, TypeError, "must be a dict"),
        ({"module": "keras.layers", "class_name": "Dense", "config": {"unit": 3}}, (TypeError, ValueError), "unit"),
        (object(), TypeError, "expected plain data"),
    ],
)
def test_bad_configs(config, error, message):
    with pytest.raises(error, match=message):
        deserialize(config)


def test_what_cannot_be_written():
    with pytest.raises(ValueError, match="lambda cannot be serialized"):
        serialize(lambda x: x)
    with pytest.raises(TypeError, match="no `get_config"):
        serialize(object())

    class Bad(layers.Layer):
        def get_config(self):
            return [1]

    with pytest.raises(TypeError, match="must return a dict"):
        serialize(Bad())
    with pytest.raises(TypeError, match="unknown arguments"):
        registry.deserialize_keras_object({}, unknown=1)


def test_shared_objects_become_one():
    form = {**serialize(layers.Dense(2)), "shared_object_id": 7}
    assert deserialize([form, form])[0] is not deserialize([form, form])[1]
    with registry.shared_objects():
        first, second = deserialize([form, form])
    assert first is second


def test_layers_are_built_from_their_configs():
    layer = layers.Dense(2)
    layer.build((None, 3))
    again = deserialize(serialize(layer))
    assert again.built and again.kernel.shape == (3, 2)


TABLE = {"double": double, "scale": Scale, "DOUBLE": double}


def test_resolve():
    resolve = registry.resolve
    assert resolve(None, TABLE, "thing") is None
    assert resolve("double", TABLE, "thing") is resolve(double, TABLE, "thing") is double
    assert isinstance(resolve("scale", TABLE, "thing"), Scale) and isinstance(resolve(Scale, TABLE, "thing"), Scale)
    assert isinstance(resolve({"class_name": "scale", "config": {"factor": 3.0}}, TABLE, "thing"), Scale)
    assert resolve("own", TABLE, "thing", custom_objects={"own": double}) is double
    layer = Scale()
    assert resolve(layer, TABLE, "thing") is layer
    with pytest.raises(ValueError, match=r"Unknown thing: 'doubel'. Did you mean one of \['double'\]"):
        resolve("doubel", TABLE, "thing")
    with pytest.raises(ValueError, match="Known names"):
        resolve("zzzz", TABLE, "thing")
    with pytest.raises(ValueError, match="Could not interpret thing identifier: 3"):
        resolve(3, TABLE, "thing")


def test_tables_of_built_ins():
    assert registry.builtin("keras.layers", "Dense") is layers.Dense
    assert registry.builtin_name(layers.Dense) == ("keras.layers", "Dense")
    assert registry.builtin("keras.layers", "Nothing") is None and registry.builtin_name(double) is None


BASES = {"InputSpec", "Layer", "Loss", "Metric", "Optimizer", "Initializer", "Regularizer"}


@pytest.mark.parametrize(
    "package", ["layers", "losses", "metrics", "optimizers", "initializers", "regularizers", "constraints"]
)
def test_every_public_class_can_be_found_where_keras_says_it_is(package):
    ours, theirs = getattr(kerasish, package), getattr(keras, package)
    missing = []
    for name, cls in vars(theirs).items():
        if isinstance(cls, type) and name not in BASES and hasattr(ours, name):
            module, _, public = keras.src.api_export.get_name_from_symbol(cls).rpartition(".")
            if registry.builtin(module, cls.__name__) is None and registry.builtin(module, public) is None:
                missing.append(f"{module}.{cls.__name__}")
    assert missing == []
