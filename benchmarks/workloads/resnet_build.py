"""Building ResNet50, its 25.6 million random weights included."""

from benchmarks import building


def kerasish() -> dict[str, float]:
    return building.network("kerasish", "ResNet50")


def keras() -> dict[str, float]:
    return building.network("keras", "ResNet50")


def numpy() -> dict[str, float]:
    return building.uniform_numbers(25_636_712)
