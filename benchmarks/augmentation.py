"""Times each image augmentation layer against Keras's: `python -m benchmarks.augmentation [name ...]`.

Both run eagerly on 64 images of 64x64x3, the way a data pipeline calls them, and take turns; the table shows the median
of each and Keras's time over ours.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np

from kerasish import layers

BATCH = (64, 64, 64, 3)
REPETITIONS = 7
CASES: dict[str, dict] = {
    "AugMix": {},
    "AutoContrast": {},
    "CenterCrop": {"height": 48, "width": 48},
    "ContrastLimitedAdaptiveHistogramEqualization": {},
    "CutMix": {},
    "Equalization": {},
    "MixUp": {},
    "RandAugment": {},
    "RandomBrightness": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": {
        "brightness_factor": 0.2,
        "contrast_factor": 0.2,
        "saturation_factor": 0.2,
        "hue_factor": 0.2,
    },
    "RandomContrast": {"factor": 0.2},
    "RandomCrop": {"height": 48, "width": 48},
    "RandomElasticTransform": {},
    "RandomErasing": {},
    "RandomFlip": {},
    "RandomGaussianBlur": {"kernel_size": 5},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.2},
    "RandomInvert": {},
    "RandomPerspective": {},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.1},
    "RandomSaturation": {"factor": 0.5},
    "RandomSharpness": {"factor": 0.5},
    "RandomShear": {"x_factor": 0.2, "y_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.2},
    "Resizing": {"height": 48, "width": 48},
    "Solarization": {"addition_factor": 0.2, "threshold_factor": 0.5},
}


def seconds(call: Callable, images: np.ndarray) -> float:
    """Return how long one call takes until its result is there."""
    start = time.perf_counter()
    jax.block_until_ready(call(images, training=True))
    return time.perf_counter() - start


def main(names: list[str]) -> None:
    """Measure the layers with these names, or all, and print a table."""
    images = np.random.default_rng(0).uniform(0, 255, BATCH).astype("float32")
    print(f"{'layer':46}{'Keras ms':>10}{'ours ms':>10}{'ratio':>8}")
    for name in names or CASES:
        pair = [getattr(module, name)(**CASES[name]) for module in (keras.layers, layers)]
        for layer in pair:
            seconds(layer, images)
        times: list[list[float]] = [[], []]
        for _ in range(REPETITIONS):
            for layer, own in zip(pair, times, strict=True):
                own.append(seconds(layer, images))
        theirs, ours = (1000 * statistics.median(own) for own in times)
        print(f"{name:46}{theirs:10.2f}{ours:10.2f}{theirs / ours:8.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
