"""Every public function of keras.ops exists here, takes the same arguments, and has Keras's class name in configs."""

import ast
import inspect
import pathlib

import pytest

import kerasish.ops as ops
from kerasish.core.symbolic import OPS_BY_CLASS

keras = pytest.importorskip("keras")

MODULES = ["", "numpy", "nn", "linalg", "image"]

# Explicit parameters in the place of Keras's **kwargs for one former name each.
OTHER_SIGNATURES = {"layer_normalization", "multi_hot"}

# Base classes, and classes that Keras itself never uses: `abs` and `conj` make Absolute and Conjugate.
NEVER_RECORDED = {"Abs", "Conj", "SegmentReduction"}

SOURCE = pathlib.Path(keras.__file__).parent / "src" / "ops"


def public(module):
    return [n for n in dir(module) if not n.startswith("_") and not inspect.ismodule(getattr(module, n))]


def find(package, name):
    return getattr(package, name) if name else package


@pytest.mark.parametrize("module", MODULES)
def test_all_names(module):
    missing = [name for name in public(find(keras.ops, module)) if not hasattr(find(ops, module), name)]
    assert missing == []


@pytest.mark.parametrize("module", MODULES)
def test_all_signatures(module):
    for name in set(public(find(keras.ops, module))) - OTHER_SIGNATURES:
        ours, theirs = (inspect.signature(getattr(find(package, module), name)) for package in (ops, keras.ops))
        expected = [(p.name, p.default, p.kind) for p in theirs.parameters.values()]
        assert [(p.name, p.default, p.kind) for p in ours.parameters.values()] == expected, name


def test_all_functions_have_docstrings_and_types():
    for name in public(ops):
        function = getattr(ops, name)
        assert function.__doc__, name
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty, name
        assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values()), name


@pytest.mark.parametrize("file", ["core", "numpy", "nn", "math", "linalg", "image", "einops"])
def test_keras_operation_classes_are_known(file):
    tree = ast.parse((SOURCE / f"{file}.py").read_text())
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name not in NEVER_RECORDED]
    assert [name for name in classes if name not in OPS_BY_CLASS] == []
    for name in classes:
        assert OPS_BY_CLASS[name].keras_module == f"keras.src.ops.{file}", name


def test_the_package_stays_small():
    files = pathlib.Path(ops.__file__).parent.rglob("*.py")
    assert sum(len(file.read_text().splitlines()) for file in files) < 4000
