"""Every example runs, for an epoch, on the data inside the package; the page about them shows all of them."""

import pathlib
import re
import runpy
import sys

import numpy as np
import pytest

import kerasish

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "examples"
# Those that take `--data` and `--epochs`. The README's first command runs the quickstart.
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "from data import" in path.read_text())


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASISH_DATA", str(tmp_path))
    monkeypatch.syspath_prepend(str(FOLDER))

    def run(name: str) -> None:
        monkeypatch.setattr(sys, "argv", [name, "--epochs", "1"])
        try:
            runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        finally:
            sys.modules.pop("data", None)

    return run


@pytest.mark.parametrize("name", NAMES)
def test_runs_for_an_epoch(name, run, capsys):
    run(name)
    printed = capsys.readouterr().out
    accuracies = [float(number) for number in re.findall(r"accuracy:? (\d\.\d+)", printed)]
    assert accuracies, printed
    assert all(0.0 <= accuracy <= 1.0 for accuracy in accuracies)


def test_says_what_replaces_missing_data(run, capsys):
    run("softmax_regression")
    assert "using the packaged 8x8 digits" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_only_the_import_names_the_library(name):
    lines = [line for line in (FOLDER / f"{name}.py").read_text().splitlines() if "kerasish" in line]
    assert all(re.fullmatch(r"import kerasish as keras|from kerasish(\.\w+)? import .*", line) for line in lines), lines


# Examples with options of their own, and what they print when the options are the smallest.
OTHERS = {
    "image_similarity": (["--neighbours", "1"], r"trained on CIFAR-100 +0\.\d+"),
    "grad_cam": (["--epochs", "1"], r"hottest quarter .*: 0\.\d+"),
    "transfer_learning": (["--epochs", "1", "--seeds", "1", "--per-class", "2"], r"then fine-tuned +0\.\d+"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_examples_on_pretrained_networks(name, monkeypatch, capsys):
    options, printed = OTHERS[name]
    monkeypatch.setattr(sys, "argv", [name, *options])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert re.search(printed, capsys.readouterr().out)


def test_training_on_cifar100_goes_on_where_it_was_killed(monkeypatch, capsys, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {f"x_{part}": rng.integers(0, 256, (200, 32, 32, 3)).astype("uint8") for part in ("train", "test")}
    labels = {f"y_{part}": rng.integers(0, 100, 200).astype("uint8") for part in ("train", "test")}
    np.savez(tmp_path / "data.npz", **arrays, **labels)

    def train(folder: str, killed_after: int | None = None) -> list[np.ndarray]:
        options = ["--data", str(tmp_path / "data.npz"), "--epochs", "2", "--folder", str(tmp_path / folder)]
        monkeypatch.setattr(sys, "argv", ["train_cifar100", *options])
        kerasish.config.set_max_epochs(killed_after)
        try:
            runpy.run_path(str(FOLDER / "train_cifar100.py"), run_name="__main__")
        finally:
            kerasish.config.set_max_epochs(None)
        return kerasish.applications.ResNet8(weights=tmp_path / folder / "resnet8_cifar100.h5").get_weights()

    whole = train("whole")
    train("resumed", killed_after=1)
    for expected, received in zip(whole, train("resumed"), strict=True):
        np.testing.assert_array_equal(received, expected)
    assert "as read from this file: test accuracy 0." in capsys.readouterr().out


def test_page_shows_every_example():
    page = (ROOT / "docs" / "examples.md").read_text()
    assert [name for name in NAMES if f"## {name}.py" not in page] == []
