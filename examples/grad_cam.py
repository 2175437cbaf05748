"""Grad-CAM: which part of a picture speaks for its class, from the gradient at the last feature map.

Source: Selvaraju et al., 2017, https://arxiv.org/abs/1610.02391. Needs no network and no data: pieces of clothing stand
in one quarter of an empty image, a head on the network trained on CIFAR-100 learns to name them wherever they are, and
Grad-CAM, which is never told, should find the quarter.
"""

import argparse

import jax
import numpy as np

import kerasish as keras
from kerasish import applications, layers
from kerasish.datasets import fashion_mnist_small


def grad_cam(before: keras.Model, after: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the most probable class of each image, and the heat `(images, height, width)` that speaks for it.

    Args:
        before: from images to a feature map.
        after: from the feature map to logits.
        images: of shape `(images, height, width, 3)`.
    """
    features = before(images)
    labels = np.argmax(after(features), axis=-1)
    gradient = jax.grad(lambda features: after(features)[np.arange(len(labels)), labels].sum())(features)
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    return labels, np.maximum((features * weights).sum(axis=-1), 0)


def in_a_quarter(images: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return images `(N, 64, 64, 3)` with the given ones in a random quarter, and which quarter it is."""
    quarters = generator.integers(0, 4, len(images))
    canvas = np.zeros((len(images), 2, 32, 2, 32, 3), "uint8")
    for place, quarter, image in zip(canvas, quarters, images):
        place[quarter // 2, 2:30, quarter % 2, 2:30] = image[..., None]
    return canvas.reshape(-1, 64, 64, 3), quarters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    (x_train, y_train), (x_test, y_test) = fashion_mnist_small.load_data()
    x_train, _ = in_a_quarter(x_train, generator)
    x_test, quarters = in_a_quarter(x_test, generator)

    before = applications.ResNet8(weights="cifar100", include_top=False, input_shape=(64, 64, 3))
    before.trainable = False
    after = keras.Sequential(
        [keras.Input(before.output_shape[1:]), layers.GlobalAveragePooling2D(), layers.Dense(10, name="logits")]
    )
    model = keras.Sequential([keras.Input((64, 64, 3)), before, after])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=options.epochs, verbose=0)
    print(f"test accuracy {model.evaluate(x_test, y_test, verbose=0)[1]:.3f}")

    labels, heat = grad_cam(before, after, x_test)
    right = labels == y_test
    # Both halves of both axes of the heat, as quarters.
    halves = heat.reshape(len(heat), 2, heat.shape[1] // 2, 2, heat.shape[2] // 2).sum(axis=(2, 4)).reshape(-1, 4)
    found = halves.argmax(axis=1) == quarters
    share = halves[np.arange(len(halves)), quarters] / np.maximum(halves.sum(axis=1), 1e-9)
    print(f"hottest quarter is that with the picture: {found[right].mean():.3f} of the images named rightly")
    print(f"share of the heat in that quarter: {share[right].mean():.3f} (by chance 0.250)")


if __name__ == "__main__":
    main()
