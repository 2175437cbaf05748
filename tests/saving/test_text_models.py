"""Models with vocabularies and hashes in files: those Keras wrote with TensorFlow load here, and ours where that is."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import kerasish
from tests.saving import text_models
from tests.saving.test_models import config_in, differences

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def recorded():
    return json.loads((text_models.DATA / "predictions.json").read_text())


def assert_as_recorded(model, case):
    found = text_models.plain(model(text_models.arrays(case["inputs"])))
    if isinstance(found[0][0], str):
        assert found == case["outputs"]
    else:
        np.testing.assert_allclose(found, case["outputs"], 1e-6, 1e-6)


def assets_in(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith("assets/")}


@pytest.mark.parametrize("make", text_models.MODELS, ids=lambda make: make.__name__)
def test_files_of_keras_load_here_and_are_written_as_there(make, recorded, tmp_path):
    theirs = text_models.DATA / f"{make.__name__}.keras"
    model = kerasish.models.load_model(theirs)
    assert_as_recorded(model, recorded[make.__name__])
    ours = tmp_path / "ours.keras"
    model.save(ours)
    assert differences(config_in(theirs), config_in(ours)) == []
    assert assets_in(ours) == assets_in(theirs)
    assert_as_recorded(kerasish.models.load_model(ours), recorded[make.__name__])


@pytest.mark.parametrize("make", text_models.MODELS, ids=lambda make: make.__name__)
def test_models_made_here_are_those_that_keras_made(make, recorded, tmp_path):
    theirs = text_models.DATA / f"{make.__name__}.keras"
    model, _ = make(kerasish)
    if model.weights:
        model.load_weights(theirs)
    assert_as_recorded(model, recorded[make.__name__])
    model.save(tmp_path / "ours.keras")
    # Automatic names have other numbers; shapes in between are noted where Keras knows less of them.
    unlike = ("name", "keras_history", "output_layers", "build_config")
    configs = [without(config_in(path), *unlike) for path in (theirs, tmp_path / "ours.keras")]
    assert differences(*configs) == []


def without(config, *keys):
    if isinstance(config, dict):
        return {key: without(value, *keys) for key, value in config.items() if key not in keys}
    return [without(item, *keys) for item in config] if isinstance(config, list) else config


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="Keras needs TensorFlow for these layers")
def test_keras_loads_the_files_written_here(tmp_path):
    # Keras loses an empty string at the end of a vocabulary, in its own files too.
    models = [make for make in text_models.MODELS if make is not text_models.strings_adapted]
    for make in models:
        kerasish.models.load_model(text_models.DATA / f"{make.__name__}.keras").save(
            tmp_path / f"{make.__name__}.keras"
        )
    command = [sys.executable, text_models.__file__, str(tmp_path)]
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert len(result.stdout.split()) == len(models), result.stderr
