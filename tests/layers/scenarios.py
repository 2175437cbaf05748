"""Runs one piece of Keras code with both libraries and compares what it finds out."""

import importlib
import types
from collections.abc import Callable
from typing import Any

import pytest

from kerasish.core import naming

keras = pytest.importorskip("keras")


class _Kerasish(types.SimpleNamespace):
    """The packages and names of kerasish as attributes, as `import kerasish` gives them."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("kerasish"), name)


kerasish = _Kerasish()


def assert_same_in_both(scenario: Callable, *arguments: Any) -> Any:
    """Call `scenario(library, *arguments)` with Keras and with kerasish; the results must be equal.

    Args:
        scenario: returns plain data: numbers, strings, tuples, lists and dicts of them. It may call `failure`.
        *arguments: further arguments.

    Returns:
        The common result.
    """
    results = []
    for library in (keras, kerasish):
        keras.backend.clear_session(free_memory=False)
        naming.reset_names()
        library.utils.set_random_seed(0)
        results.append(scenario(library, *arguments))
    assert results[1] == results[0], f"Keras: {results[0]}\nkerasish: {results[1]}"
    return results[1]


def failure(function: Callable, *arguments: Any, **options: Any) -> str:
    """Return the name of the exception that a call raises."""
    try:
        function(*arguments, **options)
    except Exception as error:  # whatever it is, it is the result
        return type(error).__name__
    return "none"


def described(variables: list) -> list[tuple]:
    """Return path, shape, dtype and `trainable` of variables."""
    return [(v.path, tuple(v.shape), v.dtype, v.trainable) for v in variables]


def numbers(values: Any) -> list[float]:
    """Return losses and the like as Python numbers that can be compared."""
    return [round(float(value), 4) for value in values]
