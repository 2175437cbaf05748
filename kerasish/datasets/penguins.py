"""Palmer penguins: 344 birds of three species, words and numbers, with gaps; comes with the package."""

import csv
from importlib import resources

import numpy as np

from kerasish.datasets.splits import shuffled_orders, training_count

class_names = ("Adelie", "Chinstrap", "Gentoo")

_NUMBERS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
_WORDS = ("island", "sex")

Columns = dict[str, np.ndarray]


def load_data(
    test_split: float = 0.2, seed: int = 113, missing: str = "drop"
) -> tuple[tuple[Columns, np.ndarray], tuple[Columns, np.ndarray]]:
    """Load the penguins, without network; the task is to tell the species from the measurements.

    The columns are `island` (Biscoe, Dream, Torgersen) and `sex` (female, male) as strings, `bill_length_mm`,
    `bill_depth_mm`, `flipper_length_mm` and `body_mass_g` as float32, and `year` (2007 to 2009) as int32. In 11 of
    the 344 rows the sex is unknown, in two of them the four measurements as well.

    Source: Horst, Hill and Gorman, palmerpenguins, CC0.

    Args:
        test_split: the part of the data that is for testing, at least 0 and less than 1.
        seed: seed of the shuffle before the split.
        missing: `"drop"` leaves out the 11 rows with gaps (333 remain); `"keep"` keeps them, an unknown measurement
            as NaN and an unknown sex as the empty string.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: `x` is a dict of columns `(N,)`, `y` uint8 numbers of `class_names`.

    Raises:
        ValueError: for another `missing`, or if `test_split` is out of range.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()
        >>> len(y_train), len(y_test)
        (266, 67)
    """
    if missing not in ("drop", "keep"):
        raise ValueError(f"`missing` must be 'drop' or 'keep', received missing={missing!r}.")
    with resources.files(__package__).joinpath("penguins.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if missing == "keep" or all(row.values())]
    count = training_count(len(rows), test_split)
    (order,) = shuffled_orders(seed, len(rows))
    rows = [rows[index] for index in order]
    columns: Columns = {name: np.array([row[name] for row in rows]) for name in _WORDS}
    columns |= {name: np.array([row[name] or "nan" for row in rows]).astype("float32") for name in _NUMBERS}
    columns["year"] = np.array([int(row["year"]) for row in rows], dtype="int32")
    species = np.array([class_names.index(row["species"]) for row in rows], dtype="uint8")
    train = {name: column[:count] for name, column in columns.items()}
    test = {name: column[count:] for name, column in columns.items()}
    return (train, species[:count]), (test, species[count:])
