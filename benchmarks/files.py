"""ResNet50 beside Keras: how long weights and whole models take to save and load, fsync and checksums included.

Run with `KERAS_BACKEND=jax python benchmarks/files.py`; Keras must be installed.
"""

import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import kerasish

ROUNDS = 7


def median_seconds(actions: dict[str, Callable]) -> dict[str, float]:
    """Run actions in turns, so that what else the machine does meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(ROUNDS):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print a table of medians and their ratios."""
    theirs = keras.applications.ResNet50(weights=None)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        theirs.save(directory / "theirs.keras")
        ours = kerasish.models.load_model(directory / "theirs.keras")
        ours.save(directory / "ours.keras")
        theirs.save_weights(directory / "theirs.weights.h5")
        ours.save_weights(directory / "ours.weights.h5")
        tasks = {
            "save weights": lambda model, who: model.save_weights(directory / f"{who}.weights.h5"),
            "load weights": lambda model, who: model.load_weights(directory / f"{who}.weights.h5"),
            "save model": lambda model, who: model.save(directory / f"{who}.keras"),
        }
        print(f"{'ResNet50, 103 MB':<20}{'Keras':>10}{'kerasish':>10}{'ratio':>8}")
        for task, action in tasks.items():
            seconds = median_seconds(
                {"keras": lambda a=action: a(theirs, "theirs"), "kerasish": lambda a=action: a(ours, "ours")}
            )
            print_row(task, seconds)
        print_row(
            "load model",
            median_seconds(
                {
                    "keras": lambda: keras.models.load_model(directory / "theirs.keras"),
                    "kerasish": lambda: kerasish.models.load_model(directory / "ours.keras"),
                }
            ),
        )


def print_row(task: str, seconds: dict[str, float]) -> None:
    """Print one line of the table."""
    print(f"{task:<20}{seconds['keras']:>9.3f}s{seconds['kerasish']:>9.3f}s", end="")
    print(f"{seconds['kerasish'] / seconds['keras']:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
