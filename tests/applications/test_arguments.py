"""Names, signatures, names of models, published files and refusals of all applications against Keras, without building.

Calls of layers and models are replaced by something that takes any call, so that only decisions are left to compare.
"""

import contextlib
import importlib
import inspect
import warnings

import numpy as np
import pytest

import kerasish
from tests.applications.compare import keras

MODULES = [name for name, value in vars(keras.applications).items() if inspect.ismodule(value)]
# Networks with their module, from the modules' public names; `resnet50` repeats one of `resnet`.
NETWORKS = {
    name: module.__name__.rpartition(".")[2]
    for module in (vars(keras.applications)[name] for name in MODULES)
    for name, value in vars(module).items()
    if callable(value) and name[0].isupper() and not module.__name__.endswith("resnet50")
} | {"MobileNetV3Large": "mobilenet_v3", "MobileNetV3Small": "mobilenet_v3"}


class Anything:
    """Takes every call, attribute and sum, and returns itself; has a shape."""

    shape = (None, 8, 8, 8)

    def __call__(self, *args, **kwargs):
        return self

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __add__(self, other):
        return self

    __mul__ = __radd__ = __rmul__ = __add__


LIBRARIES = {"keras.src": keras, "kerasish": kerasish}


def told(library, network, arguments):
    """Call a constructor whose layers do nothing; return the name of its model and what file it asks for.

    `input_tensor` may be the shape of one.
    """
    found = {}

    def model(*args, name=None, **kwargs):
        found["name"] = name
        return Anything()

    def get_file(fname, origin, cache_subdir=None, file_hash=None):
        found["file"] = (fname, origin, cache_subdir, file_hash)
        return ""

    root = LIBRARIES[library]
    if isinstance(arguments.get("input_tensor"), tuple):
        arguments = {**arguments, "input_tensor": root.Input(arguments["input_tensor"])}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in set(NETWORKS.values()) if library == "keras.src" else ["architecture"]:
            module = importlib.import_module(f"{library}.applications.{place}")
            patch.setattr(module, "Functional" if library == "keras.src" else "Model", model, raising=False)
        for cls in (root.layers.Layer, root.Sequential):
            patch.setattr(cls, "__call__", lambda *args, **kwargs: Anything())
        patch.setattr(keras.src.utils.file_utils, "get_file", get_file)
        patch.setattr(kerasish.applications.architecture, "get_file", get_file)
        getattr(importlib.import_module(f"{library}.applications.{NETWORKS[network]}"), network)(**arguments)
    return found


def assert_same_decisions(network, **arguments):
    theirs, ours = (told(library, network, arguments) for library in LIBRARIES)
    assert ("file" in theirs) == (arguments.get("weights", "imagenet") is not None)
    assert ours == theirs


def test_public_names():
    assert {name for name in dir(keras.applications) if not name.startswith("_")} <= set(kerasish.applications.__all__)


@pytest.mark.parametrize("module", MODULES)
def test_public_names_and_signatures_of_a_module(module):
    theirs = importlib.import_module(f"keras.applications.{module}")
    ours = importlib.import_module(f"kerasish.applications.{module}")
    for name in (name for name in dir(theirs) if not name.startswith("_")):
        assert parameters(getattr(ours, name)) == parameters(getattr(theirs, name)), name


@pytest.mark.parametrize("name", NETWORKS)
def test_signatures_of_networks(name):
    network = getattr(kerasish.applications, name)
    assert parameters(network) == parameters(getattr(keras.applications, name))
    assert network is getattr(importlib.import_module(f"kerasish.applications.{NETWORKS[name]}"), name)
    assert network.__name__ == name
    assert all(f"        {parameter}: " in network.__doc__ for parameter in inspect.signature(network).parameters)


def parameters(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", NETWORKS)
def test_names_and_published_files(name):
    for top in (True, False):
        assert_same_decisions(name, include_top=top)


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize(
    "name, sizes, alphas",
    [
        ("MobileNet", (128, 160, 192, 224), (0.25, 0.5, 0.75, 1)),
        ("MobileNetV2", (96, 128, 160, 192, 224), (0.35, 0.5, 0.75, 1, 1.3, 1.4)),
    ],
)
def test_names_and_published_files_by_width_and_size(name, sizes, alphas, top):
    for alpha in alphas:
        assert_same_decisions(name, include_top=top, alpha=alpha)
    for size in sizes:
        assert_same_decisions(name, include_top=top, input_shape=(size, size, 3))
    for arguments in (
        {"input_shape": (100, 100, 3), "weights": None},
        {"input_shape": (160, 128, 3), "weights": None},
        {"alpha": 0.333, "weights": None},
        {"name": "mine", "weights": None},
        {"input_tensor": (128, 128, 3)},
        {"input_tensor": (128, 128, 3), "input_shape": (128, 128, 3), "weights": None},
        {"input_tensor": (100, 100, 3), "weights": None},
    ):
        assert_same_decisions(name, include_top=top, **arguments)
    if not top:
        assert_same_decisions(name, include_top=False, input_shape=(100, 100, 3))


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("name", ["MobileNetV3Large", "MobileNetV3Small"])
def test_published_files_of_mobilenet_v3(name, top):
    for arguments in ({}, {"alpha": 0.75}, {"minimalistic": True}, {"input_shape": (96, 64, 3)}):
        assert_same_decisions(name, include_top=top, **arguments)


USUAL = [
    {"weights": "imagenett"},
    {"weights": "no/such/file.h5"},
    {"weights": "imagenet", "classes": 10},
    {"weights": "imagenet", "input_shape": (64, 64, 3)},
    {"weights": "imagenet", "include_top": False, "input_shape": (64, 64, 1)},
    {"weights": "imagenet", "classifier_activation": "relu"},
    {"input_shape": (None, None, 3)},
    {"input_shape": (16, 64, 3)},
    {"input_shape": (64, 3)},
    {"input_tensor": np.zeros((1, 64, 64, 3), "float32")},
]
OWN = {
    "NASNetMobile": [{"weights": "imagenet", "include_top": False, "input_shape": (None, None, 3)}],
    "MobileNet": [{"weights": "imagenet", "alpha": 0.3}, {"weights": "imagenet", "depth_multiplier": 2}],
    "MobileNetV2": [
        {"weights": "imagenet", "alpha": 0.3},
        {"input_shape": (64, 64, 3), "input_tensor": (32, 32, 3)},
    ],
    "MobileNetV3Small": [
        {"weights": "imagenet", "alpha": 0.5},
        {"weights": "imagenet", "alpha": 0.75, "minimalistic": True},
        {"input_shape": (64, 64, 3), "input_tensor": (32, 32, 3)},
    ],
}
# MobileNetV3 takes images of any size; over the tensor, Keras's stumbles instead of refusing it.
ANY_SIZE = [USUAL[index] for index in (3, 4, 6, 8, 9)]
REFUSING = ("ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2B0", "InceptionV3", "MobileNet", "MobileNetV2")
REFUSING += ("MobileNetV3Small", "NASNetMobile", "VGG16", "Xception")
REFUSALS = [
    (name, arguments)
    for name in REFUSING
    for arguments in (*(a for a in USUAL if name != "MobileNetV3Small" or a not in ANY_SIZE), *OWN.get(name, ()))
]


@pytest.mark.parametrize("name, arguments", REFUSALS)
def test_refusals(name, arguments):
    arguments = {"weights": None, **arguments}
    with pytest.raises(ValueError):
        told("keras.src", name, arguments)
    with pytest.raises(ValueError) as error:
        told("kerasish", name, arguments)
    assert any(f"`{argument}`" in str(error.value) for argument in arguments)


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("VGG16", {"weights": None, "include_top": False, "input_shape": (32, 32, 5)}, "1 or 3 channels"),
        ("MobileNet", {"include_top": False, "input_shape": (100, 100, 3)}, "those for 224 x 224"),
        ("MobileNetV2", {"include_top": False, "input_shape": (100, 100, 3)}, "those for 224 x 224"),
        ("MobileNetV3Small", {"input_shape": (100, 100, 3)}, "those for 224 x 224"),
    ],
)
def test_warnings_point_to_the_caller(name, arguments, message, monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("offline")

    monkeypatch.setattr(kerasish.applications.architecture, "get_file", offline)
    with pytest.warns(UserWarning, match=message) as caught, contextlib.suppress(ConnectionError):
        getattr(kerasish.applications, name)(**arguments)
    assert [warning.filename for warning in caught] == [__file__]


def test_published_weights_that_cannot_be_had_name_the_file(monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("offline")

    monkeypatch.setattr(kerasish.applications.architecture, "get_file", offline)
    with pytest.raises(ConnectionError) as error:
        kerasish.applications.MobileNetV2(alpha=0.35, input_shape=(96, 96, 3))
    assert "weights='path/to/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96.h5'" in error.value.__notes__[0]
