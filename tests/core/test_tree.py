"""kerasish.tree against keras.tree on random nests."""

import collections

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from kerasish.core import tree

keras = pytest.importorskip("keras")

Pair = collections.namedtuple("Pair", ["left", "right"])

KEYS = st.sampled_from(["b", "a", "c2", "c10"])
LEAVES = st.one_of(st.integers(0, 9), st.none(), st.sampled_from(["x", 2.5]))


def nests(leaves=LEAVES):
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.lists(inner, max_size=3).map(tuple),
            st.dictionaries(KEYS, inner, max_size=3),
            st.dictionaries(KEYS, inner, max_size=3).map(collections.OrderedDict),
            st.lists(inner, max_size=2).map(collections.deque),
            st.tuples(inner, inner).map(lambda pair: Pair(*pair)),
        ),
        max_leaves=8,
    )


def outcome(function, *arguments, **options):
    """What a function returns, or the type of its error."""
    try:
        return function(*arguments, **options)
    except (ValueError, TypeError) as error:
        return type(error)


quick = hypothesis.settings(max_examples=60, deadline=None)


@quick
@hypothesis.given(nests())
def test_flatten_pack_and_paths(nest):
    flat = tree.flatten(nest)
    assert flat == keras.tree.flatten(nest)
    assert [list(map(str, path)) for path, _ in tree.flatten_with_path(nest)] == [
        list(map(str, path)) for path, _ in keras.tree.flatten_with_path(nest)
    ]
    assert tree.is_nested(nest) == keras.tree.is_nested(nest)
    numbered = list(range(len(flat)))
    packed = tree.pack_sequence_as(nest, numbered)
    assert packed == keras.tree.pack_sequence_as(nest, numbered)
    assert type(packed) is type(nest) or not tree.is_nested(nest)
    assert tree.flatten(packed) == numbered
    assert tree.pack_sequence_as(nest, flat) == nest


@quick
@hypothesis.given(nests())
def test_map_structure(nest):
    assert tree.map_structure(repr, nest) == keras.tree.map_structure(repr, nest)
    both = tree.map_structure(lambda a, b: (a, b), nest, nest)
    assert both == keras.tree.map_structure(lambda a, b: (a, b), nest, nest)
    skipped = tree.map_structure(repr, nest, none_is_leaf=False)
    assert skipped == keras.tree.map_structure(repr, nest, none_is_leaf=False)


@quick
@hypothesis.given(nests(), nests())
def test_same_structure(a, b):
    assert outcome(tree.assert_same_structure, a, b) == outcome(keras.tree.assert_same_structure, a, b)
    assert outcome(tree.assert_same_paths, a, b) == outcome(keras.tree.assert_same_paths, a, b)


@quick
@hypothesis.given(nests(), st.booleans())
def test_traverse(nest, top_down):
    def change(part):
        if isinstance(part, list):
            return ("was a list", len(part))
        if part == 3:
            return tree.MAP_TO_NONE
        return "number" if isinstance(part, int) else None

    def keras_change(part):
        result = change(part)
        return keras.tree.MAP_TO_NONE if result is tree.MAP_TO_NONE else result

    expected = keras.tree.traverse(keras_change, nest, top_down=top_down)
    assert tree.traverse(change, nest, top_down=top_down) == expected


@quick
@hypothesis.given(nests())
def test_lists_to_tuples(nest):
    assert tree.lists_to_tuples(nest) == keras.tree.lists_to_tuples(nest)


@quick
@hypothesis.given(nests(st.just(0)))
def test_map_structure_up_to(shallow):
    deep = keras.tree.map_structure(lambda leaf: [leaf, {"a": (leaf,)}], shallow)
    assert tree.map_structure_up_to(shallow, repr, deep) == keras.tree.map_structure_up_to(shallow, repr, deep)


def test_map_shape_structure():
    shapes = {"a": (None, 3), "b": [[2, None], (4,)]}
    expected = keras.tree.map_shape_structure(lambda shape: len(shape), shapes)
    assert tree.map_shape_structure(len, shapes) == expected == {"a": 2, "b": [2, 1]}
    assert tree.map_shape_structure(tuple, [None, 3]) == (None, 3)


def test_special_containers_keep_their_kind():
    table = collections.defaultdict(list, b=[2], a=[1])
    mapped = tree.map_structure(lambda x: x + 1, table)
    assert mapped == {"a": [2], "b": [3]} and mapped.default_factory is list
    assert tree.map_structure(abs, collections.deque([-1], maxlen=3)).maxlen == 3
    assert tree.map_structure(abs, Pair(-1, 2)) == Pair(1, 2)
    assert tree.flatten(collections.OrderedDict([("b", 1), ("a", 2)])) == [1, 2]
    array = np.zeros(3)
    assert tree.flatten([array, {"a": range(3)}]) == [array, range(3)]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: tree.map_structure(3, [1]), TypeError),
        (lambda: tree.map_structure(abs), TypeError),
        (lambda: tree.map_structure(max, [1], [1, 2]), ValueError),
        (lambda: tree.map_structure(max, [1], (1,)), ValueError),
        (lambda: tree.map_structure_up_to([1], 3, [1]), TypeError),
        (lambda: tree.map_structure_up_to([1], abs), ValueError),
        (lambda: tree.map_structure_up_to([1, 2], abs, [1]), ValueError),
        (lambda: tree.map_structure_up_to([1], abs, 1), ValueError),
        (lambda: tree.traverse(3, [1]), TypeError),
        (lambda: tree.pack_sequence_as([1, 2], 3), TypeError),
        (lambda: tree.pack_sequence_as([1, 2], [3]), ValueError),
        (lambda: tree.pack_sequence_as([1, 2], [3, 4, 5]), ValueError),
        (lambda: tree.map_shape_structure(3, (1,)), TypeError),
        (lambda: tree.map_shape_structure(len, "abc"), ValueError),
        (lambda: tree.assert_same_structure([1], 1), ValueError),
        (lambda: tree.assert_same_paths({"a": 1}, {"b": 1}), ValueError),
    ],
)
def test_errors(call, error):
    with pytest.raises(error):
        call()
