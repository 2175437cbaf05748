"""The pretrained weights that come in the package: which there are, and how a network reads them."""

import hashlib
from importlib import resources
from typing import Any, NamedTuple


class BundledWeights(NamedTuple):
    """Weights in the package, trained on the named data by `examples/train_cifar100.py`.

    Fields:
        network: name of the constructor in `kerasish.applications`.
        weights: what to pass as its `weights`.
        parameters: number of weights, classifier included.
        input_size: height and width of the images it was trained on, in pixels.
        accuracy: share of the 10,000 test images whose class it finds.
        bytes: size of the file.
        sha256: of the file.
    """

    network: str
    weights: str
    parameters: int
    input_size: int
    accuracy: float
    bytes: int
    sha256: str

    def load(self, model: Any) -> None:
        """Give a network these weights, layer by layer by name, so that it may lack the classifier.

        Raises:
            ValueError: if the file is not the one that was shipped.
        """
        name = f"{self.network.lower()}_{self.weights}.h5"
        with resources.as_file(resources.files(__package__).joinpath("weights", name)) as path:
            if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
                raise ValueError(f"{path} is not the file that came with the package; install kerasish again.")
            model.load_weights(path, by_name=True)


_BUNDLED = (
    BundledWeights(
        "ResNet8", "cifar100", 321_604, 32, 0.6430, 721_000,
        "7771b5048ec6179ef88c8130d4f0d0ddd69c0e810784724a28dcd711ea735193",
    ),
    BundledWeights(
        "ResNet14", "cifar100", 710_468, 32, 0.6619, 1_542_880,
        "5583a1ebbb12309d9aa9b6195fdbaa4e1117250d9107efd18204e380c44f51cd",
    ),
)  # fmt: skip


def bundled() -> list[BundledWeights]:
    """Return the pretrained weights that need no download.

    Example:
        >>> ", ".join(entry.network for entry in bundled())
        'ResNet8, ResNet14'
    """
    return list(_BUNDLED)


def find(network: str, weights: str) -> BundledWeights:
    """Return the entry of a network."""
    return next(entry for entry in _BUNDLED if (entry.network, entry.weights) == (network, weights))
