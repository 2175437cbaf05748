"""Every network of `keras.applications` beside Keras's: structure, both layouts of weights files, predictions.

Run with `python -m benchmarks.applications [names]`; Keras and pytest must be installed. All of them take about an hour
on two cores; the tests do the smallest network of each family.
"""

import argparse
import gc
import os
import pathlib
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import keras
import numpy as np

import kerasish
from tests.applications.compare import assert_same_network, difference, pair, save_in_older_layout

TOLERANCE = 1e-5
# The smallest images that Keras takes, where these are not 32 x 32.
SIZES = {"InceptionResNetV2": 75, "InceptionV3": 75, "Xception": 71}
# Logits, since the softmax of random networks hides differences: often one class has all.
ENDS = (
    {"include_top": True, "classes": 7, "classifier_activation": None},
    {"include_top": False, "pooling": "avg"},
)
# Further arguments, each set on its own; all networks are compared without any as well.
_V3 = ({"alpha": 0.75}, {"alpha": 1.25}, {"minimalistic": True}, {"include_preprocessing": False})
VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "MobileNet": (*({"alpha": alpha} for alpha in (0.25, 0.5, 0.75)), {"depth_multiplier": 2}),
    "MobileNetV2": tuple({"alpha": alpha} for alpha in (0.35, 0.5, 0.75, 1.3, 1.4)),
    "MobileNetV3Large": _V3,
    "MobileNetV3Small": _V3,
    "ConvNeXtTiny": ({"include_preprocessing": False},),
    "EfficientNetV2B0": ({"include_preprocessing": False},),
    "EfficientNetV2S": ({"include_preprocessing": False},),
}


def compare(name: str, arguments: dict[str, Any]) -> dict[str, float]:
    """Build one network twice and let ours read what Keras's wrote.

    Returns:
        The number of parameters and the largest relative difference of predictions.

    Raises:
        AssertionError: if structure, parameters or weights differ.
    """
    size = SIZES.get(name, 32)
    reference, model = pair(name, input_shape=(size, size, 3), **arguments)
    assert_same_network(reference, model)
    expected = [np.asarray(weight.value) for weight in reference.weights]
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "older.h5")
        save_in_older_layout(reference, path)
        model.load_weights(path)
        assert_same_weights(model, expected)
        path.unlink()
        for weight in model.weights:
            weight.assign(np.zeros(weight.shape, weight.dtype))
        path = path.with_name("newer.weights.h5")
        reference.save_weights(path)
        model.load_weights(path)
        assert_same_weights(model, expected)
    return {"parameters": model.count_params(), "difference": difference(reference, model, size)}


def assert_same_weights(model: Any, expected: list[np.ndarray]) -> None:
    for weight, value in zip(model.weights, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(weight.value), value, err_msg=weight.path)


def run(name: str, options: dict[str, Any], end: dict[str, Any]) -> bool:
    """Compare one network, print a line, and return whether it agrees."""
    start = time.perf_counter()
    shown = "".join(f" {key}={value}" for key, value in options.items())
    print(f"{name}{shown}{'' if end['include_top'] else ' without top'}".ljust(56), end="", flush=True)
    try:
        result = compare(name, {**options, **end})
    except Exception as error:  # the others are still of interest
        print(f"  FAILED: {type(error).__name__}: {error}", flush=True)
        return False
    agrees = result["difference"] <= TOLERANCE
    seconds = time.perf_counter() - start
    print(
        f"{result['parameters']:>12,} parameters  {result['difference']:.1e} {'' if agrees else 'TOO FAR '}"
        f"({seconds:.0f} s)",
        flush=True,
    )
    return agrees


def main() -> None:
    networks = [name for name, value in vars(keras.applications).items() if callable(value)]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.applications", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="such as VGG16; all by default")
    names = parser.parse_args().names or networks
    unknown = set(names) - set(networks)
    if unknown:
        parser.error(f"unknown networks {sorted(unknown)}; there are {', '.join(networks)}")

    agree = True
    for name in names:
        for options in ({}, *VARIANTS.get(name, ())):
            for end in ENDS:
                agree &= run(name, options, end)
                # Compiled functions and models of both libraries would fill the memory.
                keras.utils.clear_session()
                kerasish.utils.clear_session()
                jax.clear_caches()
                gc.collect()
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
