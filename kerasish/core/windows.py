"""Window functions for short-time Fourier transforms, by the names SciPy gives them, in NumPy alone."""

from collections.abc import Callable

import numpy as np

# Coefficients a_k of sum_k (-1)^k a_k cos(k t); sources: Harris (1978), Nuttall (1981), ISO 18431-2 for flattop.
_COSINE_SUMS = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.50, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}

_ALIASES = {
    "barthann": ("brthan", "bth"),
    "bartlett": ("bart", "brt"),
    "blackman": ("black", "blk"),
    "blackmanharris": ("blackharr", "bkh"),
    "bohman": ("bman", "bmn"),
    "boxcar": ("box", "ones", "rect", "rectangular"),
    "cosine": ("halfcosine",),
    "exponential": ("poisson",),
    "flattop": ("flat", "flt"),
    "hamming": ("hamm", "ham"),
    "hann": ("han",),
    "lanczos": ("sinc",),
    "nuttall": ("nutl", "nut"),
    "parzen": ("parz", "par"),
    "taylor": ("taylorwin",),
    "triang": ("triangle", "tri"),
    "tukey": ("tuk",),
}
_NAMES = {alias: name for name, aliases in _ALIASES.items() for alias in (name, *aliases)}


def window(name: str, length: int, periodic: bool = True) -> np.ndarray:
    """Return the values of a window function, float64 of shape `(length,)`.

    Args:
        name: `"hann"`, `"hamming"`, `"blackman"`, `"nuttall"`, `"blackmanharris"`, `"flattop"`, `"barthann"`,
            `"bartlett"`, `"bohman"`, `"boxcar"`, `"cosine"`, `"exponential"`, `"lanczos"`, `"parzen"`, `"taylor"`,
            `"triang"`, `"tukey"`, or one of SciPy's abbreviations.
        length: number of values.
        periodic: whether the window is meant to be repeated (its last value is then left out).

    Raises:
        ValueError: if there is no such window.

    Example:
        >>> window("hann", 4)
        array([0. , 0.5, 1. , 0.5])
    """
    check_window(name)
    if length <= 1:
        return np.ones(max(length, 0))
    size = length + 1 if periodic else length
    name = _NAMES[name]
    if name in _COSINE_SUMS:
        t = np.linspace(-np.pi, np.pi, size)
        values = sum(a * np.cos(k * t) for k, a in enumerate(_COSINE_SUMS[name]))
    else:
        values = _SHAPES[name](size)
    return values[:length]


def check_window(name: str) -> None:
    """Raise a ValueError that lists the known windows unless `name` is one of them."""
    if name not in _NAMES:
        raise ValueError(f"Unknown window {name!r}. Expected one of {sorted(_ALIASES)}.")


def _half_steps(size: int) -> np.ndarray:
    """Return positions from -1 to 1."""
    return np.linspace(-1, 1, size)


def _barthann(size: int) -> np.ndarray:
    x = np.abs(np.linspace(-0.5, 0.5, size))
    return 0.62 - 0.48 * x + 0.38 * np.cos(2 * np.pi * x)


def _bohman(size: int) -> np.ndarray:
    x = np.abs(_half_steps(size))
    values = (1 - x) * np.cos(np.pi * x) + np.sin(np.pi * x) / np.pi
    values[[0, -1]] = 0
    return values


def _parzen(size: int) -> np.ndarray:
    position = np.abs(np.arange(size) - (size - 1) / 2)
    x = position / (size / 2)
    return np.where(position <= (size - 1) / 4, 1 - 6 * x**2 * (1 - x), 2 * (1 - x) ** 3)


def _taylor(size: int, bars: int = 4, level: float = 30.0) -> np.ndarray:
    """Return the Taylor window with `bars` nearly constant side lobes `level` decibels down, peak 1."""
    a = np.arccosh(10 ** (level / 20)) / np.pi
    widening = bars**2 / (a**2 + (bars - 0.5) ** 2)
    orders = np.arange(1, bars)
    factors = []
    for m in orders:
        zeros = np.prod(1 - m**2 / widening / (a**2 + (orders - 0.5) ** 2))
        others = np.prod([1 - m**2 / j**2 for j in orders if j != m])
        factors.append((-1) ** (m + 1) * zeros / (2 * others))

    def shape(x: np.ndarray) -> np.ndarray:
        return 1 + 2 * np.dot(factors, np.cos(2 * np.pi * np.outer(orders, (x - size / 2 + 0.5) / size)))

    return shape(np.arange(size)) / shape(np.array([(size - 1) / 2]))


def _triang(size: int) -> np.ndarray:
    x = np.abs(np.arange(size) - (size - 1) / 2)
    return 1 - x / ((size + 1) / 2 if size % 2 else size / 2)


def _tukey(size: int, taper: float = 0.5) -> np.ndarray:
    edge = (1 - np.abs(_half_steps(size))) / taper
    return np.where(edge < 1, 0.5 * (1 - np.cos(np.pi * edge)), 1.0)


_SHAPES: dict[str, Callable[[int], np.ndarray]] = {
    "barthann": _barthann,
    "bartlett": lambda size: 1 - np.abs(_half_steps(size)),
    "bohman": _bohman,
    "boxcar": np.ones,
    "cosine": lambda size: np.sin(np.pi / size * (np.arange(size) + 0.5)),
    "exponential": lambda size: np.exp(-np.abs(np.arange(size) - (size - 1) / 2)),
    "lanczos": lambda size: np.sinc(_half_steps(size)),
    "parzen": _parzen,
    "taylor": _taylor,
    "triang": _triang,
    "tukey": _tukey,
}
