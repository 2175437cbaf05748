"""The layers that merge a list of tensors, and their functional forms, compared with Keras's."""

import numpy as np
import pytest

from kerasish import layers
from tests.layers.compare import assert_rejected, assert_same, keras

ELEMENTWISE = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]
MASKS = [np.array([[True, True, False], [True, False, False]]), np.array([[True, False, False], [True, False, True]])]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name):
    assert_same(name, {}, [(2, 3, 4), (2, 3, 4)])
    assert_same(name, {}, [(2, 3, 4), (2, 3, 4)], masks=MASKS, config=False)
    assert_same(name, {}, [(2, 3, 4), (2, 3, 4)], masks=[MASKS[0], None], config=False)
    assert_same(name, {"dtype": "mixed_bfloat16"}, [(2, 3), (2, 3)])


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name != "Subtract"])
def test_elementwise_on_three_inputs(name):
    assert_same(name, {}, [(2, 3, 2)] * 3, masks=[*MASKS, MASKS[0]])
    assert_same(name, {}, [(2, 3, 2)] * 3, masks=[MASKS[0], None, MASKS[1]], config=False)


@pytest.mark.parametrize("name", ["Add", "Subtract", "Multiply", "Maximum"])
def test_elementwise_broadcasts(name):
    assert_same(name, {}, [(2, 3, 4), (2, 4)], config=False)
    assert_same(name, {}, [(2, 1, 4), (2, 3, 1)], config=False)


@pytest.mark.parametrize(
    ("axis", "shapes"), [(-1, [(2, 3), (2, 4)]), (1, [(2, 3, 4), (2, 1, 4), (2, 2, 4)]), (-2, [(2, 3, 2), (2, 1, 2)])]
)
def test_concatenate(axis, shapes):
    assert_same("Concatenate", {"axis": axis}, shapes)


@pytest.mark.parametrize("axis", [1, 2])
def test_concatenate_masks(axis):
    for masks in (MASKS, [None, MASKS[1]], [MASKS[0], None]):
        assert_same("Concatenate", {"axis": axis}, [(2, 3, 4), (2, 3, 4)], masks=masks, config=False)


@pytest.mark.parametrize(
    ("options", "shapes"),
    [
        ({"axes": 1}, [(2, 3), (2, 3)]),
        ({"axes": -1}, [(2, 4, 3), (2, 5, 3)]),
        ({"axes": (1, 2)}, [(2, 3, 5), (2, 4, 3)]),
        ({"axes": [2, 1], "normalize": True}, [(2, 4, 3), (2, 3)]),
        ({"axes": (1, 3)}, [(2, 3), (2, 4, 5, 3)]),
        ({"axes": (1, 1), "dtype": "mixed_bfloat16"}, [(2, 3, 4), (2, 3, 5)]),
        ({"axes": (2, -2)}, [(2, 4, 3, 2), (2, 3, 5)]),
    ],
)
def test_dot(options, shapes):
    assert_same("Dot", options, shapes, tolerance=2e-2 if "dtype" in options else None)


def test_dot_drops_masks():
    assert_same("Dot", {"axes": 1}, [(2, 3, 4), (2, 3, 4)], masks=MASKS)


def test_functional_forms():
    x, y = np.array([[1.0, 2.0]], "float32"), np.array([[3.0, 5.0]], "float32")
    for name in ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot"):
        expected = getattr(keras.layers, name)([x, y])
        np.testing.assert_allclose(getattr(layers, name)([x, y]), expected, rtol=1e-6)
    assert layers.concatenate([layers.Input((2, 3)), layers.Input((4, 3))], axis=1).shape == (None, 6, 3)
    assert layers.dot([x, y], axes=1, normalize=True, name="similarity").shape == (1, 1)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate"])
def test_refuses_a_single_tensor(name):
    assert_rejected(name, {}, (2, 3), match="list")


@pytest.mark.parametrize(
    ("name", "options", "shapes", "match"),
    [
        ("Add", {}, [(2, 3), (2, 4)], "broadcast"),
        ("Add", {}, [(2, 3), (4, 3)], "batch"),
        ("Subtract", {}, [(2, 3)] * 3, "two tensors"),
        ("Concatenate", {}, [(2, 3), (2, 3, 4)], "rank"),
        ("Concatenate", {}, [(2, 3, 4), (2, 5, 4)], "axis -1"),
        ("Dot", {"axes": 1}, [(2, 3), (2, 4)], "equal size"),
        ("Dot", {"axes": 1}, [(2, 3)] * 3, "two tensors"),
        ("Dot", {"axes": 0}, [(2, 3), (2, 3)], "axes"),
    ],
)
def test_refuses_shapes(name, options, shapes, match):
    assert_rejected(name, options, shapes, match=match)


@pytest.mark.parametrize("axes", ["a", (1,), (1, 2.0), (1, 2, 3)])
def test_dot_refuses_axes(axes):
    assert_rejected("Dot", {"axes": axes}, match="axes")
