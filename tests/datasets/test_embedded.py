"""The three datasets that come with the package."""

from importlib import resources

import numpy as np
import pytest

from kerasish.datasets import digits, fashion_mnist_small, penguins


def test_digits_shapes_types_and_split():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1437, 8, 8) and x_test.shape == (360, 8, 8)
    assert y_train.shape == (1437,) and y_test.shape == (360,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    assert x_train.max() == 16 and x_test.min() == 0
    assert set(y_train) == set(y_test) == set(range(10))
    assert list(y_train[:10]) == list(range(10))


def test_digits_are_learnable_and_labels_belong_to_images():
    # One nearest neighbour, without any library: labels shuffled against images would give 10 %.
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    a, b = x_train.reshape(-1, 64).astype("float32"), x_test.reshape(-1, 64).astype("float32")
    distance = (b**2).sum(1)[:, None] - 2 * b @ a.T + (a**2).sum(1)
    assert (y_train[distance.argmin(1)] == y_test).mean() > 0.95


def test_penguins_without_gaps():
    (x_train, y_train), (x_test, y_test) = penguins.load_data()
    assert len(y_train) == 266 and len(y_test) == 67
    assert list(x_train) == [
        "island",
        "sex",
        "bill_length_mm",
        "bill_depth_mm",
        "flipper_length_mm",
        "body_mass_g",
        "year",
    ]
    assert set(x_train["island"]) == {"Biscoe", "Dream", "Torgersen"}
    assert set(x_train["sex"]) == {"female", "male"}
    assert x_train["body_mass_g"].dtype == np.float32 and not np.isnan(x_train["body_mass_g"]).any()
    assert x_train["year"].dtype == np.int32 and set(x_train["year"]) == {2007, 2008, 2009}
    assert np.bincount(np.concatenate([y_train, y_test])).tolist() == [146, 68, 119]
    assert all(len(column) == 67 for column in x_test.values())
    # Gentoo are the heavy ones: rows of x and y belong together after the shuffle.
    assert x_train["body_mass_g"][y_train == 2].mean() > x_train["body_mass_g"][y_train == 0].mean() + 1000


def test_penguins_with_gaps():
    (x, y), (x_test, y_test) = penguins.load_data(test_split=0, missing="keep")
    assert len(y) == 344 and len(y_test) == 0
    assert np.bincount(y).tolist() == [152, 68, 124]
    assert (x["sex"] == "").sum() == 11
    assert np.isnan(x["bill_length_mm"]).sum() == 2


def test_penguins_bad_arguments():
    with pytest.raises(ValueError, match="missing"):
        penguins.load_data(missing="ignore")
    with pytest.raises(ValueError, match="test_split"):
        penguins.load_data(test_split=1.0)


def test_penguins_same_seed_same_split():
    first, second = penguins.load_data(seed=1), penguins.load_data(seed=1)
    np.testing.assert_array_equal(first[0][1], second[0][1])
    assert (first[0][1] != penguins.load_data(seed=2)[0][1]).any()


def test_the_small_fashion_mnist_is_balanced_and_in_the_order_of_the_whole():
    (x_train, y_train), (x_test, y_test) = fashion_mnist_small.load_data()
    assert x_train.shape == (2000, 28, 28) and x_test.shape == (1000, 28, 28)
    assert {array.dtype.name for array in (x_train, y_train, x_test, y_test)} == {"uint8"}
    assert np.bincount(y_train).tolist() == [200] * 10 and np.bincount(y_test).tolist() == [100] * 10
    # The whole training set starts with an ankle boot, two T-shirts and two dresses: published facts.
    assert y_train[:5].tolist() == [9, 0, 0, 3, 0]
    assert fashion_mnist_small.class_names[9] == "Ankle boot"
    # Mean and deviation of the whole set are .2860 and .3530.
    assert abs(x_train.mean() / 255 - 0.286) < 0.01 and abs(x_train.std() / 255 - 0.353) < 0.01


def test_packaged_data_stays_small():
    file = resources.files("kerasish.datasets").joinpath("fashion_mnist_small.npz")
    assert len(file.read_bytes()) <= 1_500_000
