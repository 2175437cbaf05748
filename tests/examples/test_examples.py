"""Every example runs, for an epoch, on the data inside the package; the page about them shows all of them."""

import pathlib
import re
import runpy
import sys

import pytest

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


def test_page_shows_every_example():
    page = (ROOT / "docs" / "examples.md").read_text()
    assert [name for name in NAMES if f"## {name}.py" not in page] == []
