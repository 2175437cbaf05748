"""UCI Adult, twice the same network: a Sequential with `fit`, then a subclassed Model with a loop written by hand."""

import numpy as np
from data import adult, arguments

import kerasish as keras
from kerasish import layers

BATCH_SIZE = 128


def sequential(columns: int) -> keras.Model:
    return keras.Sequential(
        [
            layers.Dropout(0.1, input_shape=(columns,)),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


class Network(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.input_dropout = layers.Dropout(0.1)
        self.first = layers.Dense(64, activation="relu")
        self.dropout = layers.Dropout(0.3)
        self.second = layers.Dense(64, activation="relu")
        self.answer = layers.Dense(1, activation="sigmoid")

    def call(self, inputs, training=None):
        x = self.first(self.input_dropout(inputs, training=training))
        return self.answer(self.second(self.dropout(x, training=training)))


def train_by_hand(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
    optimizer = keras.optimizers.Adam(1e-3)
    loss_function = keras.losses.BinaryCrossentropy()
    mean_loss = keras.metrics.Mean(name="loss")
    accuracy = keras.metrics.BinaryAccuracy(name="accuracy")
    model(x[:1])  # makes the weights
    optimizer.build(model.trainable_variables)

    def forward(x, y):
        y_pred = model(x, training=True)
        return loss_function(y, y_pred), y_pred

    @keras.jit
    def step(x, y):
        compute = keras.value_and_grad(forward, model.trainable_variables, has_aux=True)
        (loss, y_pred), gradients = compute(x, y)
        optimizer.apply(gradients, model.trainable_variables)
        mean_loss.update_state(loss)
        accuracy.update_state(y, y_pred)

    rng = np.random.default_rng(0)
    for epoch in range(epochs):
        mean_loss.reset_state()
        accuracy.reset_state()
        order = rng.permutation(len(x))
        for start in range(0, len(x) - BATCH_SIZE + 1, BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            step(x[batch], y[batch])
        print(f"epoch {epoch + 1}: loss {float(mean_loss.result()):.3f}, accuracy {float(accuracy.result()):.3f}")


def main() -> None:
    options = arguments(epochs=4)
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = adult(options.data)

    model = sequential(x_train.shape[1])
    first, second = (np.asarray(model(x_train[:256], training=True)) for _ in range(2))
    print(f"two calls with training=True differ: {not np.array_equal(first, second)}")
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(
        x_train, y_train, batch_size=BATCH_SIZE, epochs=options.epochs, validation_data=(x_test, y_test), verbose=2
    )
    print("trainable:", *(tuple(variable.shape) for variable in model.trainable_variables))
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"fit: test loss {loss:.3f}, test accuracy {accuracy:.3f}")

    model = Network()
    train_by_hand(model, x_train, y_train, options.epochs)
    correct = (np.asarray(model(x_test, training=False)) > 0.5) == (y_test > 0.5)
    print(f"by hand: test accuracy {correct.mean():.3f}")


if __name__ == "__main__":
    main()
