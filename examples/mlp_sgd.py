"""A multilayer perceptron built layer by layer, in the style of older Keras scripts, with momentum SGD.

The data is drawn here: rows of 100 numbers around one of ten centres, which the network has to tell apart.
"""

import numpy as np
from data import arguments

import kerasish as keras
from kerasish.layers import Activation, Dense, Dropout
from kerasish.models import Sequential
from kerasish.optimizers import SGD


def clusters(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows `(count, 100)` and one-hot labels `(count, 10)`."""
    centres = np.random.default_rng(0).normal(size=(10, 100))
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=count)
    rows = centres[labels] + rng.normal(scale=3.0, size=(count, 100))
    return rows.astype("float32"), keras.utils.to_categorical(labels, num_classes=10)


def main() -> None:
    options = arguments(epochs=15)
    keras.utils.set_random_seed(0)
    x_train, y_train = clusters(4000, seed=1)
    x_test, y_test = clusters(1000, seed=2)

    model = Sequential()
    model.add(Dense(64, activation="relu", input_dim=100))
    model.add(Dropout(0.5))
    model.add(Dense(64))
    model.add(Activation("relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))

    model.compile(
        loss="categorical_crossentropy",
        optimizer=SGD(learning_rate=0.01, momentum=0.9, nesterov=True),
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, epochs=options.epochs, batch_size=64, verbose=0)

    loss, accuracy = model.evaluate(x_test, y_test, batch_size=128, verbose=0)
    classes = model.predict(x_test, batch_size=128, verbose=0).argmax(axis=-1)
    agreement = float((classes == y_test.argmax(axis=-1)).mean())
    print(f"perceptron: test loss {loss:.3f}, test accuracy {accuracy:.3f}, counted from predictions {agreement:.3f}")


if __name__ == "__main__":
    main()
