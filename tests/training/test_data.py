"""Array sources: what is taken, in which types and orders; splitting, packing, class weights; what is refused."""

import math

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pandas
import pytest
import scipy.sparse

from kerasish.core import config, tree
from kerasish.training import array_source
from kerasish.training.class_weight import class_weight_to_sample_weights
from kerasish.training.data import (
    make_source,
    pack_x_y_sample_weight,
    train_validation_split,
    unpack_x_y_sample_weight,
)

keras = pytest.importorskip("keras")
adapters = pytest.importorskip("keras.src.trainers.data_adapters")
adapter_utils = pytest.importorskip("keras.src.trainers.data_adapters.data_adapter_utils")
array_slicing = pytest.importorskip("keras.src.trainers.data_adapters.array_slicing")

ROWS = np.arange(20, dtype="float64").reshape(10, 2)


class Arrayish:
    """Something of another library: a shape and `__array__`."""

    shape, dtype = (10, 2), np.dtype("float64")

    def __array__(self, dtype=None, copy=None):
        return np.asarray(ROWS, dtype)


class Stored:
    """Something on disk: rows by slice or by sorted indices only, and never all of it by accident."""

    shape, dtype = (10, 2), np.dtype("float64")

    def __getitem__(self, rows):
        if not isinstance(rows, slice):
            assert np.all(np.diff(rows) > 0)
        return ROWS[rows]


@pytest.fixture
def hdf5(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["rows"] = ROWS
        yield file["rows"]


@pytest.fixture
def memory_map(tmp_path):
    np.save(tmp_path / "data.npy", ROWS)
    return np.load(tmp_path / "data.npy", mmap_mode="r")


KINDS = {
    "numpy": lambda: ROWS,
    "jax": lambda: jnp.asarray(ROWS),
    "pandas": lambda: pandas.DataFrame(ROWS),
    "lists": lambda: ROWS.tolist(),
    "tuples": lambda: tuple(map(tuple, ROWS.tolist())),
    "sparse": lambda: scipy.sparse.coo_matrix(ROWS),
    "__array__": Arrayish,
    "stored": Stored,
}


@pytest.fixture(params=[*KINDS, "hdf5", "memory map"])
def rows(request, hdf5, memory_map):
    files = {"hdf5": hdf5, "memory map": memory_map}
    return files[request.param] if request.param in files else KINDS[request.param]()


def test_every_kind_of_array(rows):
    source = make_source(rows, batch_size=4)
    assert (source.num_samples, source.num_batches, source.num_steps, source.partial_batch_size) == (10, 3, 3, 2)
    assert source.total_bytes == 80 and source.fits_device
    order = np.array([9, 0, 3, 3, 1, 2, 4, 5, 6, 7], "int32")
    for given in (None, order):
        batches = list(source.batches(given))
        assert [batch[0].shape for batch in batches] == [(4, 2), (4, 2), (2, 2)]
        assert all(batch[0].dtype == "float32" and len(batch) == 1 for batch in batches)
        np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), ROWS if given is None else ROWS[given])
    (whole,) = source.arrays
    assert whole.dtype == "float32"
    np.testing.assert_array_equal(np.asarray(whole), ROWS)


def test_arrays_on_a_device_stay_there():
    x = jnp.ones((4, 2), "float32")
    assert make_source(x).arrays[0] is x


def test_nothing_is_copied_without_need():
    x = np.ones((4, 2), "float32")
    source = make_source(x)
    assert np.shares_memory(source.arrays[0], x) and np.shares_memory(source.host_batch(0)[0], x)


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int8", "uint8", "int32", "int64", "uint64", "bool", "complex128"]
)
def test_dtypes_are_those_keras_hands_to_the_model(dtype):
    x = np.ones((3, 2), dtype)
    adapter = adapters.array_data_adapter.ArrayDataAdapter(x)
    theirs = jnp.asarray(next(iter(adapter.get_jax_iterator()))).dtype
    source = make_source(x)
    assert source.host_batch(0)[0].dtype == source.arrays[0].dtype == source.batch_spec()[0].dtype == theirs


def test_floatx_decides(monkeypatch):
    monkeypatch.setitem(config._settings, "floatx", "bfloat16")
    assert make_source(ROWS).arrays[0].dtype == jnp.bfloat16


def test_integers_that_do_not_fit_are_refused():
    source = make_source(np.array([1, 2**40]))
    with pytest.raises(ValueError, match=r"`x` holds integers from 1 to 1099511627776"):
        _ = source.arrays


@pytest.mark.parametrize(
    ("frame", "dtype"),
    [
        ({"a": [1, 2], "b": [0.5, 1.5]}, "float32"),
        ({"a": [1, 2], "b": [True, False]}, "int32"),
        ({"a": [True, False]}, "bool"),
        ({"a": [0.5, 1.5], "b": [True, False]}, "float32"),
        ({"a": pandas.array([1, None], "Int64")}, "float32"),
        ({"a": pandas.array([1, 2], "Int64")}, "int32"),
    ],
)
def test_tables(frame, dtype):
    (values,) = make_source(pandas.DataFrame(frame)).arrays
    assert values.dtype == dtype and values.shape == (2, len(frame))


def test_a_column_of_a_table_has_two_axes_as_in_keras():
    series = pandas.Series([1.0, 2.0, 3.0])
    adapter = adapters.array_data_adapter.ArrayDataAdapter(series)
    assert make_source(series).host_batch(0)[0].shape == next(iter(adapter.get_jax_iterator())).shape == (3, 1)


def test_nests():
    x = {"image": np.zeros((6, 2)), "text": [np.zeros((6, 3), "int64"), (np.zeros(6), None)]}
    source = make_source(x, [np.ones(6), [1, 2, 3, 4, 5, 6]], batch_size=4)
    batch = source.host_batch(1)
    assert len(batch) == 2 and batch[0]["text"][1][1] is None
    assert jax.tree.map(lambda leaf: (leaf.shape, str(leaf.dtype)), batch[0]["text"][0]) == ((2, 3), "int32")
    assert isinstance(batch[0]["text"], list) and isinstance(batch[0]["text"][1], tuple) and isinstance(batch[1], list)
    assert batch[1][1].tolist() == [5, 6]
    tree.assert_same_structure(source.batch_spec(), batch)


def test_sample_weight_is_given_to_every_target():
    source = make_source(np.zeros((4, 1)), {"a": np.zeros(4), "b": np.zeros(4)}, np.arange(4.0))
    assert {name: value.tolist() for name, value in source.arrays[2].items()} == {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}


# Batch sizes, steps and orders


@pytest.mark.parametrize(
    ("samples", "batch_size", "steps"), [(10, None, None), (100, None, None), (10, 3, None), (10, None, 4), (10, 2, 3)]
)
def test_sizes_are_those_of_keras(samples, batch_size, steps):
    x = np.zeros((samples, 1))
    theirs = adapters.array_data_adapter.ArrayDataAdapter(x, batch_size=batch_size, steps=steps)
    mine = make_source(x, batch_size=batch_size, steps_per_epoch=steps)
    assert (mine.batch_size, mine.num_batches) == (theirs.batch_size, theirs.num_batches)
    assert (mine.partial_batch_size or None) == theirs.partial_batch_size
    assert mine.num_steps == (steps or theirs.num_batches)


def flat(batches):
    return [batch[0].ravel().tolist() for batch in batches]


@pytest.mark.parametrize(("samples", "steps"), [(8, 2), (8, 4), (10, 2), (6, 5), (9, 3), (4, 1)])
def test_epochs_shorter_than_the_data_go_on_as_in_keras(samples, steps):
    from keras.src.trainers.epoch_iterator import EpochIterator

    x = np.arange(float(samples))[:, None]
    theirs = EpochIterator(x, batch_size=2, steps_per_epoch=steps)
    mine = make_source(x, batch_size=2, steps_per_epoch=steps)
    ends_early = math.ceil(samples / 2) % steps or steps > math.ceil(samples / 2)
    for epoch in range(5):
        with pytest.warns() if ends_early and epoch == (samples + 1) // 2 // steps else _quiet():
            expected = [batch.ravel().tolist() for _, _, (batch,) in theirs]
            assert flat(mine.epoch_batches(epoch)) == expected


class _quiet:
    def __enter__(self):
        import warnings

        self.context = warnings.catch_warnings()
        self.context.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *exception):
        self.context.__exit__(*exception)


def test_the_ceiling_on_steps(monkeypatch):
    monkeypatch.setitem(config._settings, "max_steps_per_epoch", 2)
    source = make_source(np.zeros((100, 1)), batch_size=10)
    assert (source.num_steps, source.batch_size) == (2, 10)
    assert len(list(source.epoch_batches())) == 2
    assert make_source(np.zeros((10, 1)), batch_size=10).num_steps == 1


def test_orders():
    source = make_source(np.zeros((100, 1)), batch_size=10, shuffle=True)
    first, again, other_epoch, other_seed = (source.order(*pair) for pair in [(0, 1), (0, 1), (1, 1), (0, 2)])
    assert first.dtype == np.int32 and sorted(first) == list(range(100))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other_epoch) and not np.array_equal(first, other_seed)
    assert make_source(np.zeros((100, 1))).order(0, 1) is None
    assert source.order(0, -1) is not None


def test_batch_shuffle_stays_within_batches():
    order = make_source(np.zeros((25, 1)), batch_size=10, shuffle="batch").order(0, 0)
    assert [sorted(order[start : start + 10]) for start in (0, 10, 20)] == [
        list(range(start, min(start + 10, 25))) for start in (0, 10, 20)
    ]
    assert order.tolist() != list(range(25))


def test_a_pass_of_several_epochs_is_shuffled_as_one():
    source = make_source(np.arange(12.0), batch_size=2, steps_per_epoch=3, shuffle=True)
    for start in (0, 2):
        seen = sum((flat(source.epoch_batches(epoch, 5)) for epoch in (start, start + 1)), [])
        assert sorted(sum(seen, [])) == list(range(12))


def test_batches_can_start_in_the_middle():
    source = make_source(np.arange(10.0), batch_size=2)
    assert flat(source.batches(None, 3)) == [[6, 7], [8, 9]]
    assert flat(source.batches(None, 1, 2)) == [[2, 3]]


def test_large_data_stays_off_the_device(monkeypatch):
    monkeypatch.setattr(array_source, "device_budget", lambda: 100)
    assert make_source(np.zeros((25, 1), "float32")).fits_device
    assert not make_source(np.zeros((26, 1), "float32")).fits_device
    assert array_source.device_budget() == 100


def test_the_budget_is_some_memory():
    assert 0 < array_source.device_budget()


# Splitting, packing, class weights


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.89])
def test_validation_split_is_that_of_keras(share):
    x, y = ROWS.astype("float32"), np.arange(10)
    mine = train_validation_split((x, y, None), share)
    theirs = array_slicing.train_validation_split((x, y, None), share)
    for my_part, their_part in zip(mine, theirs):
        assert my_part[2] is None
        for a, b in zip(my_part[:2], their_part[:2]):
            np.testing.assert_array_equal(a, getattr(b, "array", b))


def test_every_kind_of_array_can_be_split(rows):
    train, validation = train_validation_split({"x": rows, "none": None}, 0.3)
    for part, expected in ((train, ROWS[:7]), (validation, ROWS[7:])):
        source = make_source(part, batch_size=4, shuffle=True)
        np.testing.assert_array_equal(np.asarray(source.arrays[0]["x"]), expected)
        got = np.concatenate([batch[0]["x"] for batch in source.epoch_batches(0, 0)])
        np.testing.assert_array_equal(np.sort(got, axis=0), expected)


@pytest.mark.parametrize(
    ("arrays", "share", "message"),
    [
        (ROWS, 1.0, "validation_split"),
        (ROWS, -0.1, "validation_split"),
        (ROWS, 1e-20, "10 samples"),
        (ROWS[:1], 0.5, "1 samples"),
        ((n for n in range(3)), 0.5, "generator.*validation_data"),
    ],
)
def test_validation_split_refuses(arrays, share, message):
    with pytest.raises(ValueError, match=message):
        train_validation_split(arrays, share)


@pytest.mark.parametrize("data", [1, (1,), [1, 2], (1, 2), (1, 2, 3), {"a": 1}])
def test_unpack_is_that_of_keras(data):
    assert unpack_x_y_sample_weight(data) == keras.utils.unpack_x_y_sample_weight(data)


@pytest.mark.parametrize("data", [(), (1, 2, 3, 4)])
def test_unpack_refuses(data):
    with pytest.raises(ValueError, match="sample_weight"):
        unpack_x_y_sample_weight(data)


@pytest.mark.parametrize("data", [(1,), ([1],), ((1,),), (1, 2), (1, 2, 3), (1, None, 3)])
def test_pack_is_that_of_keras(data):
    assert pack_x_y_sample_weight(*data) == keras.utils.pack_x_y_sample_weight(*data)


@pytest.mark.parametrize(
    "y",
    [
        np.array([0, 1, 2, 1]),
        np.array([[0], [1], [2], [1]]),
        np.eye(3)[[0, 1, 2, 1]],
        np.array([0.0, 1.0, 1.9, 0.6]),
        jnp.array([0, 1, 2, 1]),
        pandas.Series([0, 1, 2, 1]),
    ],
)
def test_class_weights_are_those_of_keras(y):
    weight = {0: 0.5, 2: 3.0}
    mine = class_weight_to_sample_weights(y, weight)
    theirs = adapter_utils.class_weight_to_sample_weights(np.asarray(y), weight)
    np.testing.assert_array_equal(mine, theirs)
    assert mine.dtype == theirs.dtype
    np.testing.assert_array_equal(make_source(np.zeros((4, 1)), y, class_weight=weight).arrays[2], theirs)


def test_class_weights_of_pixels():
    y = np.array([[[0, 1], [1, 0]]])
    assert class_weight_to_sample_weights(y[..., None], {1: 2.0}).tolist() == [[[1, 2], [2, 1]]]


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(x=None), "`x` is missing"),
        (dict(x=np.zeros((0, 2))), r"`x` is empty: its shape is \(0, 2\)"),
        (dict(x=np.zeros((3, 0))), "`x` is empty"),
        (dict(x=[]), "`x` is empty"),
        (dict(x={}), "`x` is empty"),
        (dict(x=[None]), "`x` holds no array"),
        (dict(x=np.float32(1)), "`x` must be an array"),
        (dict(x=np.array(1.0)), "`x` must have a first axis"),
        (dict(x="data.csv"), "`x` must be arrays"),
        (dict(x=5), "`x` must be arrays"),
        (dict(x=["a", "b"]), "`x` holds strings"),
        (dict(x=np.array(["a"])), "`x` holds strings"),
        (dict(x=np.array([b"a"])), "`x` holds bytes"),
        (dict(x=np.array([object()])), "`x` holds Python objects"),
        (dict(x=np.array(["2020-01-01"], "datetime64[D]")), "`x` holds dates"),
        (dict(x={"a": np.zeros(2), "b": np.array(["u", "v"])}), r"`x\['b'\]` holds strings"),
        (dict(x=[[1, 2], [3]]), "`x` is a list whose rows differ"),
        (dict(x=pandas.DataFrame({"a": [1], "b": ["text"]})), r"columns \['b'\]"),
        (dict(x=np.zeros(3), y=np.zeros(2)), "x: 3, y: 2"),
        (dict(x=[np.zeros(3), np.zeros(4)]), r"x\[0\]: 3, x\[1\]: 4"),
        (dict(x=np.zeros(3), y=np.zeros(3), sample_weight=np.zeros(2)), "sample_weight: 2"),
        (dict(x=np.zeros(3), sample_weight=np.zeros(3)), "`sample_weight` was passed without targets"),
        (dict(x=np.zeros(3), class_weight={0: 1.0}), "`class_weight` was passed without targets"),
        (dict(x=np.zeros(3), y=np.zeros(3), sample_weight=np.zeros(3), class_weight={0: 1.0}), "cannot both"),
        (dict(x=np.zeros(3), y=[np.zeros(3)], class_weight={0: 1.0}), "one target array only"),
        (dict(x=np.zeros(3), y=[np.zeros(3)], sample_weight={"a": np.zeros(3)}), "nested like `y`"),
        (dict(x=np.zeros(3), y=[np.zeros(3)], sample_weight=np.zeros((3, 2))), "one value per sample"),
        (dict(x=np.zeros(3), y=np.zeros(3), sample_weight=[np.zeros(3)]), "must be one array"),
        (dict(x=np.zeros(3), y=np.zeros(3), class_weight=[1.0]), "`class_weight` must be a dict"),
        (dict(x=np.zeros(3), y=np.zeros(3), class_weight={"0": 1.0}), "class '0'"),
        (dict(x=np.zeros(3), y=np.zeros(3), class_weight={0: "heavy"}), "'heavy' for class 0"),
        (dict(x=np.zeros(3), y=np.zeros(3), class_weight={0: -1}), "-1 for class 0"),
        (dict(x=np.zeros(3), y=np.zeros(3), class_weight={0: float("nan")}), "nan for class 0"),
        (dict(x=np.zeros(3), y="labels"), "`y` must be an array"),
        (dict(x=np.zeros(3), batch_size=0), "`batch_size` must be a positive integer"),
        (dict(x=np.zeros(3), batch_size=-4), "batch_size=-4"),
        (dict(x=np.zeros(3), batch_size=2.5), "batch_size=2.5"),
        (dict(x=np.zeros(3), batch_size=True), "batch_size=True"),
        (dict(x=np.zeros(3), steps_per_epoch=0), "steps_per_epoch=0"),
        (dict(x=np.zeros(3), epochs=0), "epochs=0"),
        (dict(x=np.zeros(3), epochs="3"), "epochs='3'"),
        (dict(x=np.zeros(3), shuffle="random"), "shuffle='random'"),
    ],
)
def test_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_source(**arguments)


def test_a_source_is_returned_as_it_is():
    source = make_source(ROWS)
    assert make_source(source) is source
