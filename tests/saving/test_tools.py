"""The command line: what files hold, whether they are whole, and conversions between formats."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.__main__ import main


@pytest.fixture(scope="module")
def model():
    made = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3), layers.Dense(2)])
    made.compile("adam", "mse")
    made.optimizer.ensure_built(made.trainable_variables)
    return made


def shown(capsys, *arguments, status=0):
    assert main([str(argument) for argument in arguments]) == status
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5", "m.weights.json", "m"])
def test_inspect_and_verify(name, model, tmp_path, capsys):
    path = tmp_path / name
    if name == "m.weights.json":
        model.save_weights(path, max_shard_size=1.0)
    elif "weights" in name:
        model.save_weights(path)
    else:
        kerasish.saving.save_model(model, path, zipped=name != "m")
    text = shown(capsys, "inspect", path)
    assert "with checksums" in text
    assert "(4, 3) float32" in text
    assert ("model: Sequential 'sequential" in text) == ("weights" not in name)
    assert "complete" in shown(capsys, "verify", path)


def test_verify_names_what_is_damaged(model, tmp_path, capsys):
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        file["layers/dense/vars/0"][0, 0] += 1
    assert "'layers/dense/vars/0' do not have their checksum" in shown(capsys, "verify", path, status=1)
    path.write_bytes(b"nothing")
    assert "error" in shown(capsys, "inspect", path, status=1)
    assert "there is no file" in shown(capsys, "verify", tmp_path / "none.keras", status=1)


ENDINGS = [".keras", ".h5", ".weights.h5", ".weights.json", ""]


@pytest.mark.parametrize("source", [".keras", ".h5", ".weights.h5", ".weights.json"])
def test_conversions(source, model, tmp_path, capsys):
    first = tmp_path / f"first{source}"
    if source == ".weights.json":
        model.save_weights(first, max_shard_size=100 / 2**30)
    else:
        (model.save_weights if "weights" in source else model.save)(first)
    for ending in ENDINGS:
        target = tmp_path / f"second{ending}"
        possible = source == ".keras" or ("weights" in source) == ("weights" in ending)
        text = shown(capsys, "convert", first, target, "--max-shard-size", "0.0001", status=0 if possible else 1)
        assert text == "" if possible else "convert" in text
        assert target.exists() == possible
        if possible:
            loaded = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3), layers.Dense(2)])
            if "weights" in ending:
                loaded.load_weights(target)
            else:
                loaded = kerasish.models.load_model(target)
                assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
            for value, wanted in zip(loaded.get_weights(), model.get_weights(), strict=True):
                np.testing.assert_array_equal(value, wanted)


def test_the_module_runs(model, tmp_path):
    model.save(tmp_path / "m.keras")
    command = [sys.executable, "-m", "kerasish", "verify", str(tmp_path / "m.keras")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "complete: 3 members" in result.stdout
