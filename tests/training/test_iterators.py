"""Iterator sources: generators, loaders and other iterables; their epochs, their batches, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from kerasish.core import config
from kerasish.training.data import make_source


def batch(n, size=2):
    return np.full((size, 1), float(n)), np.full(size, n)


def generator(count=6, log=None):
    for n in range(count):
        if log is not None:
            log.append(n)
        yield batch(n)


class Loader:
    """A data loader: iterable again and again, gives lists; its length may be unknown."""

    def __init__(self, count=4, length="known"):
        self.count, self.length = count, length

    def __len__(self):
        if self.length == "unknown":
            raise TypeError("a stream")
        return self.count

    def __iter__(self):
        return (list(batch(n)) for n in range(self.count))


class Dataset:
    """What is used of a tf.data.Dataset."""

    def __init__(self, cardinality):
        self._cardinality = cardinality

    def cardinality(self):
        return np.int64(self._cardinality)

    def as_numpy_iterator(self):
        return iter([batch(0), batch(1)])

    def __iter__(self):
        raise AssertionError("the NumPy iterator is the one to use")


def numbers(batches):
    return [int(parts[0].ravel()[0]) for parts in batches]


def epochs(source, count):
    result = []
    for epoch in range(count):
        source.on_epoch_begin()
        result.append(numbers(source.epoch_batches(epoch, 0)))
        source.on_epoch_end()
    source.close()
    return result


def test_a_generator_is_read_to_its_end():
    source = make_source(generator(3))
    assert (source.is_array, source.num_batches, source.num_steps, source.batch_size) == (False, None, None, None)
    assert epochs(source, 1) == [[0, 1, 2]]
    assert source.num_batches == 3


def test_looking_at_the_first_batch_does_not_use_it_up():
    source = make_source(generator(3))
    assert source.first_batch()[0].tolist() == source.first_batch()[0].tolist() == [[0], [0]]
    assert epochs(source, 1) == [[0, 1, 2]]


def test_steps_read_no_more_than_they_need():
    log = []
    source = make_source(generator(10, log), steps_per_epoch=2)
    assert source.num_steps == 2
    assert epochs(source, 2) == [[0, 1], [2, 3]] and log == [0, 1, 2, 3]


def test_a_generator_that_ends_too_early_warns():
    source = make_source(generator(3), steps_per_epoch=2)
    assert numbers(source.epoch_batches(0)) == [0, 1]
    with pytest.warns(UserWarning, match="1 of 2 steps"):
        assert numbers(source.epoch_batches(1)) == [2]
    with pytest.warns(UserWarning, match="0 of 2 steps"):
        assert numbers(source.epoch_batches(2)) == []


def test_a_used_up_generator_warns():
    source = make_source(generator(2))
    assert numbers(source.epoch_batches(0)) == [0, 1]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert numbers(source.epoch_batches(1)) == []


def test_what_is_left_of_a_generator_can_still_be_used():
    data = generator(5)
    assert epochs(make_source(data, steps_per_epoch=2), 1) == [[0, 1]]
    assert numbers(data) == [2, 3, 4]


@pytest.mark.parametrize("length", ["known", "unknown"])
@pytest.mark.parametrize(
    ("steps", "expected"), [(None, [[0, 1, 2, 3]] * 3), (4, [[0, 1, 2, 3]] * 3), (2, [[0, 1], [2, 3], [0, 1]])]
)
def test_a_loader_starts_again(length, steps, expected):
    source = make_source(Loader(length=length), steps_per_epoch=steps)
    assert source.num_batches == (4 if length == "known" else None)
    source.first_batch()
    assert epochs(source, 3) == expected


@pytest.mark.parametrize("length", ["known", "unknown"])
def test_a_loader_with_too_few_batches_warns_and_starts_again(length):
    source = make_source(Loader(3, length), steps_per_epoch=4)
    for epoch in range(2):
        with pytest.warns(UserWarning, match="3 of 4 steps"):
            assert numbers(source.epoch_batches(epoch)) == [0, 1, 2]


def test_the_ceiling_on_steps(monkeypatch):
    monkeypatch.setitem(config._settings, "max_steps_per_epoch", 2)
    assert make_source(generator()).num_steps == 2
    assert make_source(Loader(1)).num_steps == 1
    assert epochs(make_source(generator()), 2) == [[0, 1], [2, 3]]


@pytest.mark.parametrize(("cardinality", "expected"), [(2, 2), (-1, None), (-2, None)])
def test_tf_data(cardinality, expected):
    source = make_source(Dataset(cardinality))
    assert source.num_batches == expected
    assert epochs(source, 2) == [[0, 1], [0, 1]]


def test_a_loader_that_is_left_in_the_middle_starts_again():
    source = make_source(Loader())
    next(source.epoch_batches())
    source.close()
    assert epochs(make_source(Loader()), 1) == [[0, 1, 2, 3]]


# Batches

X, Y, W = np.ones((2, 3)), np.zeros(2, "int64"), np.ones(2)


@pytest.mark.parametrize(
    ("raw", "shapes"),
    [
        ((X,), [(2, 3)]),
        (X, [(2, 3)]),
        ((X, Y), [(2, 3), (2,)]),
        ((X, Y, W), [(2, 3), (2,), (2,)]),
        ((X, None), [(2, 3)]),
        ((X, Y, None), [(2, 3), (2,)]),
        ((X, [0, 1]), [(2, 3), (2,)]),
        ((jnp.ones((2, 3)), Y), [(2, 3), (2,)]),
    ],
)
def test_batches_are_tuples_of_arrays(raw, shapes):
    (parts,) = make_source(iter([raw])).epoch_batches()
    assert [part.shape for part in parts] == shapes
    assert [str(part.dtype) for part in parts] == ["float32", "int32", "float32"][: len(parts)]


def test_batches_may_be_nested():
    raw = ({"a": X, "b": [X, X]}, (Y, Y))
    (parts,) = make_source(iter([raw])).epoch_batches()
    assert parts[0]["b"][1].dtype == np.float32 and isinstance(parts[1], tuple)
    (parts,) = make_source([[X]] and iter([{"a": X}])).epoch_batches()
    assert list(parts[0]) == ["a"] and len(parts) == 1


def test_arrays_on_the_device_stay_there():
    x = jnp.ones((2, 3))
    ((first, _),) = make_source(iter([(x, Y)])).epoch_batches()
    assert first is x


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([X, Y], "must be a tuple"),
        ((), "must be a tuple"),
        ((X, Y, W, W), "tuple of 4"),
        ((X, np.zeros(3)), r"same number of samples.*\(2, 3\).*\(3,\)"),
        ((np.zeros((0, 3)),), "at least one"),
        ((np.float32(1),), "same number of samples"),
        ((np.array(["a"]),), "`x` holds strings"),
        ((X, np.array([object(), object()])), "`y` holds Python objects"),
    ],
)
def test_batches_are_refused(raw, message):
    with pytest.raises(ValueError, match=message):
        list(make_source(iter([raw])).epoch_batches())


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(x=generator(), y=np.zeros(2)), "`y` must not be passed when `x` is a generator"),
        (dict(x=Loader(), sample_weight=np.zeros(2)), "`sample_weight` must not be passed when `x` is a Loader"),
        (dict(x=generator(), class_weight={0: 1.0}), "`class_weight` is not supported for a generator"),
        (dict(x=generator), "generator function 'generator'; call it"),
        (dict(x=print), "`x` must be arrays"),
        (dict(x=generator(), steps_per_epoch=-1), "steps_per_epoch=-1"),
    ],
)
def test_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_source(**arguments)


def test_a_dataset_of_single_samples_needs_a_loader():
    class Samples:
        def __getitem__(self, index):
            return X[0]

        def __len__(self):
            return 3

    with pytest.raises(ValueError, match="loader"):
        make_source(Samples())


def test_an_empty_iterator_is_refused():
    with pytest.raises(ValueError, match="without a single batch"):
        make_source(iter([])).first_batch()


def test_class_weight_on_a_loader():
    source = make_source(Loader(2), class_weight={1: 3.0})
    assert [parts[2].tolist() for parts in source.epoch_batches()] == [[1, 1], [3, 3]]


@pytest.mark.parametrize("raw", [(X, Y, W), (X,)])
def test_class_weight_needs_targets_and_no_weights(raw):
    loader = type("Once", (), {"__iter__": lambda self: iter([raw])})()
    with pytest.raises(ValueError, match="class_weight"):
        make_source(loader, class_weight={0: 1.0}).first_batch()


def test_shuffling_is_up_to_the_data():
    assert epochs(make_source(Loader(), shuffle=True), 1) == [[0, 1, 2, 3]]
    with pytest.warns(UserWarning, match="shuffle='batch'"):
        make_source(Loader(), shuffle="batch")
