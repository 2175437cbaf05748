"""Models of the zoo in files, compiled and half trained: training goes on with the same losses in both libraries.

A few run always; `KERASISH_WHOLE_ZOO=1` takes all that train without chance, which needs minutes.
"""

import os

import numpy as np
import pytest

import kerasish
from tests.saving import families, zoo
from tests.saving.test_models import MODELS, _jax_layers_of_keras_without_tensorflow, classes_for  # noqa: F401

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore")

ALWAYS = [zoo.branches, zoo.nested, zoo.subclass_of_layer, families.inner_model_called_often]
# With dropout or noise, the numbers are not those of Keras.
BY_CHANCE = [
    zoo.sequential, zoo.subclassed, zoo.recurrent, zoo.attention, zoo.activation_layers, families.regularization,
    families.one_dimensional, families.two_dimensional, families.three_dimensional, families.images,
]  # fmt: skip
# Keras on JAX forgets the kernel that SpectralNormalization has normalized when it takes a step.
NORMALIZED = [zoo.normalizations, families.more_normalizations]
WITHOUT_WEIGHTS = [families.shapes, families.merges, families.many_operations, families.sound, families.intervals]
ONLY_LOSSES = [*BY_CHANCE, *NORMALIZED, *WITHOUT_WEIGHTS]
# Keras returns uncut images where it evaluates, for which there are no targets: see `test_windows_outside_training...`.
WITHOUT_TARGETS = [families.crops]
WHOLE = [make for make in MODELS if make not in [*ALWAYS, *ONLY_LOSSES, *WITHOUT_TARGETS]]


def targets(model, x):
    return keras.tree.map_structure(lambda y: np.full(y.shape, 0.25, "float32"), model(x))


def losses(model, x, y, steps):
    return [float(model.train_on_batch(x, y, return_dict=True)["loss"]) for _ in range(steps)]


def assert_goes_on(make, directory):
    theirs, x = make(keras)
    y = targets(theirs, x)
    theirs.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    losses(theirs, x, y, 1)
    theirs.save(directory / "theirs.keras")
    ours = kerasish.models.load_model(directory / "theirs.keras", custom_objects=classes_for(make, kerasish))
    ours.save(directory / "ours.keras")
    wanted = losses(theirs, x, y, 3)
    rtol = 1e-4 if make is zoo.bfloat16_weights else 1e-5
    np.testing.assert_allclose(losses(ours, x, y, 3), wanted, rtol, 1e-6)
    assert wanted[2] != wanted[0]
    for value, reference in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(value.astype("float32"), reference.astype("float32"), 1e-4, 1e-5)
    if make is not zoo.nested:  # Keras cannot load it: see `families.SHARING`
        back = keras.models.load_model(directory / "ours.keras", custom_objects=classes_for(make, keras))
        np.testing.assert_allclose(losses(back, x, y, 3), wanted, rtol, 1e-6)


@pytest.mark.parametrize("make", ALWAYS, ids=lambda make: make.__name__)
def test_training_goes_on(make, tmp_path):
    assert_goes_on(make, tmp_path)


@pytest.mark.skipif(os.environ.get("KERASISH_WHOLE_ZOO") != "1", reason="takes minutes; set KERASISH_WHOLE_ZOO=1")
@pytest.mark.parametrize("make", WHOLE, ids=lambda make: make.__name__)
def test_training_goes_on_for_the_whole_zoo(make, tmp_path):
    assert_goes_on(make, tmp_path)


@pytest.mark.skipif(os.environ.get("KERASISH_WHOLE_ZOO") != "1", reason="takes minutes; set KERASISH_WHOLE_ZOO=1")
@pytest.mark.parametrize("make", ONLY_LOSSES, ids=lambda make: make.__name__)
def test_losses_are_the_same_where_training_is_not_compared(make, tmp_path):
    theirs, x = make(keras)
    y = targets(theirs, x)
    theirs.compile("sgd", "mse")
    theirs.save(tmp_path / "theirs.keras")
    ours = kerasish.models.load_model(tmp_path / "theirs.keras", custom_objects=classes_for(make, kerasish))
    ours.save(tmp_path / "ours.keras")
    back = keras.models.load_model(tmp_path / "ours.keras", custom_objects=classes_for(make, keras))
    wanted = theirs.test_on_batch(x, y, return_dict=True)
    for model in (ours, back):
        found = model.test_on_batch(x, y, return_dict=True)
        np.testing.assert_allclose(float(found["loss"]), float(wanted["loss"]), 1e-5, 1e-6)
