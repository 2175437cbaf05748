"""split_dataset and timeseries_dataset_from_array: parts and windows worked out by hand."""

import numpy as np
import pytest

import kerasish
from kerasish.utils import split_dataset, timeseries_dataset_from_array

X, Y = np.arange(20).reshape(10, 2), np.arange(10)


@pytest.mark.parametrize(
    ("left", "right", "sizes"),
    [
        (0.8, None, (8, 2)),
        (None, 0.3, (7, 3)),
        (7, None, (7, 3)),
        (None, 4, (6, 4)),
        (5, 3, (5, 3)),
        (0.5, 0.5, (5, 5)),
    ],
)
def test_sizes(left, right, sizes):
    (x_left, y_left), (x_right, y_right) = split_dataset((X, Y), left, right)
    assert (len(x_left), len(x_right)) == sizes
    np.testing.assert_array_equal(x_left[:, 0] // 2, y_left)
    np.testing.assert_array_equal(y_left, np.arange(sizes[0]))
    assert set(y_left) & set(y_right) == set()


def test_shuffling_keeps_rows_together_and_follows_the_seed():
    parts = [split_dataset({"x": X, "y": Y}, 0.5, shuffle=True, seed=3) for _ in range(2)]
    np.testing.assert_array_equal(parts[0][0]["y"], parts[1][0]["y"])
    np.testing.assert_array_equal(parts[0][0]["x"][:, 0] // 2, parts[0][0]["y"])
    assert sorted([*parts[0][0]["y"], *parts[0][1]["y"]]) == list(range(10))
    assert list(parts[0][0]["y"]) != list(range(5))


def test_samples_of_other_containers():
    class Samples:
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return index * 10

    assert split_dataset(Samples(), 3) == ([0, 10, 20], [30])


@pytest.mark.parametrize("sizes", [(None, None), (1.5, None), (11, None), (0, None), (-1, None), (8, 8), (0.01, None)])
def test_impossible_sizes(sizes):
    with pytest.raises(ValueError, match="size|samples"):
        split_dataset(X, *sizes)
    with pytest.raises(TypeError):
        split_dataset(3, 0.5)


def test_windows_and_targets():
    series = np.arange(100)
    windows = timeseries_dataset_from_array(
        series, series + 1000, sequence_length=3, sampling_rate=2, sequence_stride=5, batch_size=4, start_index=10
    )
    x, y = windows[0]
    np.testing.assert_array_equal(x[:2], [[10, 12, 14], [15, 17, 19]])
    np.testing.assert_array_equal(y[:2], [1010, 1015])
    starts = np.concatenate([batch[1] for batch in windows]) - 1000
    np.testing.assert_array_equal(starts, np.arange(10, 96, 5))
    ended = timeseries_dataset_from_array(series, None, 10, end_index=30)
    assert max(batch.max() for batch in ended) == 29
    single = timeseries_dataset_from_array(series, None, 10, batch_size=None)
    assert single[5].shape == (10,)


def test_shuffled_windows_change_each_epoch_and_follow_the_seed():
    def starts(dataset):
        return [int(start) for batch in dataset for start in batch[:, 0]]

    first, second = (timeseries_dataset_from_array(np.arange(50), None, 3, shuffle=True, seed=1) for _ in range(2))
    before = starts(first)
    assert before == starts(second)
    assert sorted(before) == list(range(48))
    first.on_epoch_end()
    assert starts(first) != before


@pytest.mark.parametrize(
    "options",
    [{"start_index": 60}, {"end_index": 0}, {"end_index": 60}, {"sampling_rate": 0}, {"sequence_stride": 0},
     {"sequence_length": 0}, {"sequence_length": 51}],
)  # fmt: skip
def test_windows_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options)).split("_")[0]):
        timeseries_dataset_from_array(np.arange(50), None, **{"sequence_length": 5, **options})


def test_fit_reads_windows():
    series = np.sin(np.arange(60)).astype("float32")[:, None]
    windows = timeseries_dataset_from_array(series[:-5], series[5:], 5, batch_size=16)
    model = kerasish.Sequential([kerasish.Input((5, 1)), kerasish.layers.Flatten(), kerasish.layers.Dense(1)])
    model.compile(kerasish.optimizers.Adam(0.05), "mse")
    losses = model.fit(windows, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
