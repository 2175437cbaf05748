"""A small convnet on MNIST: two convolutions with pooling, dropout, one dense layer."""

from data import arguments, mnist

import kerasish as keras
from kerasish import layers


def main() -> None:
    options = arguments(epochs=3)
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = mnist(options.data)
    y_train, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train, y_test))

    model = keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(x_train, y_train, batch_size=64, epochs=options.epochs, validation_split=0.1, verbose=0)
    for epoch, accuracy in enumerate(history.history["val_accuracy"], start=1):
        print(f"epoch {epoch}: validation accuracy {accuracy:.3f}")

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"convnet: test loss {loss:.3f}, test accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
