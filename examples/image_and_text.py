"""Two inputs, two outputs: a digit and a claim about it in words; which digit is it, and is the claim true?

The image goes through convolutions, the words through an LSTM, and both outputs see the two joined.
"""

import numpy as np
from data import arguments, digits

import kerasish as keras
from kerasish import layers

WORDS = ["", "it", "is", "not", "clearly", "i", "think", "even", "odd", "small", "large"]
CLAIMS = {"even": lambda d: d % 2 == 0, "odd": lambda d: d % 2 == 1, "small": lambda d: d < 5, "large": lambda d: d > 4}
LENGTH = 7


def with_claims(images: np.ndarray, labels: np.ndarray, per_image: int, seed: int) -> tuple[dict, dict]:
    """Pair each image with random claims such as "i think it is not even", as word numbers padded with 0."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(len(images)), per_image)
    text, truth = np.zeros((len(rows), LENGTH), "int32"), np.zeros((len(rows), 1), "float32")
    for index, row in enumerate(rows):
        property_, negated = rng.choice(list(CLAIMS)), rng.random() < 0.25
        phrase = ["i", "think"] * bool(rng.random() < 0.5) + ["it", "is"] + ["clearly"] * bool(rng.random() < 0.3)
        phrase += ["not"] * negated + [property_]
        text[index, : len(phrase)] = [WORDS.index(word) for word in phrase]
        truth[index] = CLAIMS[property_](labels[row]) != negated
    return {"image": images[rows], "text": text}, {"digit": labels[rows], "truth": truth}


def network() -> keras.Model:
    image = keras.Input((8, 8, 1), name="image")
    text = keras.Input((LENGTH,), dtype="int32", name="text")

    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = layers.Dense(32, activation="relu")(layers.Flatten()(x))

    words = layers.Embedding(len(WORDS), 8, mask_zero=True)(text)
    words = layers.LSTM(16)(words)

    joined = layers.concatenate([x, words])
    hidden = layers.Dense(64, activation="relu")(joined)
    digit = layers.Dense(10, activation="softmax", name="digit")(joined)
    truth = layers.Dense(1, activation="sigmoid", name="truth")(hidden)
    return keras.Model(inputs=[image, text], outputs={"digit": digit, "truth": truth})


def main() -> None:
    options = arguments(epochs=12)
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = digits()
    model = network()
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss={"digit": "sparse_categorical_crossentropy", "truth": "binary_crossentropy"},
        loss_weights={"digit": 0.5, "truth": 1.0},
        metrics={"digit": ["accuracy"], "truth": ["accuracy"]},
    )
    inputs, targets = with_claims(x_train, y_train, per_image=4, seed=1)
    model.fit(inputs, targets, batch_size=64, epochs=options.epochs, verbose=0)
    inputs, targets = with_claims(x_test, y_test, per_image=4, seed=2)
    results = model.evaluate(inputs, targets, verbose=0, return_dict=True)
    print(f"test loss {results['loss']:.3f}")
    print(f"which digit: accuracy {results['digit_accuracy']:.3f}; is the claim true: {results['truth_accuracy']:.3f}")


if __name__ == "__main__":
    main()
