"""Draws the training curves of the quickstart: `python examples/training_curves.py docs/images/training_curves.png`.

Needs matplotlib (`python -m pip install ".[matplotlib]"`).
"""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import quickstart

import kerasish as keras


def main(path: str) -> None:
    keras.utils.set_random_seed(0)
    history = quickstart.train(quickstart.convnet(), verbose=0)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for axis, name in zip(axes, ("loss", "accuracy")):
        epochs = range(1, len(history[name]) + 1)
        axis.plot(epochs, history[name], label="training")
        axis.plot(epochs, history[f"val_{name}"], label="test")
        axis.set(title=name, xlabel="epoch")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
