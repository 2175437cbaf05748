"""Softmax regression on MNIST: one dense layer, the smallest classifier of images."""

from data import arguments, mnist

import kerasish as keras
from kerasish import layers


def main() -> None:
    options = arguments(epochs=8)
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = mnist(options.data)

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    history = model.fit(x_train, y_train, batch_size=64, epochs=options.epochs, verbose=0)
    print(f"training loss by epoch: {' '.join(f'{loss:.3f}' for loss in history.history['loss'])}")

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"softmax regression: test loss {loss:.3f}, test accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
