"""Whole models in files: Keras's load here and ours there, with equal predictions, configs and further training."""

import io
import json
import types
import zipfile

import numpy as np
import pytest

import kerasish
from kerasish.saving.saveables import walk
from tests.saving import families, text_models, zoo

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore")

MODELS = [make for make in zoo.MODELS if make is not zoo.nested] + families.FAMILIES


@pytest.fixture(autouse=True)
def _jax_layers_of_keras_without_tensorflow(monkeypatch):
    """Keras asks TensorFlow whether it is tracing before it builds a JaxLayer, also where nothing else needs it."""
    answer = types.SimpleNamespace(inside_function=lambda: False)
    monkeypatch.setattr("keras.src.utils.jax_layer.tf", answer)


def outputs(model, x, lib, **kwargs):
    return [np.asarray(y, "float32") for y in lib.tree.flatten(model(x, **kwargs))]


def assert_equal_outputs(first, second, rtol=1e-6):
    for y, wanted in zip(first, second, strict=True):
        np.testing.assert_allclose(y, wanted, rtol=rtol, atol=1e-6)


def own_classes(model, lib):
    """The classes of a model's parts that are written in the tests, by name."""
    parts = [item for _, item in walk(model)] if lib is kerasish else [model, *model.layers]
    return {type(part).__name__: type(part) for part in parts if not type(part).__module__.startswith("keras")}


WITH_OWN_CLASSES = (
    zoo.subclassed,
    zoo.lists_filled_later,
    zoo.subclass_of_layer,
    zoo.mixed_functional_subclass,
    families.tone_and_shear,
)


# These register what they need where they are made.
REGISTERING = (families.own_functions, families.own_wrapper, families.flax_module)


def classes_for(make, lib):
    if make in REGISTERING and lib is kerasish:
        make(lib)
    return own_classes(make(lib)[0], lib) if make in WITH_OWN_CLASSES else None


def without_numbers(config):
    """A config without the numbers that mark objects as the same, which Keras gives to dtype policies too."""
    if isinstance(config, dict):
        return {key: without_numbers(value) for key, value in config.items() if key != "shared_object_id"}
    return [without_numbers(item) for item in config] if isinstance(config, list) else config


def config_in(path):
    with zipfile.ZipFile(path) as archive:
        return without_numbers(json.loads(archive.read("config.json")))


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_archives_of_keras_load_here_and_ours_in_keras(make, tmp_path):
    theirs, x = zoo.of_keras(make)
    # Layers that change images do so by default; logarithms of transforms are rounded more than once.
    mode = {"training": False} if make is families.images else {}
    rtol = 1e-5 if make is families.sound else 1e-6
    expected = outputs(theirs, x, keras, **mode)
    theirs.save(tmp_path / "theirs.keras")
    model = kerasish.models.load_model(tmp_path / "theirs.keras", custom_objects=classes_for(make, kerasish))
    assert_equal_outputs(outputs(model, x, kerasish, **mode), expected, rtol)
    model.save(tmp_path / "ours.keras")
    assert differences(config_in(tmp_path / "theirs.keras"), config_in(tmp_path / "ours.keras")) == []
    again = kerasish.models.load_model(tmp_path / "ours.keras", custom_objects=classes_for(make, kerasish))
    for value, wanted in zip(again.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(value, wanted)
    back = keras.models.load_model(tmp_path / "ours.keras", custom_objects=classes_for(make, keras))
    assert_equal_outputs(outputs(back, x, keras, **mode), expected, rtol)


def test_modules_of_flax_go_both_ways(tmp_path):
    pytest.importorskip("flax.linen", reason="Flax is not installed")
    test_archives_of_keras_load_here_and_ours_in_keras(families.flax_module, tmp_path)


@pytest.mark.parametrize("make", families.SHARING, ids=lambda make: make.__name__)
def test_layers_that_models_of_one_model_share_stay_shared(make, tmp_path):
    """Keras cannot load such files, whoever wrote them, but for `sharing_layer_in_stacks` of ours."""
    theirs, x = make(keras)
    theirs.save(tmp_path / "theirs.keras")
    with pytest.raises(ValueError, match="could not be loaded"):
        keras.models.load_model(tmp_path / "theirs.keras")
    expected = outputs(theirs, x, keras)
    model = kerasish.models.load_model(tmp_path / "theirs.keras")
    model.save(tmp_path / "ours.keras")
    for loaded in (model, kerasish.models.load_model(tmp_path / "ours.keras")):
        assert len(loaded.weights) == len(theirs.weights)
        assert_equal_outputs(outputs(loaded, x, kerasish), expected)
    if make is families.sharing_layer_in_stacks:
        assert_equal_outputs(outputs(keras.models.load_model(tmp_path / "ours.keras"), x, keras), expected)


@pytest.mark.parametrize(
    ("name", "error"), [("Equalization", "part of a cycle"), ("RandomShear", "could not be deserialized")]
)
def test_layers_that_keras_cannot_have_in_files_go_along_here(name, error, tmp_path):
    arguments = {"Equalization": {"bins": 16}, "RandomShear": {"x_factor": 0.2, "y_factor": 0.1}}[name]

    def make(lib):
        return lib.Sequential([lib.Input((5, 5, 3)), getattr(lib.layers, name)(**arguments)])

    with pytest.raises((ValueError, TypeError), match=error):
        theirs = make(keras)
        theirs(np.ones((1, 5, 5, 3), "float32"))
        theirs.save(tmp_path / "theirs.keras")
        keras.models.load_model(tmp_path / "theirs.keras")
    model, x = make(kerasish), np.linspace(0, 255, 150, dtype="float32").reshape(2, 5, 5, 3)
    model.save(tmp_path / "ours.keras")
    loaded = kerasish.models.load_model(tmp_path / "ours.keras")
    assert loaded.layers[0].get_config() == model.layers[0].get_config()
    assert_equal_outputs(*(outputs(m, x, kerasish, training=False) for m in (loaded, model)))


def test_windows_outside_training_have_the_size_that_was_declared():
    """Keras declares images of the target's size, but returns them uncut outside training."""
    x = np.ones((2, 8, 8, 3), "float32")
    for lib, shape in ((keras, (2, 8, 8, 3)), (kerasish, (2, 4, 3, 3))):
        model = lib.Sequential([lib.Input((8, 8, 3)), lib.layers.RandomCrop(4, 3)])
        assert model.output_shape == (None, 4, 3, 3)
        assert model.predict(x, verbose=0).shape == shape


def parts(item, found):
    """The classes of all layers in an object, also of those that have no state or are in other layers."""
    if isinstance(item, kerasish.layers.Layer):
        if id(item) in found:
            return
        found[id(item)] = item
        for value in [getattr(item, "layers", []), *vars(item).values()]:
            parts(value, found)
    elif isinstance(item, dict):
        parts(list(item.values()), found)
    elif isinstance(item, (list, tuple)):
        for value in item:
            parts(value, found)


# Layers without a model of Keras's above, and why.
ELSEWHERE = {
    "FlaxLayer": "Flax may not be installed: test_modules_of_flax_go_both_ways",
}


def test_every_public_layer_is_in_a_model_of_the_zoo():
    found = {}
    for make in [*MODELS, *families.SHARING, *text_models.MODELS]:
        parts(make(kerasish)[0], found)
    classes = {base for item in found.values() for base in type(item).__mro__[: 1 if is_own(type(item)) else None]}
    public = {getattr(kerasish.layers, name) for name in kerasish.layers.__all__}
    public = {item for item in public if isinstance(item, type) and issubclass(item, kerasish.layers.Layer)}
    assert {item.__name__ for item in public - classes} == set(ELSEWHERE)
    assert len(MODELS) + len(families.SHARING) + len(text_models.MODELS) >= 40


def is_own(cls):
    """Whether the library has the class: those of the tests stand for what they are made of."""
    return cls.__module__.startswith("kerasish")


def trained(lib, optimizer, ending=".keras"):
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(3, "tanh"), lib.layers.Dense(2)])
    # Keras cannot load all names and metrics from its own .h5 files.
    metrics = ["mae", lib.metrics.MeanSquaredError(name="error")] if ending == ".keras" else ["mae"]
    model.compile(optimizer(lib), lib.losses.MeanSquaredError(), metrics=metrics)
    model.train_on_batch(*DATA)
    return model


DATA = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4), np.linspace(0, 1, 16, dtype="float32").reshape(8, 2)
OPTIMIZERS = {
    "adadelta": lambda lib: lib.optimizers.Adadelta(0.1),
    "adafactor": lambda lib: lib.optimizers.Adafactor(0.01),
    "adagrad": lambda lib: lib.optimizers.Adagrad(0.01),
    "adam": lambda lib: lib.optimizers.Adam(lib.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9), amsgrad=True),
    "adamax": lambda lib: lib.optimizers.Adamax(0.01, clipnorm=1.0),
    "adamw": lambda lib: lib.optimizers.AdamW(0.01, use_ema=True, ema_overwrite_frequency=1),
    "ftrl": lambda lib: lib.optimizers.Ftrl(0.01),
    "lamb": lambda lib: lib.optimizers.Lamb(0.01),
    "lion": lambda lib: lib.optimizers.Lion(0.01),
    "loss_scale": lambda lib: lib.optimizers.LossScaleOptimizer(lib.optimizers.SGD(0.01)),
    "muon": lambda lib: lib.optimizers.Muon(0.01),
    "nadam": lambda lib: lib.optimizers.Nadam(0.01),
    "rmsprop": lambda lib: lib.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "sgd": lambda lib: lib.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize(("name", "ending"), [*((name, ".keras") for name in OPTIMIZERS), ("adam", ".h5")])
def test_training_goes_on_where_it_stopped(name, ending, tmp_path):
    theirs = trained(keras, OPTIMIZERS[name], ending)
    path, ours_path = tmp_path / f"theirs{ending}", tmp_path / f"ours{ending}"
    theirs.save(path)
    ours = kerasish.models.load_model(path)
    ours.save(ours_path)
    back = keras.models.load_model(ours_path)
    if ending == ".keras":
        assert differences(config_in(path), config_in(ours_path)) == []
    for value, wanted in zip(back.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(value, wanted)
    # Keras cannot train what it has loaded from an .h5 file, whoever wrote it.
    models = (theirs, ours, back) if ending == ".keras" else (theirs, ours)
    for _ in range(2):
        wanted, *found = (model.train_on_batch(*DATA, return_dict=True) for model in models)
        for logs in found:
            np.testing.assert_allclose(float(logs["loss"]), float(wanted["loss"]), 1e-5, 1e-6)
        assert found[0].keys() == wanted.keys()
        np.testing.assert_allclose(list(map(float, found[0].values())), list(map(float, wanted.values())), 1e-5, 1e-6)
    for value, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(value, wanted, 1e-4, 1e-6)


def test_a_model_loads_without_being_compiled(tmp_path):
    model = trained(kerasish, OPTIMIZERS["adam"])
    model.save(tmp_path / "m.keras")
    loaded = kerasish.models.load_model(tmp_path / "m.keras", compile=False)
    assert not loaded.compiled
    assert_equal_outputs(outputs(loaded, DATA[0], kerasish), outputs(model, DATA[0], kerasish))


@pytest.mark.parametrize("lib", [keras, kerasish], ids=["keras", "kerasish"])
def test_directories_and_binary_files(lib, tmp_path):
    model, x = zoo.sequential(kerasish)
    expected = outputs(model, x, kerasish)
    for _ in range(2):  # the second replaces the first
        kerasish.saving.save_model(model, str(tmp_path / "m"), zipped=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m"]
    assert_equal_outputs(outputs(lib.saving.load_model(str(tmp_path / "m")), x, lib), expected)
    file = io.BytesIO()
    model.save(file)
    assert_equal_outputs(outputs(kerasish.saving.load_model(file), x, kerasish), expected)


def test_weights_load_from_archives(tmp_path):
    saved, x = zoo.sequential(kerasish)
    model, _ = zoo.sequential(kerasish)
    saved.save(tmp_path / "m.keras")
    model.load_weights(tmp_path / "m.keras")
    assert_equal_outputs(outputs(model, x, kerasish), outputs(saved, x, kerasish))


class Vocabulary(kerasish.layers.Layer):
    """A layer with a file of its own."""

    def __init__(self, words=(), **kwargs):
        super().__init__(**kwargs)
        self.words = list(words)

    def call(self, x):
        return x

    def get_config(self):
        return super(kerasish.layers.Layer, self).get_config() | {"words": []}

    def save_assets(self, directory):
        with open(f"{directory}/words.txt", "w") as file:
            file.write("\n".join(self.words))

    def load_assets(self, directory):
        with open(f"{directory}/words.txt") as file:
            self.words = file.read().split("\n")


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_layers_go_along(zipped, tmp_path):
    model = kerasish.Sequential([kerasish.Input((2,)), Vocabulary(["a", "b"]), Vocabulary(["c"])])
    path = tmp_path / ("m.keras" if zipped else "m")
    kerasish.saving.save_model(model, path, zipped=zipped)
    loaded = kerasish.models.load_model(path, custom_objects={"Vocabulary": Vocabulary})
    assert [layer.words for layer in loaded.layers] == [["a", "b"], ["c"]]


def test_one_error_lists_all_unknown_names():
    def own(name):
        return type(name, (kerasish.layers.Layer,), {"call": lambda self, x: x, "__module__": "own"})()

    model = kerasish.Sequential([kerasish.Input((2,)), own("First"), own("Second"), own("Second")])
    with pytest.raises(ValueError, match=r"2 unknown objects.*custom_objects=\{'First': \.\.\., 'Second': \.\.\.\}"):
        kerasish.models.model_from_json(model.to_json())
    classes = {type(layer).__name__: type(layer) for layer in model.layers}
    kerasish.models.model_from_json(model.to_json(), custom_objects=classes)
    with pytest.raises(ValueError, match="Unknown object 'Second'"):
        kerasish.models.model_from_json(model.to_json(), custom_objects={"First": classes["First"]})


def test_json_makes_a_model_with_new_weights():
    theirs, x = zoo.branches(keras)
    ours = kerasish.models.model_from_json(theirs.to_json())
    back = keras.models.model_from_json(ours.to_json())
    assert [w.shape for w in back.get_weights()] == [w.shape for w in theirs.get_weights()]


def test_arguments_are_checked(tmp_path):
    model, _ = zoo.sequential(kerasish)
    with pytest.raises(ValueError, match=r"must end in '\.keras'"):
        model.save(tmp_path / "model")
    with pytest.raises(TypeError, match="filepath"):
        model.save(7)
    with pytest.raises(ValueError, match="unknown arguments"):
        model.save(tmp_path / "m.keras", include=1)
    with pytest.raises(ValueError, match="must not end"):
        model.save(tmp_path / "m.keras", zipped=False)
    with pytest.raises(ValueError, match="not a local path"):
        kerasish.models.load_model("hf://a/b")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        kerasish.models.load_model(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="no saved model"):
        kerasish.models.load_model(tmp_path)
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(tmp_path / "m.keras", overwrite=False)
    with pytest.warns(UserWarning, match="not built"):
        kerasish.Sequential([kerasish.layers.Dense(2)]).save(tmp_path / "m.keras")


def differences(theirs, ours, path=""):
    """The places where two configs differ.

    Keras also writes shapes for layers that build nothing, and arguments of calls that have their defaults.
    """
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = {*theirs, *ours} - ({"build_config"} if ours.get("build_config") is None else set())
        if path.endswith(".kwargs"):
            keys = {key for key in keys if key in ours or theirs[key] not in (None, False)}
        return [found for key in keys for found in differences(theirs.get(key), ours.get(key), f"{path}.{key}")]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        pairs = enumerate(zip(theirs, ours))
        return [found for index, (a, b) in pairs for found in differences(a, b, f"{path}[{index}]")]
    return [] if theirs == ours else [(path, theirs, ours)]
