"""Data of the examples: MNIST and UCI Adult where a file is found, else the small datasets inside the package."""

import argparse
import csv
import gzip
import os
from pathlib import Path

import numpy as np

from kerasish.datasets import digits as packaged_digits
from kerasish.datasets import penguins

Arrays = tuple[np.ndarray, np.ndarray]
CACHE = Path(os.environ.get("KERASISH_HOME") or Path.home() / ".kerasish") / "datasets"


def arguments(epochs: int) -> argparse.Namespace:
    """Read `--data FOLDER` and `--epochs N` from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("KERASISH_DATA") or CACHE),
        help="folder with mnist_12k.npz or mnist.npz, adult.csv.gz; default: $KERASISH_DATA or the download cache",
    )
    parser.add_argument("--epochs", type=int, default=epochs)
    return parser.parse_args()


def _find(folder: Path, *names: str) -> Path | None:
    places = [place / name for name in names for place in (folder, folder / "tab")]
    return next((path for path in places if path.is_file()), None)


def digits() -> tuple[Arrays, Arrays]:
    """Return the packaged digits as float32 images `(N, 8, 8, 1)` in 0..1 and int32 labels."""
    (x_train, y_train), (x_test, y_test) = packaged_digits.load_data()
    x_train, x_test = (x[..., None] / np.float32(16) for x in (x_train, x_test))
    return (x_train, y_train.astype("int32")), (x_test, y_test.astype("int32"))


def mnist(folder: Path) -> tuple[Arrays, Arrays]:
    """Return MNIST as float32 images `(N, 28, 28, 1)` in 0..1 and int32 labels; enlarged digits if it is not there."""
    path = _find(folder, "mnist_12k.npz", "mnist.npz")
    if path is None:
        print(f"no mnist_12k.npz or mnist.npz in {folder}: using the packaged 8x8 digits, enlarged to 28x28")
        print('(`python -c "import kerasish; kerasish.datasets.mnist.load_data()"` downloads MNIST into the cache)')
        train, test = digits()
        return tuple(
            (np.pad(x.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2), (0, 0))), y) for x, y in (train, test)
        )
    with np.load(path) as file:
        parts = [(file[f"x_{part}"], file[f"y_{part}"]) for part in ("train", "test")]
    print(f"{path.name}: {len(parts[0][0])} images for training, {len(parts[1][0])} for testing")
    return tuple((x[..., None] / np.float32(255), y.astype("int32")) for x, y in parts)


def adult(folder: Path) -> tuple[Arrays, Arrays]:
    """Return 14 standardized columns and a yes/no answer: income over 50,000 dollars; or penguins and their sex."""
    path = _find(folder, "adult.csv.gz")
    if path is None:
        print(f"no adult.csv.gz in {folder}: using the packaged penguins (is it a male?)")
        (x_train, _), (x_test, _) = penguins.load_data()
        columns = [np.concatenate([x_train[name], x_test[name]]) for name in x_train if name != "sex"]
        answer = np.concatenate([x_train["sex"], x_test["sex"]]) == "male"
        training = np.arange(len(answer)) < len(x_train["sex"])
    else:
        with gzip.open(path, "rt", newline="") as file:
            header, *rows = csv.reader(file)
        table = dict(zip(header, np.array(rows).T))
        answer = np.char.find(table.pop("income"), ">") == 0
        training = table.pop("split") == "train"
        columns = list(table.values())
        print(f"{path.name}: {training.sum()} people for training, {(~training).sum()} for testing")
    x = np.stack([_numbers(column) for column in columns], axis=1)
    x = ((x - x[training].mean(0)) / x[training].std(0)).astype("float32")
    y = answer.astype("float32")[:, None]
    return (x[training], y[training]), (x[~training], y[~training])


def _numbers(column: np.ndarray) -> np.ndarray:
    """Return a column as numbers; words become their position in alphabetical order."""
    try:
        return column.astype("float64")
    except ValueError:
        return np.unique(column, return_inverse=True)[1].astype("float64")
