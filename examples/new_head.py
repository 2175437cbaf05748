"""A network trained on the digits 0 to 4 learns 5 to 9: all but its last layer is frozen, and a new head fitted."""

import numpy as np
from data import arguments, digits

import kerasish as keras
from kerasish import layers


def compile_and_fit(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
    model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)


def main() -> None:
    options = arguments(epochs=15)
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = digits()
    low_train, low_test = y_train < 5, y_test < 5

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(5, activation="softmax", name="low"),
        ]
    )
    compile_and_fit(model, x_train[low_train], y_train[low_train], options.epochs)
    accuracy = model.evaluate(x_test[low_test], y_test[low_test], verbose=0)[1]
    print(f"digits 0 to 4, {low_train.sum()} training images: test accuracy {accuracy:.3f}")

    for layer in model.layers[:-1]:
        layer.trainable = False
    frozen = [layer.get_weights() for layer in model.layers[:-1]]
    head = layers.Dense(5, activation="softmax", name="high")
    model = keras.Model(inputs=model.inputs, outputs=head(model.layers[-2].output))
    print(f"trainable now: {[variable.path for variable in model.trainable_variables]}")

    compile_and_fit(model, x_train[~low_train], y_train[~low_train] - 5, options.epochs)
    accuracy = model.evaluate(x_test[~low_test], y_test[~low_test] - 5, verbose=0)[1]
    print(f"digits 5 to 9, {(~low_train).sum()} training images, frozen layers: test accuracy {accuracy:.3f}")

    after = [layer.get_weights() for layer in model.layers[1:-1]]
    pairs = [pair for old, new in zip(frozen, after) for pair in zip(old, new)]
    print(f"frozen weights unchanged: {all(np.array_equal(old, new) for old, new in pairs)}")


if __name__ == "__main__":
    main()
