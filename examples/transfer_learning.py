"""A network pretrained on CIFAR-100 learns new classes from 20 pictures each; the same network from nothing, too.

Needs no network and no data: the weights and a small Fashion-MNIST come with the package. Other pictures:

    python transfer_learning.py --data pictures.npz     # x_train, y_train, x_test, y_test: uint8 (N, height, width, 3)
"""

import argparse
from pathlib import Path

import numpy as np

import kerasish as keras
from kerasish import applications, layers
from kerasish.datasets import fashion_mnist_small

Arrays = tuple[np.ndarray, np.ndarray]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--network", default="ResNet8", choices=[entry.network for entry in applications.bundled()])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--per-class", type=int, default=20, help="training images of each class")
    parser.add_argument("--epochs", type=int, default=40, help="of each step; from nothing, twice as many")
    return parser.parse_args()


def load(path: Path | None) -> tuple[Arrays, Arrays]:
    """Return images `(N, height, width, 3)` in 0..255 and labels, for training and for testing."""
    if path is None:
        # Grey pictures of 28 x 28 become coloured ones of 32 x 32.
        train, test = fashion_mnist_small.load_data()
        return tuple((np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None].repeat(3, axis=-1), y) for x, y in (train, test))
    with np.load(path) as file:
        return tuple((file[f"x_{part}"], file[f"y_{part}"]) for part in ("train", "test"))


def few(data: Arrays, per_class: int, seed: int) -> Arrays:
    """Return so many random images of each class."""
    x, y = data
    generator = np.random.default_rng(seed)
    chosen = [generator.choice(np.flatnonzero(y == label), per_class, replace=False) for label in np.unique(y)]
    return x[np.concatenate(chosen)], y[np.concatenate(chosen)]


def with_head(base: keras.Model, classes: int) -> keras.Model:
    """Return a classifier on the features of `base`, with random flips and shifts before it."""
    return keras.Sequential(
        [
            keras.Input(base.input_shape[1:]),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1, fill_mode="reflect", interpolation="nearest"),
            base,
            layers.Dense(classes, activation="softmax"),
        ]
    )


def train(model: keras.Model, learning_rate: float, train: Arrays, epochs: int) -> None:
    """Train with Adam, its learning rate falling to 0."""
    steps = epochs * -(-len(train[0]) // 32)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, batch_size=32, epochs=epochs, verbose=0)


def accuracy(model: keras.Model, test: Arrays) -> float:
    return model.evaluate(*test, batch_size=200, verbose=0)[1]


def run(constructor: type, training: Arrays, test: Arrays, epochs: int) -> dict[str, float]:
    """Train in three ways; return the test accuracy of each."""
    shape, classes = training[0].shape[1:], int(test[1].max()) + 1
    results = {}

    base = constructor(weights="cifar100", include_top=False, pooling="avg", input_shape=shape)
    base.trainable = False
    model = with_head(base, classes)
    train(model, 1e-2, training, epochs)
    results["frozen, new head"] = accuracy(model, test)

    # Now all but the stem and the first stage may move, a little. The normalization layers keep their statistics.
    base.trainable = True
    for layer in base.layers:
        if layer.name.startswith(("stem", "stage1")) or isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    train(model, 1e-3, training, epochs)
    results["then fine-tuned"] = accuracy(model, test)

    # As many epochs as both steps above have together.
    for learning_rate in (1e-3, 5e-3):
        base = constructor(weights=None, include_top=False, pooling="avg", input_shape=shape)
        model = with_head(base, classes)
        train(model, learning_rate, training, 2 * epochs)
        results[f"from nothing, learning rate {learning_rate:g}"] = accuracy(model, test)
    return results


def main() -> None:
    options = arguments()
    data, test = load(options.data)
    constructor = getattr(applications, options.network)
    runs = []
    for seed in range(options.seeds):
        keras.utils.set_random_seed(seed)
        runs.append(run(constructor, few(data, options.per_class, seed), test, options.epochs))
    print(f"{options.network}, {options.per_class} training images per class, {len(test[0])} test images")
    print(f"{'test accuracy':40} {'mean':>6}  {'of each seed'}")
    for name in runs[0]:
        values = [result[name] for result in runs]
        print(f"{name:40} {np.mean(values):6.3f}  {' '.join(f'{value:.3f}' for value in values)}")


if __name__ == "__main__":
    main()
