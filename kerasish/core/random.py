"""Seeds: the global seed, what follows from it for initial values, and SeedGenerator, the state of random layers."""

import hashlib
import os
import random
import re
import threading
from typing import Any

import jax
import numpy as np

from kerasish.core import naming
from kerasish.core.variable import Variable, creating_path

_MASK = 0xFFFFFFFF
_NUMBERED = re.compile(r"(.+)_(\d+)")


class _Global:
    """The global seed and what has been drawn from it."""

    def __init__(self, seed: int | None) -> None:
        self.seed = int.from_bytes(os.urandom(8)) if seed is None else seed
        self.explicit = seed is not None
        self.draws: dict[str, int] = {}
        self.names = naming.name_counts()


_global: list[_Global] = []
_default: list["SeedGenerator"] = []
_lock = threading.Lock()


def set_global_seed(seed: int | None) -> None:
    """Set the seed that initial values and unseeded random functions follow from; None: a new one from the system.

    The same program started from the same seed makes the same values, also a second time in one process.

    Raises:
        ValueError: if `seed` is neither an integer nor None.
    """
    if seed is not None and not _is_integer(seed):
        raise ValueError(f"set_global_seed: `seed` must be an integer, received seed={seed!r} ({type(seed).__name__}).")
    with _lock:
        _global[:] = [_Global(None if seed is None else int(seed))]
    if _default:
        # The same generator goes on: functions compiled before hold on to its state.
        _default[0].state.assign(np.array([_default_start(), 0], np.uint32))


def get_global_seed() -> int:
    """Return the global seed; drawn from the system's entropy where none was set."""
    return _current().seed


def explicit_global_seed() -> int | None:
    """Return the seed that `set_global_seed` was given, or None where it was given none."""
    state = _current()
    return state.seed if state.explicit else None


def variable_key(path: str) -> np.ndarray:
    """Return the raw key (uint32 of shape (2,)) for the initial value of the variable at `path`.

    It follows from the global seed, the path and how many variables of that path came before, so it does not change
    with the order in which different layers are built. Running numbers of automatic names count from the last
    `set_global_seed`: a model built again after the same seed has the same initial values, whatever its layers are
    called the second time.
    """
    state = _current()
    name = "/".join(_renumbered(part, state.names) for part in path.split("/"))
    with _lock:
        count = state.draws.get(name, 0)
        state.draws[name] = count + 1
    digest = hashlib.blake2b(f"{state.seed}|{name}|{count}".encode(), digest_size=8).digest()
    return np.frombuffer(digest, np.uint32).copy()


def make_default_seed() -> int:
    """Return a new seed that follows from the global seed and the number of such seeds drawn before."""
    return int(variable_key("default_seed")[0])


def draw_seed(seed: Any) -> Any:
    """Return the raw key (uint32 of shape (2,)) that a `seed` argument stands for.

    Args:
        seed: an integer (the same key each time), a `SeedGenerator` (its next key), a JAX key (itself) or None (the
            next key of the default generator).

    Raises:
        ValueError: for anything else.
    """
    if seed is None:
        return default_generator().next(ordered=False)
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if _is_integer(seed):
        return np.array([int(seed) & _MASK, 0], np.uint32)
    if isinstance(seed, jax.Array):
        return seed
    raise ValueError(
        "Argument `seed` must be an integer, a `SeedGenerator`, a JAX key or None. "
        f"Received: seed={seed!r} (of type {type(seed).__name__})."
    )


def default_generator() -> "SeedGenerator":
    """Return the generator that random functions without `seed` draw from.

    Its state is a Variable like any other: code that compiles such functions has to carry it along.
    """
    if not _default:
        _default.append(SeedGenerator(_default_start(), name="default_seed_generator"))
    return _default[0]


def _default_start() -> int:
    # Keras takes the seed of its default generator from Python's, so the values after `set_random_seed` are the same.
    return random.Random(get_global_seed()).randint(1, 10**9)


class SeedGenerator:
    """A source of seeds: a counter in a Variable, so that each random call gets a new key.

    Pass it as `seed` to the functions of `kerasish.random`, or keep it in a layer, which then tracks its state.

    Args:
        seed: integer to start from; by default one that follows from the global seed.
        name: name of the generator, by default unique.
        **kwargs: `backend`, accepted for compatibility.

    Attributes:
        state: Variable, uint32 of shape (2,): the seed and the number of keys drawn.

    Raises:
        ValueError: if `seed` is not an integer.

    Example:
        >>> generator = SeedGenerator(42)
        >>> first, second = normal((3,), seed=generator), normal((3,), seed=generator)
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        kwargs.pop("backend", None)
        if kwargs:
            raise ValueError(f"SeedGenerator: unknown arguments {sorted(kwargs)}; expected `seed` and `name`.")
        if seed is not None and not _is_integer(seed):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed!r} ({type(seed).__name__}).")
        self.name = name or naming.auto_name(type(self).__name__)
        self._initial_seed = seed

        def first_state(shape: tuple[int, ...], dtype: str) -> np.ndarray:
            start = variable_key(creating_path())[0] if seed is None else int(seed) & _MASK
            return np.array([start, 0], np.uint32)

        with naming.name_scope(self.name):
            self.state = Variable(first_state, shape=(2,), dtype="uint32", trainable=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> jax.Array:
        """Return the current key and move on.

        Args:
            ordered: count up; False jumps through a sequence of nearly distinct states instead.
        """
        current = self.state.value
        if ordered:
            self.state.assign(current + np.array([0, 1], np.uint32))
        else:
            # The recurrence of Keras's default generator, so that unseeded calls give the same values.
            self.state.assign((current + np.uint32(1)) * np.uint32(5387) % np.uint32(933199))
        return current

    def get_config(self) -> dict:
        """Return the arguments that make the same generator again."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "SeedGenerator":
        """Make a generator from what `get_config` returned."""
        return cls(**config)


def _current() -> _Global:
    if not _global:
        with _lock:
            if not _global:
                _global.append(_Global(None))
    return _global[0]


def _is_integer(seed: Any) -> bool:
    return isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)


def _renumbered(name: str, counts: dict[str, int]) -> str:
    """Return `dense_3` as `dense_1` where two names `dense`, `dense_1` had been given before the seed was set."""
    match = _NUMBERED.fullmatch(name)
    before = counts.get(match[1], 0) if match else 0
    if match is None or int(match[2]) < before or not before:
        return name
    number = int(match[2]) - before
    return f"{match[1]}_{number}" if number else match[1]
