"""Trains a model in Keras and here from the same weights on the same data, and compares everything that comes out."""

import importlib
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")


class _Kerasish(types.SimpleNamespace):
    """The packages and names of kerasish as attributes, as `import kerasish` gives them."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("kerasish"), name)


kerasish = _Kerasish()


def fit_both(make: Callable, compile_options: Callable | dict, *data: Any, **fit_options: Any) -> tuple[Any, Any]:
    """Build, compile and fit a model with both libraries; check that histories and weights agree.

    Args:
        make: function of the library that returns a model, built.
        compile_options: arguments of `compile`, or a function of the library that returns them.
        *data: positional arguments of `fit`.
        **fit_options: further arguments of `fit`; callables are called with the library.

    Returns:
        Keras's model and ours, trained.
    """
    tolerance = fit_options.pop("tolerance", 2e-4)
    models: list[Any] = []
    start: list[np.ndarray] = []
    histories = []
    for library in (keras, kerasish):
        library.utils.set_random_seed(0)
        model = make(library)
        if models:
            model.set_weights(start)
        start = [np.array(weight) for weight in model.get_weights()]
        model.compile(**(compile_options(library) if callable(compile_options) else compile_options))
        options = {name: value(library) if callable(value) else value for name, value in fit_options.items()}
        arguments = [value(library) if callable(value) else value for value in data]
        history = model.fit(*arguments, **{"verbose": 0, "shuffle": False, **options})
        models.append(model)
        histories.append(history.history)
    expected, actual = histories
    assert list(actual) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(actual[name], values, rtol=tolerance, atol=tolerance, err_msg=name)
    for theirs, ours in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=20 * tolerance, atol=10 * tolerance)
    return models[0], models[1]
