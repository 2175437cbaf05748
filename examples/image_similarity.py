"""Similar pictures by nearest neighbours of pretrained features, against neighbours of raw pixels; needs no network."""

import argparse

import numpy as np

import kerasish as keras
from kerasish import applications
from kerasish.datasets import fashion_mnist_small


def unit(x: np.ndarray) -> np.ndarray:
    """Return the rows of `x` without their mean, scaled to length 1: dot products become correlations."""
    x = x.reshape(len(x), -1).astype("float32")
    x = x - x.mean(axis=1, keepdims=True)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def precision(queries: np.ndarray, gallery: np.ndarray, query_labels: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Return which share of the `k` nearest neighbours of each query shows the same kind of clothing."""
    nearest = np.argsort(-unit(queries) @ unit(gallery).T, axis=1)[:, :k]
    return float((labels[nearest] == query_labels[:, None]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neighbours", type=int, default=5)
    options = parser.parse_args()
    (gallery, labels), (queries, query_labels) = fashion_mnist_small.load_data()
    gallery, queries = (np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None].repeat(3, axis=-1) for x in (gallery, queries))

    keras.utils.set_random_seed(0)
    found = {"raw pixels": (queries, gallery)}
    for title, weights in (("untrained", None), ("trained on CIFAR-100", "cifar100")):
        network = applications.ResNet8(weights=weights, include_top=False, pooling="avg", input_shape=(32, 32, 3))
        # The pictures are centred, so where something is tells as much as what it is: a feature map beats its average.
        layer = network.get_layer("stage2_block1_out")
        for what, output in (("feature map of stage 2", layer.output), ("average of the last", network.output)):
            model = keras.Model(network.input, output)
            found[f"{what}, {title}"] = tuple(model.predict(x, batch_size=250, verbose=0) for x in (queries, gallery))
    print(f"share of the {options.neighbours} nearest neighbours that are of the class of the query:")
    for title, arrays in found.items():
        print(f"{title:45} {precision(*arrays, query_labels, labels, options.neighbours):.3f}")


if __name__ == "__main__":
    main()
