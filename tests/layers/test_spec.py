"""InputSpec and what it lets through, against Keras's."""

import itertools

import numpy as np
import pytest

from kerasish.layers import InputSpec
from kerasish.layers.spec import check_inputs
from tests.layers.scenarios import assert_same_in_both, failure, keras

OPTIONS = [
    {},
    {"shape": (None, 3)},
    {"shape": (2, 3), "dtype": "float32"},
    {"shape": (None, 1), "allow_last_axis_squeeze": True},
    {"ndim": 2},
    {"min_ndim": 2},
    {"max_ndim": 2},
    {"min_ndim": 2, "axes": {-1: 3}},
    {"ndim": 3, "axes": {1: 2, 2: None}},
    {"dtype": "int32", "optional": True, "name": "x"},
]
INPUTS = [np.ones(shape, dtype) for shape in ((3,), (2, 3), (2, 1), (2,), (2, 2, 3)) for dtype in ("float32", "int32")]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_specs_and_checks_are_those_of_keras(options):
    theirs, ours = keras.layers.InputSpec(**options), InputSpec(**options)
    assert ours.get_config() == theirs.get_config() and repr(ours) == repr(theirs)
    assert InputSpec.from_config(ours.get_config()).get_config() == ours.get_config()
    check = keras.src.layers.input_spec.assert_input_compatibility
    if options.get("allow_last_axis_squeeze"):  # Keras compares what is left, however much that is
        return
    for x in INPUTS:
        assert failure(check_inputs, ours, x, "layer") == failure(check, theirs, x, "layer"), x.shape


def test_bad_specs():
    def scenario(lib):
        bad = [{"axes": {"a": 1}}, {"ndim": 2, "axes": {2: 3}}, {"max_ndim": 1, "axes": {1: 3}}, {"shape": (-1,)}]
        return [failure(lib.InputSpec, **options) for options in bad]

    assert_same_in_both(scenario)


def test_a_last_axis_of_size_1_may_be_missing_or_extra():
    for spec_shape, shape in itertools.product([(None, 4), (None, 4, 1)], repeat=2):
        check_inputs(InputSpec(shape=spec_shape, allow_last_axis_squeeze=True), np.ones((2, *shape[1:])), "layer")
    with pytest.raises(ValueError, match="expected shape"):
        check_inputs(InputSpec(shape=(None, 4), allow_last_axis_squeeze=True), np.ones((2, 4, 4)), "layer")


def test_several_inputs():
    specs = [InputSpec(ndim=2, name="a"), InputSpec(ndim=1, name="b", optional=True)]
    matrix, vector = np.ones((2, 2)), np.ones(2)
    check_inputs(specs, [matrix, vector], "layer")
    check_inputs(specs, {"b": vector, "a": matrix, "more": 3}, "layer")
    check_inputs(specs, [matrix, None], "layer")
    check_inputs(specs, {"a": matrix}, "layer")
    with pytest.raises(ValueError, match=r"Missing data for inputs \['a'\]"):
        check_inputs(specs, {"b": vector}, "layer")
    with pytest.raises(ValueError, match="expects 2 input"):
        check_inputs(specs, [matrix], "layer")
    with pytest.raises(ValueError, match="Input 1 of layer 'layer'.*expected ndim=1, found ndim=2"):
        check_inputs(specs, [matrix, matrix], "layer")
    with pytest.raises(ValueError, match="expected a tensor as input 0, received 'text'"):
        check_inputs([InputSpec(ndim=1)], ["text"], "layer")
