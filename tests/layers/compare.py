"""Compares a layer with Keras's: same configuration, weights and inputs must give the same everything.

from tests.layers.compare import assert_rejected, assert_same

assert_same("Dense", {"units": 3, "activation": "relu"}, (2, 4))             # inputs as shapes: normal numbers
assert_same("Embedding", {"input_dim": 7, "output_dim": 2}, np.array([[1, 2], [6, 0]]))
assert_same("Add", {}, [(2, 3), (2, 3)])                                     # one argument, a list of two tensors
assert_same(lambda lib: lib.layers.Bidirectional(lib.layers.LSTM(3)), None, (2, 5, 4), masks=[mask])
assert_rejected("Dense", {"units": 0}, match="units")
"""

import importlib
import json
import types
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kerasish.core import masks, naming, registry, tree
from kerasish.core.symbolic import KerasTensor

keras = pytest.importorskip("keras")

# Enough for a test: compiling is what costs, and code this small gains nothing from optimization.
_FAST_COMPILE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class _Kerasish(types.SimpleNamespace):
    """The packages of kerasish as attributes, imported when used."""

    def __getattr__(self, name: str) -> Any:
        return importlib.import_module(f"kerasish.{name}")


kerasish = _Kerasish()


def make_pair(make: str | Callable, options: dict | None = None) -> tuple[Any, Any]:
    """Return Keras's layer and ours, with the same names.

    Args:
        make: name of a layer class, called with `options`, or a function of the library (`lib.layers`,
            `lib.regularizers`, ...) that returns the layer.
        options: arguments of the constructor; values that are functions named `<lambda>` are called with the library.
    """
    pair = []
    for library in (keras, kerasish):
        _reset_names()
        if callable(make):
            pair.append(make(library))
        else:
            given = {
                name: value(library) if getattr(value, "__name__", "") == "<lambda>" else value
                for name, value in (options or {}).items()
            }
            pair.append(getattr(library.layers, make)(**given))
    return pair[0], pair[1]


def assert_same(
    make: str | Callable,
    options: dict | None = None,
    *inputs: Any,
    masks: Sequence[Any] | None = None,
    training: Sequence[bool | None] = (False, True),
    call_options: dict | None = None,
    gradients: bool = True,
    symbolic: bool | Sequence[Any] = True,
    config: bool = True,
    weights: Callable | None = None,
    tolerance: float | None = None,
    seed: int = 0,
) -> tuple[Any, Any]:
    """Compare a layer with Keras's in all respects.

    These must agree: configuration and what is made from it, on both sides; names, paths, shapes, dtypes and order of
    the weights; symbolic output shapes with unknown batch; then, with the same random weights, for each value of
    `training`: outputs, their dtypes and masks, new values of the other variables, added losses, and gradients with
    respect to weights and float inputs.

    Args:
        make: as in `make_pair`.
        options: as in `make_pair`.
        *inputs: positional arguments of the call: arrays, shapes (tuples of integers, filled with normal numbers), or
            lists of these.
        masks: one Keras mask (or None) for each tensor in `inputs`.
        training: values of the argument `training` to run.
        call_options: further keyword arguments of the call.
        gradients: whether to compare gradients.
        symbolic: whether to compare shapes with unknown batch; or a list of further shapes of the (single) input.
        config: whether to compare configurations.
        weights: function of Keras's initial value and the weight that returns the value to use.
        tolerance: largest difference relative to the largest number; by default by dtype.
        seed: for inputs and weights.

    Returns:
        Keras's layer and ours, built, with the same weights.
    """
    rng = np.random.default_rng(seed)
    pair = make_pair(make, options)
    inputs = tuple(_filled(argument, rng) for argument in inputs)
    if config:
        _compare_configs(*pair)
    shapes = _compare_symbolic(pair, inputs, symbolic, call_options or {}) if symbolic is not False else None
    if shapes is None:
        for layer in pair:
            _reset_names()
            layer(*(tree.map_structure(jnp.asarray, argument) for argument in inputs), **(call_options or {}))
    _compare_weights(*pair)
    _copy_weights(*pair, rng, weights)
    results = [
        _run(layer, side, inputs, masks, training, call_options or {}, gradients) for side, layer in enumerate(pair)
    ]
    for value, expected, actual in zip(training, *results, strict=True):
        for what in expected:
            _compare_values(f"{what} (training={value})", expected[what], actual[what], tolerance)
    return pair


def assert_rejected(
    make: str | Callable, options: dict | None = None, *inputs: Any, match: str | None = None, keras_too: bool = True
) -> None:
    """Check that making the layer, or calling it on `inputs`, raises ValueError or TypeError, in Keras too.

    Args:
        make: as in `make_pair`.
        options: as in `make_pair`.
        *inputs: as in `assert_same`; symbolic where they are shapes with None.
        match: what our message must contain, as a regular expression; the layer's class or name in any case.
        keras_too: whether Keras must refuse as well.
    """

    def attempt(library: Any, symbolic_tensor: Any) -> None:
        layer = make(library) if callable(make) else getattr(library.layers, make)(**(options or {}))
        rng = np.random.default_rng(0)
        layer(
            *(
                symbolic_tensor(argument)
                if isinstance(argument, tuple) and None in argument
                else _filled(argument, rng)
                for argument in inputs
            )
        )

    if keras_too:
        with pytest.raises((ValueError, TypeError)):
            attempt(keras, keras.KerasTensor)
    with pytest.raises((ValueError, TypeError), match=match) as caught:
        attempt(kerasish, KerasTensor)
    if isinstance(make, str):
        text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
        assert make in text or naming.to_snake_case(make) in text, f"The message does not name the layer: {text}"


def _reset_names() -> None:
    naming.reset_names()
    keras.src.utils.naming.reset_uids()


def _is_shape(argument: Any) -> bool:
    return isinstance(argument, tuple) and all(isinstance(size, int) for size in argument)


def _filled(argument: Any, rng: np.random.Generator) -> Any:
    """Return the argument with shapes replaced by arrays of normal numbers."""
    if _is_shape(argument):
        return rng.normal(size=argument).astype("float32")
    if isinstance(argument, (list, tuple)):
        return type(argument)(_filled(item, rng) for item in argument)
    if isinstance(argument, dict):
        return {name: _filled(item, rng) for name, item in argument.items()}
    return argument


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _compare_plain(what: str, actual: Any, expected: Any) -> None:
    """Compare nested plain data; on a difference say where it is."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        assert sorted(actual) == sorted(expected), f"{what}: keys {sorted(actual)}, in Keras {sorted(expected)}."
        for key in expected:
            _compare_plain(f"{what}.{key}", actual[key], expected[key])
    elif isinstance(actual, float) and isinstance(expected, float):
        # Keras rounds some numbers to float32.
        assert actual == pytest.approx(expected, rel=1e-6), f"{what}: {actual!r}, in Keras {expected!r}."
    else:
        assert actual == expected, f"{what}: {actual!r}, in Keras {expected!r}."


def _compare_configs(keras_layer: Any, layer: Any) -> None:
    expected = _plain(keras.saving.serialize_keras_object(keras_layer))
    config = expected["config"]
    _compare_plain("serialized", _plain(registry.serialize_keras_object(layer)), expected)
    again = type(layer).from_config(layer.get_config())
    _compare_plain("config of the copy", _plain(again.get_config()), config)
    ours_from_keras = registry.deserialize_keras_object(expected)
    assert type(ours_from_keras) is type(layer)
    _compare_plain("config made from Keras's", _plain(ours_from_keras.get_config()), config)
    keras_from_ours = keras.saving.deserialize_keras_object(_plain(registry.serialize_keras_object(layer)))
    _compare_plain("Keras's made from ours", _plain(keras_from_ours.get_config()), config)


def _compare_symbolic(pair: tuple, inputs: tuple, more: Any, options: dict) -> list:
    """Build both layers on symbolic tensors with unknown batch and compare the shapes of the outputs."""
    cases = [tree.map_structure(lambda x: (None, *np.shape(x)[1:]), inputs)]
    cases += [] if more is True else [(shape,) for shape in more]
    floats = all(np.asarray(x).dtype.kind == "f" for x in tree.flatten(inputs))
    for case in cases:
        results = []
        for layer, kind in zip(pair, (keras.KerasTensor, KerasTensor), strict=True):
            _reset_names()
            tensors = tree.map_shape_structure(lambda shape: kind(shape, "float32"), list(case))  # noqa: B023
            if case is cases[0]:
                flat = [kind((None, *x.shape[1:]), str(x.dtype)) for x in map(np.asarray, tree.flatten(inputs))]
                tensors = tree.pack_sequence_as(inputs, flat)
            outputs = tree.flatten(layer(*tensors, **options))
            # Keras answers the compute dtype for integers, also where the call returns integers.
            results.append([(tuple(output.shape), output.dtype if floats else None) for output in outputs])
        assert results[1] == results[0], f"Symbolic outputs for {case}: {results[1]}, in Keras {results[0]}."
    return cases


def _compare_weights(keras_layer: Any, layer: Any) -> None:
    def describe(weights: list) -> list:
        return [(w.path, w.name, tuple(w.shape), w.dtype, w.trainable) for w in weights]

    for attribute in ("weights", "trainable_weights", "non_trainable_weights"):
        expected, actual = describe(getattr(keras_layer, attribute)), describe(getattr(layer, attribute))
        assert actual == expected, f"{attribute}: {actual}, in Keras {expected}."
    expected, actual = keras_layer.variables, layer.variables
    assert len(actual) == len(expected), f"variables: {actual}, in Keras {expected}."


def _copy_weights(keras_layer: Any, layer: Any, rng: np.random.Generator, change: Callable | None) -> None:
    """Give both layers the same weights: Keras's initial values with noise, so that zeros and ones matter."""
    for theirs, ours in zip(keras_layer.weights, layer.weights, strict=True):
        value = np.asarray(theirs.value)
        if change is not None:
            value = change(value, theirs)
        elif value.dtype.kind == "f" or "float" in theirs.dtype:
            value = value + rng.uniform(-0.4, 0.4, value.shape).astype("float32")
        theirs.assign(value)
        ours.assign(np.asarray(theirs.value))


def _run(
    layer: Any, side: int, inputs: tuple, input_masks: Any, modes: Sequence, options: dict, gradients: bool
) -> list[dict[str, list]]:
    """Return what the layer computes in each mode, from one compiled function."""
    get_mask = (keras.src.backend.get_keras_mask, masks.get_mask)[side]
    set_mask = (keras.src.backend.set_keras_mask, masks.set_mask)[side]
    leaves = [jnp.asarray(leaf) for leaf in tree.flatten(inputs)]
    is_float = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves]
    trainable = [variable.value for variable in layer.trainable_variables]
    others = [variable.value for variable in layer.non_trainable_variables]

    def call(trainable: list, others: list, leaves: list, mode: bool | None) -> tuple:
        for leaf, mask in zip(leaves, input_masks or (), strict=False):
            if mask is not None:
                set_mask(leaf, jnp.asarray(mask))
        arguments = tree.pack_sequence_as(inputs, leaves)
        chosen = options if mode is None else {"training": mode, **options}
        if side:
            outputs, others, losses = layer.stateless_call(trainable, others, *arguments, return_losses=True, **chosen)
        else:  # Keras's `stateless_call` leaves out what happens around `call`: masks, casts, activity regularizers.
            values = {id(v): x for v, x in zip(layer.trainable_variables, trainable, strict=True)}
            values |= {id(v): x for v, x in zip(layer.non_trainable_variables, others, strict=True)}
            mapping = [(variable, values[id(variable)]) for variable in layer.variables]
            with keras.StatelessScope(mapping, collect_losses=True) as scope:
                outputs, losses = layer(*arguments, **chosen), layer.losses
            new = [scope.get_current_value(variable) for variable in layer.non_trainable_variables]
            others = [old if value is None else value for value, old in zip(new, others, strict=True)]
        outputs = [output for output in tree.flatten(outputs) if output is not None]
        found = [get_mask(output) for output in outputs]
        return outputs, others, losses, found

    def run(trainable: list, others: list, leaves: list) -> list:
        results = []
        for mode in modes:

            def loss(trainable: list, floats: list, mode: Any = mode) -> tuple:
                supply = iter(floats)
                mixed = [next(supply) if f else leaf for f, leaf in zip(is_float, leaves, strict=True)]
                with masks.mask_frame():
                    outputs, new, losses, found = call(trainable, others, mixed, mode)
                    total = sum(losses, jnp.zeros(()))
                for output in outputs:
                    if jnp.issubdtype(output.dtype, jnp.floating):
                        pattern = jnp.cos(jnp.arange(output.size, dtype="float32")).reshape(output.shape)
                        total = total + jnp.sum(output.astype("float32") * pattern)
                return total, {"outputs": outputs, "new values": new, "losses": losses, "masks": found}

            floats = [leaf for leaf, f in zip(leaves, is_float, strict=True) if f]
            if gradients:
                (by_weights, by_inputs), result = jax.grad(loss, (0, 1), has_aux=True)(trainable, floats)
                result |= {"gradients of weights": by_weights, "gradients of inputs": by_inputs}
            else:
                result = loss(trainable, floats)[1]
            results.append(result)
        return results

    return jax.jit(run, compiler_options=_FAST_COMPILE)(trainable, others, leaves)


def _compare_values(what: str, expected: list, actual: list, tolerance: float | None) -> None:
    assert len(actual) == len(expected), f"{what}: {len(actual)} values, in Keras {len(expected)}."
    for index, (a, e) in enumerate(zip(actual, expected, strict=True)):
        if a is None or e is None:
            assert (a is None) == (e is None), f"{what}, {index}: {a}, in Keras {e}."
            continue
        assert a.shape == e.shape, f"{what}, {index}: shape {a.shape}, in Keras {e.shape}."
        assert a.dtype == e.dtype, f"{what}, {index}: dtype {a.dtype}, in Keras {e.dtype}."
        limit = tolerance or (2e-5 if e.dtype.itemsize >= 4 else 2e-2)
        e, a = (np.asarray(value).astype("float64") for value in (e, a))
        finite = np.abs(e[np.isfinite(e)])
        scale = max(1.0, float(finite.max())) if finite.size else 1.0
        np.testing.assert_allclose(a, e, rtol=limit, atol=limit * scale, err_msg=f"{what}, {index}")
