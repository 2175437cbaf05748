"""The lazy top level: every name resolves, and the stub for type checkers repeats the table."""

import ast
import pathlib
import subprocess
import sys

import pytest

import kerasish


@pytest.mark.parametrize("name", kerasish.__all__)
def test_every_public_name_resolves(name):
    assert getattr(kerasish, name) is not None
    assert name in dir(kerasish)


def test_the_stub_repeats_the_table():
    path = pathlib.Path(kerasish.__file__).with_suffix(".pyi")
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names}
    assert names | {"__version__", "version"} == set(kerasish.__all__)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="layerz"):
        kerasish.layerz  # noqa: B018


def test_importing_loads_no_package_before_it_is_used():
    code = "import sys, kerasish; print([name for name in sys.modules if name.startswith('kerasish.')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
