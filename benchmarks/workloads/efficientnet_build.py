"""Building EfficientNetB0, its 5.3 million random weights included."""

from benchmarks import building


def kerasish() -> dict[str, float]:
    return building.network("kerasish", "EfficientNetB0")


def keras() -> dict[str, float]:
    return building.network("keras", "EfficientNetB0")


def numpy() -> dict[str, float]:
    return building.uniform_numbers(5_330_571)
