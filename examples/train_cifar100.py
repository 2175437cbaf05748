"""Train the small networks that come with the package on CIFAR-100, from nothing; started again, it goes on.

    python train_cifar100.py --network ResNet8 --epochs 40 --folder runs/resnet8

Each finished epoch is saved with all of its state, so a run that was killed and started again ends with the same
weights as one that was not.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

import kerasish as keras
from kerasish import applications, layers

BATCH_SIZE = 128
PEAK_LEARNING_RATE = 0.15
SEED = 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="ResNet8", choices=["ResNet8", "ResNet14"])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--folder", type=Path, default=Path("runs/cifar100"), help="where the state of the run is kept")
    parser.add_argument("--data", type=Path, help=".npz with x_train, y_train, x_test, y_test; default: the download")
    parser.add_argument("--samples", type=int, help="train on the first samples alone, to try it out")
    return parser.parse_args()


def load(path: Path | None) -> tuple:
    """Return images as uint8 `(N, 32, 32, 3)` and labels `(N,)`, for training and for testing."""
    if path is None:
        (x_train, y_train), (x_test, y_test) = keras.datasets.cifar100.load_data()
    else:
        with np.load(path) as file:
            x_train, y_train, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    return x_train, y_train.reshape(-1).astype("int32"), x_test, y_test.reshape(-1).astype("int32")


def compiled_network(name: str, steps: int) -> keras.Model:
    """Return the network behind its augmentation, compiled for a run of `steps` steps."""
    network = getattr(applications, name)(weights=None, classifier_activation=None)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.125, 0.125, fill_mode="reflect", interpolation="nearest"),
            network,
        ]
    )
    warmup = steps // 10
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=PEAK_LEARNING_RATE, warmup_steps=warmup
    )
    # The decay acts on the weights directly, so it corresponds to a tenth of this as a penalty under momentum 0.9.
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=4e-3)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


class KeepState(keras.callbacks.Callback):
    """Write everything that the rest of the run depends on after each epoch, all at once."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def variables(self) -> list:
        return [*self.model.variables, *self.model.optimizer.variables]

    def restore(self, model: keras.Model) -> None:
        """Give a model just compiled the state that was written, if there is any."""
        self.set_model(model)
        model.optimizer.build(model.trainable_variables)
        if self.path.exists():
            with np.load(self.path) as file:
                for index, variable in enumerate(self.variables()):
                    variable.assign(file[f"arr_{index}"])

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        part = self.path.with_suffix(".part.npz")
        np.savez(part, *(variable.numpy() for variable in self.variables()))
        part.replace(self.path)


def export(name: str, weights: list[np.ndarray], path: Path) -> None:
    """Write the weights in half precision, each under the name of its layer."""
    keras.config.set_dtype_policy("float16")
    network = getattr(applications, name)(weights=None)
    keras.config.set_dtype_policy("float32")
    network.set_weights(weights)
    keras.saving.legacy.save_weights(network, path)


def main() -> None:
    options = arguments()
    x_train, y_train, x_test, y_test = load(options.data)
    x_train, y_train = x_train[: options.samples], y_train[: options.samples]
    steps_per_epoch = -(-len(x_train) // BATCH_SIZE)
    options.folder.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(SEED)
    model = compiled_network(options.network, options.epochs * steps_per_epoch)
    state = KeepState(options.folder / "state.npz")
    state.restore(model)
    # The order of the samples follows from this seed and the number of the epoch.
    keras.utils.set_random_seed(SEED)
    model.fit(
        x_train,
        y_train,
        batch_size=BATCH_SIZE,
        epochs=options.epochs,
        initial_epoch=int(model.optimizer.iterations) // steps_per_epoch,
        validation_data=(x_test, y_test),
        validation_batch_size=1000,
        validation_freq=5,
        verbose=2,
        callbacks=[
            state,
            keras.callbacks.CSVLogger(options.folder / "history.csv", append=True),
        ],
    )
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=1000, verbose=0)
    print(f"{options.network}: test loss {loss:.3f}, test accuracy {accuracy:.4f}")

    path = options.folder / f"{options.network.lower()}_cifar100.h5"
    export(options.network, model.get_layer(options.network.lower()).get_weights(), path)
    print(f"{path}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    final = getattr(applications, options.network)(weights=path)
    accuracy = (final.predict(x_test, batch_size=1000, verbose=0).argmax(1) == y_test).mean()
    print(f"as read from this file: test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
