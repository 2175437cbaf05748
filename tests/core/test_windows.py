"""Window functions against SciPy."""

import numpy as np
import pytest

from kerasish.core import windows

signal = pytest.importorskip("scipy.signal")


@pytest.mark.parametrize("name", sorted(windows._NAMES))
def test_window_equals_scipy(name):
    for length in (1, 2, 3, 4, 7, 8, 33, 64):
        for periodic in (True, False):
            expected = signal.get_window(name, length, periodic)
            np.testing.assert_allclose(windows.window(name, length, periodic), expected, atol=1e-12)


def test_unknown_window():
    with pytest.raises(ValueError, match="hann"):
        windows.window("haan", 4)
