"""A layer of your own: radial units, whose centres and widths are trained and regularized like any weight."""

from data import arguments, digits

import kerasish as keras
from kerasish import layers, ops


@keras.saving.register_keras_serializable(package="examples")
class Radial(layers.Layer):
    """Units that answer `exp(-width * |x - centre|^2)`.

    Args:
        units: number of units.
        spread: penalty that keeps the widths small.
    """

    def __init__(self, units: int, spread: float = 1e-3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.spread = spread

    def build(self, input_shape) -> None:
        self.centres = self.add_weight(
            shape=(self.units, input_shape[-1]), initializer=keras.initializers.RandomUniform(0.0, 1.0), name="centres"
        )
        self.widths = self.add_weight(shape=(self.units,), initializer="ones", constraint="non_neg", name="widths")

    def call(self, inputs):
        self.add_loss(self.spread * ops.sum(ops.square(self.widths)))
        distances = ops.mean(ops.square(ops.expand_dims(inputs, -2) - self.centres), axis=-1)
        return ops.exp(-self.widths * distances)

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "spread": self.spread}


def main() -> None:
    options = arguments(epochs=30)
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = digits()

    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), Radial(64), layers.Dense(10)])
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, batch_size=32, epochs=options.epochs, verbose=0)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"radial units: test loss {loss:.3f} (penalty included), test accuracy {accuracy:.3f}")

    copy = keras.Sequential.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    same = (copy.predict(x_test, verbose=0) == model.predict(x_test, verbose=0)).all()
    print(f"rebuilt from its configuration it predicts the same: {bool(same)}")


if __name__ == "__main__":
    main()
