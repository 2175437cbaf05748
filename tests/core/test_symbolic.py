"""Symbolic tensors, nodes, ops and the inference of shapes by probing."""

import operator

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kerasish
from kerasish import layers, ops
from kerasish.core.symbolic import (
    OPS,
    KerasTensor,
    Node,
    Operation,
    any_symbolic,
    compute_output_spec,
    is_symbolic,
    iterate_nodes,
    node_of,
    op,
    unknown_size,
    without_probe,
)

keras = pytest.importorskip("keras")


def test_attributes():
    x = KerasTensor([None, np.int64(3)], dtype=jnp.float16, name="x")
    assert (x.shape, x.dtype, x.ndim, x.name, x.sparse, x.ragged) == ((None, 3), "float16", 2, "x", False, False)
    assert repr(x) == "<KerasTensor shape=(None, 3), dtype=float16, sparse=False, name=x>"
    assert [KerasTensor((1,)).name for _ in range(2)] == ["keras_tensor", "keras_tensor_1"]
    assert is_symbolic(x) and not is_symbolic(np.ones(2))
    assert any_symbolic({"a": [1, (x,)]}) and not any_symbolic([1, None])
    with pytest.raises(ValueError, match="negative"):
        KerasTensor((-1,))


@pytest.mark.parametrize("use", [np.asarray, np.sin, jnp.sin, bool, list, len, float, int, range])
def test_values_are_refused_with_advice(use):
    with pytest.raises(TypeError):
        use(KerasTensor((2,)))


@pytest.mark.parametrize("use", [np.asarray, bool, list, len, float])
def test_the_advice(use):
    with pytest.raises(TypeError, match=r"kerasish\.ops"):
        use(KerasTensor((2,)))


BINARY = "add sub mul truediv floordiv mod pow matmul lt le gt ge ne and_ or_ xor".split()


@pytest.mark.parametrize("name", BINARY)
def test_binary_operators_are_those_of_keras(name):
    function, dtype = getattr(operator, name), "bool" if name in ("and_", "or_", "xor") else "float32"
    results = []
    for make in (keras.KerasTensor, KerasTensor):
        x, y = make((None, 3, 3), dtype=dtype), make((3, 3), dtype=dtype)
        found = [function(x, y), function(y, x)]
        if name != "matmul":
            found += [function(x, True), function(True, x)]
        found.append(function(x, np.ones((3, 3), dtype)))
        results.append([(tuple(t.shape), t.dtype) for t in found])
    assert results[1] == results[0]


def test_reflected_operators_and_arrays_on_the_left():
    x = KerasTensor((None, 3))
    for outputs in (1 - x, np.ones(3, "float32") - x, kerasish.Variable([1.0, 2.0, 3.0]) - x, np.float32(1) - x):
        node = node_of(outputs)
        assert outputs.shape == (None, 3) and node.args[1] is x


def test_other_operators_are_those_of_keras():
    def apply(make):
        x, flag = make((None, 4, 1)), make((None, 2), dtype="bool")
        return [
            -x, abs(x), ~flag, x[:, 1:3], x[0], x[..., None], x[:, 0, :], x.reshape((-1, 2)), x.squeeze(2), round(x),
            x[:, None, 1::2],
        ]  # fmt: skip

    found = [[(tuple(t.shape), t.dtype) for t in apply(make)] for make in (keras.KerasTensor, KerasTensor)]
    assert found[1] == found[0]
    assert KerasTensor((None, 2, 3)).T.shape == (3, 2, None)


# Nodes


def test_nodes_remember_calls():
    x, y = layers.Input((3,)), layers.Input((3,))
    dense, add = layers.Dense(3), layers.Add()
    first = dense(x)
    total = add([first, dense(y)])
    node = node_of(total)
    assert node.operation is add and node.args[0][0] is first and node.kwargs == {} and node.outputs is total
    assert node.input_tensors[0] is first and node.output_tensors == [total] and not node.is_input
    assert node.parent_nodes == dense._inbound_nodes and node_of(x).is_input
    assert [n.operation for n in iterate_nodes([total], [x, y])][-1] is add
    assert dense.input is x and dense.output is first  # those of the first call
    assert add.input[0] is first and node_of(KerasTensor((1,))) is None
    with pytest.raises(AttributeError, match="not called"):
        layers.Dense(1, name="lonely").input  # noqa: B018
    with pytest.raises(ValueError, match="not made from the model's inputs"):
        list(iterate_nodes([total], [x]))


def test_deep_graphs_need_no_deep_recursion():
    x = tensor = KerasTensor((2,))
    operation = Operation("step")
    for _ in range(3000):
        result = KerasTensor((2,))
        Node(operation, (tensor,), {}, result)
        tensor = result
    assert len(list(iterate_nodes([tensor], [x]))) == 3000


# Operations


def made_operation(library):
    class Scale(library.Operation):
        def __init__(self, factor, offset=0.0, name=None):
            super().__init__(name=name)
            self.factor, self.offset = factor, offset

        def call(self, x):
            return x * self.factor + self.offset

        def compute_output_spec(self, x):
            return library.KerasTensor(x.shape, x.dtype)

    return Scale(2.0)


def test_operations_of_ones_own_work_as_in_keras():
    x = np.ones((2, 3), "float32")
    configs = []
    for library in (keras, kerasish):
        scale = made_operation(library)
        inputs = library.layers.Input((3,))
        outputs = scale(inputs)
        assert tuple(outputs.shape) == (None, 3) and scale.output is outputs
        np.testing.assert_array_equal(scale(x), 2 * x)
        np.testing.assert_array_equal(library.Model(inputs, outputs)(x), 2 * x)
        configs.append((scale.name, scale.get_config(), type(scale).from_config(scale.get_config()).factor))
    assert configs[0] == configs[1]


def test_operations_are_traced_without_a_spec_of_their_own():
    class Total(Operation):
        def call(self, x, axis=-1):
            return jnp.sum(x, axis)

    assert Total()(KerasTensor((None, 4)), axis=0).shape == (4,)
    with pytest.raises(NotImplementedError, match=r"no `call\(\)`"):
        Operation()(np.ones(2))
    for name in ("a/b", 3):
        with pytest.raises(ValueError, match="without '/'"):
            Operation(name)


def test_arguments_without_names_cannot_be_remembered():
    class Open(Operation):
        def __init__(self, *factors, name=None):
            super().__init__(name)

    assert Open().get_config() == {"name": "open"}
    with pytest.raises(NotImplementedError, match=r"`\*factors`"):
        Open(1, 2).get_config()
    with pytest.raises(NotImplementedError, match="cannot be serialized"):
        made_operation(kerasish).__class__(object()).get_config()


# Ops


@op
def _weighted(x, weights, scale=1.0, extra=None):
    """An op for these tests."""
    leaves = jax.tree.leaves((x, weights, scale, extra))
    assert not any(isinstance(leaf, kerasish.Variable) for leaf in leaves)
    return x * weights["w"] * scale + sum(extra or [])


def test_ops_take_arrays_variables_and_symbols_also_inside_nests():
    w = kerasish.Variable([2.0, 3.0])
    np.testing.assert_array_equal(_weighted(np.ones(2), {"w": w}), [2, 3])
    np.testing.assert_array_equal(_weighted(w, {"w": 1.0}, scale=w, extra=[w, (w.value)]), [8, 15])
    x = KerasTensor((None, 2))
    outputs = _weighted(x, {"w": w}, extra=[x])
    node = node_of(outputs)
    assert outputs.shape == (None, 2) and len(node.input_tensors) == 2
    assert _weighted.tensors == ("x", "weights") and _weighted.keras_class == "Weighted"
    assert OPS["_weighted"] is _weighted and _weighted.__doc__ == "An op for these tests."
    assert node.operation.fn is _weighted
    np.testing.assert_array_equal(node.operation(np.ones(2), {"w": 5.0}), 5)
    assert repr(node.operation) == "<Operation name=weighted>"


def test_slices_may_hold_symbols():
    x, n = KerasTensor((4,)), KerasTensor((), "int32")
    assert node_of(x[0]).operation.fn is OPS["get_item"]
    with pytest.raises(TypeError, match="has no values"):  # sizes cannot depend on values
        x[:n]


def test_names_of_calls_count_up():
    x = KerasTensor((2,))
    assert [node_of(ops.exp(x)).operation.name for _ in range(3)] == ["exp", "exp_1", "exp_2"]


# Shapes


def test_structures_and_dtypes_of_outputs_are_kept():
    def fn(x, flag=True):
        return {"a": [x > 0, (x.astype("int32"),)], "b": x.sum()}

    outputs = compute_output_spec(fn, KerasTensor((None, 3)))
    assert outputs["a"][0].dtype == "bool" and outputs["a"][1][0].shape == (None, 3) and outputs["b"].shape == ()


@pytest.mark.parametrize(
    ("fn", "shapes", "expected"),
    [
        (lambda x: x.reshape(x.shape[0], -1), [(None, None, 3)], (None, None)),
        (lambda x: x.reshape(-1, 7), [(None, 7)], (None, 7)),
        (lambda x: x.reshape(-1, 8, 3), [(None, 3)], (None, 8, 3)),
        (lambda x: x[:, :5], [(None, None)], (None, 5)),
        (lambda x: x[:, 2:], [(None, None)], (None, None)),
        (lambda x, y: x + y, [(None, 3), (4, 1)], (4, 3)),
        (lambda x, y: x + y, [(None, None), (2, 3)], (2, 3)),
        (lambda x, y: x + y, [(None, 3), (5, 3)], (5, 3)),
        (lambda x, y: x @ y, [(None, None, 4), (4, 2)], (None, None, 2)),
        (lambda x, y: jnp.concatenate([x, y]), [(None, 3), (2, 3)], (None, 3)),
        (lambda x: jnp.stack(jnp.split(x, 3, axis=1)), [(None, 6)], (3, None, 2)),
        (lambda x: x.reshape(2, x.shape[0] // 2), [(None,)], (2, None)),
        (lambda x: x.T, [(None, 3, None)], (None, 3, None)),
        (lambda x: x.reshape(-1, 100), [(None, 336)], (None, 100)),
    ],
)
def test_unknown_sizes(fn, shapes, expected):
    assert compute_output_spec(fn, *map(KerasTensor, shapes)).shape == expected


def test_errors_of_the_traced_function_come_through():
    with pytest.raises(ValueError, match="Incompatible shapes"):
        compute_output_spec(lambda x: x + jnp.ones(4), KerasTensor((None, 3)))
    with pytest.raises(ZeroDivisionError):
        compute_output_spec(lambda x: 1 / 0, KerasTensor((None,)))
    with pytest.raises(ValueError, match="rank of the result"):
        compute_output_spec(lambda x: x if x.shape[0] == 192 else x[0], KerasTensor((None, 3)))


def test_nothing_is_assigned_or_computed_by_inference():
    count = kerasish.Variable(0)
    compute_output_spec(lambda x: x + count.assign_add(1), KerasTensor((None,)))
    assert int(count) == 0 and unknown_size() is None
    seen = []
    compute_output_spec(lambda x: seen.append(without_probe(x.shape)) or x, KerasTensor((None, 3)))
    assert set(seen) == {(None, 3)} and without_probe((192, 3)) == (192, 3)


SIZES = st.sampled_from([None, 1, 2, 3, 6])
SHAPES = st.lists(SIZES, min_size=1, max_size=4).map(tuple)


def _same_shapes(name, arguments, **options):
    """Compare an op with Keras's on symbolic tensors: the same shape, or an error in both."""
    found = []
    for library, make in ((keras.ops, keras.KerasTensor), (ops, KerasTensor)):
        tensors = [make(shape) for shape in arguments]
        try:
            outputs = getattr(library, name)(*tensors, **options)
        except (ValueError, TypeError, IndexError, ZeroDivisionError):
            found.append("error")
        else:
            found.append([tuple(t.shape) for t in keras.tree.flatten(outputs)])
    theirs, ours = found
    hypothesis.event("error" if theirs == "error" else "shape")
    return theirs, ours


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(SHAPES, SHAPES)
def test_broadcasting_as_in_keras(a, b):
    theirs, ours = _same_shapes("add", [a, b])
    assert ours == theirs


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(SHAPES, st.data())
def test_reductions_as_in_keras(shape, data):
    axis = data.draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1)))
    options = {"axis": axis, "keepdims": data.draw(st.booleans())}
    theirs, ours = _same_shapes(data.draw(st.sampled_from(["sum", "max", "mean", "any"])), [shape], **options)
    assert ours == theirs


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(SHAPES, st.data())
def test_shapes_of_moves_as_in_keras(shape, data):
    kind = data.draw(st.sampled_from(["transpose", "expand_dims", "flip", "repeat", "stack"]))
    axis = data.draw(st.integers(0, len(shape) - 1))
    if kind == "transpose":
        theirs, ours = _same_shapes(kind, [shape], axes=data.draw(st.permutations(range(len(shape)))))
    elif kind == "repeat":
        theirs, ours = _same_shapes(kind, [shape], repeats=2, axis=axis)
    elif kind == "stack":
        found = [make(shape) for make in (keras.KerasTensor, KerasTensor)]
        theirs, ours = (tuple(o.stack([t, t], axis=axis).shape) for o, t in zip((keras.ops, ops), found, strict=True))
    else:
        theirs, ours = _same_shapes(kind, [shape], axis=axis)
    assert ours == theirs


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(SIZES, SIZES, SIZES, st.booleans())
def test_matmul_as_in_keras(m, k, n, batched):
    a, b = ((None, m, k) if batched else (m, k)), (k, n)
    theirs, ours = _same_shapes("matmul", [a, b])
    assert ours == theirs


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3), st.permutations([0, 1, 2]))
def test_reshapes_of_an_unknown_batch(inner, order):
    size = int(np.prod(inner))
    x = KerasTensor((None, size))
    assert ops.reshape(x, (-1, *inner)).shape == (None, *inner)
    y = KerasTensor((None, 2, 3))
    assert ops.transpose(y, order).shape == tuple(y.shape[i] for i in order)
    assert ops.reshape(ops.reshape(x, (-1, *inner)), (-1, size)).shape == (None, size)
