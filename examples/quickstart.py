"""Trains a small convnet on 8x8 handwritten digits, saves its weights, loads them again and compares.

The data comes with the package, so this needs no network: `python examples/quickstart.py`. The test images are the
last ones of the file, in handwriting that training has hardly seen: test accuracy is 0.96 to 0.98.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

import kerasish as keras
from kerasish import layers

EXPECTED_ACCURACY = 0.95
EPOCHS, BATCH_SIZE = 15, 32


def load() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
    return (x_train[..., None] / np.float32(16), y_train), (x_test[..., None] / np.float32(16), y_test)


def convnet() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )


def train(model: keras.Model, verbose: int | str = "auto") -> dict[str, list[float]]:
    (x_train, y_train), test = load()
    steps = EPOCHS * -(-len(x_train) // BATCH_SIZE)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    fit = model.fit(x_train, y_train, epochs=EPOCHS, batch_size=BATCH_SIZE, validation_data=test, verbose=verbose)
    return fit.history


def main() -> None:
    start = time.perf_counter()
    keras.utils.set_random_seed(0)
    model = convnet()
    model.summary()
    train(model)
    _, (x_test, y_test) = load()
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}, after {time.perf_counter() - start:.1f} s")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.weights.h5"
        model.save_weights(path)
        copy = convnet()
        copy.load_weights(path)
    same = np.array_equal(model.predict(x_test, verbose=0), copy.predict(x_test, verbose=0))
    print(f"saved and loaded weights predict the same: {same}")
    if not same or accuracy < EXPECTED_ACCURACY:
        raise SystemExit(f"expected the same predictions and an accuracy of at least {EXPECTED_ACCURACY}")


if __name__ == "__main__":
    main()
