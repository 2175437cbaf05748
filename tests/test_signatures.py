"""Every public function, constructor and method below the layers takes the arguments that Keras's takes."""

import importlib
import inspect
import pathlib

import pytest

keras = pytest.importorskip("keras")

MODULES = [
    "activations", "constraints", "dtype_policies", "initializers", "losses", "metrics", "optimizers",
    "optimizers.schedules", "random", "regularizers", "tree",
]  # fmt: skip

QUANTIZATION = "weight quantization is not there"
INSIDE = "a step inside Keras's own update, which is one function here"
POSITION = "Keras calls the parameter `variables` in some optimizers and `var_list` in others: pass it by position"

# What differs, with the reason. `docs/differences-from-keras.md` says the same.
EXCEPTIONS = {
    "dtype_policies.AWQDTypePolicy": QUANTIZATION,
    "dtype_policies.GPTQDTypePolicy": QUANTIZATION,
    "dtype_policies.Int4DTypePolicy": QUANTIZATION,
    "dtype_policies.QuantizedDTypePolicy": QUANTIZATION,
    "dtype_policies.QuantizedFloat8DTypePolicy": QUANTIZATION,
    "dtype_policies.DTypePolicy.convert_input": "layers cast their inputs",
    "dtype_policies.DTypePolicyMap.convert_input": "layers cast their inputs",
    "dtype_policies.FloatDTypePolicy.convert_input": "layers cast their inputs",
    "optimizers.Adadelta.update_step": "Keras says `grad` here and `gradient` elsewhere: pass it by position",
    "optimizers.Muon.lr_adjust": INSIDE,
    "optimizers.Muon.transpose_last_axis": INSIDE,
    "optimizers.Muon.zeropower_via_newtonschulz5": INSIDE,
    **{
        f"optimizers.{name}.build": POSITION
        for name in (
            "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "LossScaleOptimizer",
            "MultiOptimizer", "Muon", "Nadam", "RMSprop", "ScheduleFreeAdamW",
        )
    },
}  # fmt: skip


def public(obj):
    return [name for name in dir(obj) if not name.startswith("_")]


def signature(obj):
    try:
        return inspect.signature(obj)
    except (TypeError, ValueError):  # no function, or one without a signature
        return None


def callables(module):
    """Yield the name, Keras's object and ours (or None) of all functions, constructors and methods of a module."""
    theirs = importlib.import_module(f"keras.{module}")
    ours = importlib.import_module(f"kerasish.{module}")
    for name in public(theirs):
        expected, received = getattr(theirs, name), getattr(ours, name, None)
        if inspect.ismodule(expected):
            continue
        yield f"{module}.{name}", expected, received
        if inspect.isclass(expected) and received is not None:
            for method in (*public(expected), "__call__"):
                attribute = getattr(expected, method, None)
                if callable(attribute) or not hasattr(received, method):
                    yield f"{module}.{name}.{method}", attribute, getattr(received, method, None)


def refusal(expected, received):
    """Return why a call that is valid for `expected` may not bind to `received`; None if every such call does."""
    if received is None:
        return "is missing"
    expected, received = signature(expected), signature(received)
    if expected is None or received is None:
        return None if expected is received else "is not callable in the same way"
    theirs, ours = list(expected.parameters.values()), list(received.parameters.values())
    kinds = {p.kind for p in ours}
    for index, parameter in enumerate(theirs):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            if parameter.kind not in kinds:
                return f"takes no {parameter}"
            continue
        own = received.parameters.get(parameter.name)
        if own is None:
            return f"has no `{parameter.name}`"
        if parameter.kind is not parameter.KEYWORD_ONLY and (index >= len(ours) or ours[index] is not own):
            return f"has `{parameter.name}` in another place"
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and own.kind is not parameter.kind:
            return f"takes `{parameter.name}` only one way"
        if parameter.default is not parameter.empty and own.default != parameter.default:
            return f"has another default of `{parameter.name}`"
    needed = [p.name for p in ours if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    extra = [name for name in needed if name not in expected.parameters]
    return f"needs {extra}" if extra else None


@pytest.mark.parametrize("module", MODULES)
def test_calls_that_are_valid_for_keras_bind(module):
    found = {name: why for name, *pair in callables(module) if (why := refusal(*pair)) is not None}
    listed = {name for name in EXCEPTIONS if name.rpartition(".")[0].startswith(module)}
    listed -= {name for name in listed if module == "optimizers" and name.startswith("optimizers.schedules.")}
    assert {name: why for name, why in found.items() if name not in EXCEPTIONS} == {}
    assert listed - set(found) == set(), "no longer exceptions"


def test_exceptions_are_documented():
    text = pathlib.Path(__file__).parent.parent.joinpath("docs", "differences-from-keras.md").read_text()
    missing = [name for name in EXCEPTIONS if name.rpartition(".")[2] not in text]
    assert missing == []


def test_refusals_are_found():
    def call(x, axis=None, *, keepdims=False):
        pass

    assert refusal(call, call) is None
    assert refusal(call, lambda x, axis=None, keepdims=False, more=1: None) is None
    for other in (
        lambda x, keepdims=False: None,
        lambda x, axis=0, keepdims=False: None,
        lambda axis=None, x=None, keepdims=False: None,
        lambda x, *, axis=None, keepdims=False: None,
        lambda x, axis=None, *, keepdims=False, more: None,
        None,
    ):
        assert refusal(call, other) is not None
