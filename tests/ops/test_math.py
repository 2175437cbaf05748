"""`ops.math`, `ops.linalg` and `ops.rearrange` against Keras, NumPy and SciPy."""

import jax
import numpy as np
import pytest

import kerasish.ops as ops
from kerasish.core.symbolic import KerasTensor

keras = pytest.importorskip("keras")
signal = pytest.importorskip("scipy.signal")

RNG = np.random.default_rng(3)


def floats(*shape):
    return RNG.normal(size=shape).astype("float32")


X = floats(2, 6)
MATRICES = floats(2, 3, 3)
SPD = (MATRICES @ MATRICES.swapaxes(1, 2) + np.eye(3)).astype("float32")
SIGNAL = floats(2, 40)
PAIR = (floats(2, 4, 8), floats(2, 4, 8))
IDS = np.array([0, 2, 2, 0], "int32")

CALLS = [
    ("segment_sum", (floats(4, 3), IDS), {"num_segments": 4, "grad": True, "unknown": False}),
    ("segment_max", (floats(4, 3), IDS), {"num_segments": 3, "unknown": False}),
    ("segment_min", (floats(4, 3), IDS), {"num_segments": 3, "unknown": False}),
    ("segment_prod", (floats(4, 3), np.sort(IDS)), {"num_segments": 3, "sorted": True, "unknown": False}),
    ("top_k", (X, 3), {}),
    ("in_top_k", (np.array([1, 5], "int32"), X, 2), {}),
    ("in_top_k", (np.array([1, 5], "int32"), np.where(X > 0.5, np.nan, X), 2), {}),
    ("logsumexp", (X,), {"axis": 1, "grad": True}),
    ("logsumexp", (X,), {"axis": (0, 1), "keepdims": True}),
    ("cdist", (X, floats(3, 6)), {"grad": True, "unknown": False}),
    ("cdist", (MATRICES, MATRICES[:1]), {"unknown": False, "tolerance": 1e-3}),
    ("extract_sequences", (SIGNAL, 8, 3), {"grad": True}),
    ("fft", (PAIR,), {"tolerance": 1e-4}),
    ("fft2", (PAIR,), {"tolerance": 1e-4}),
    ("ifft2", (PAIR,), {}),
    ("rfft", (SIGNAL,), {"tolerance": 1e-4}),
    ("rfft", (SIGNAL, 12), {"tolerance": 1e-4}),
    ("irfft", (PAIR,), {}),
    ("irfft", (PAIR, 10), {}),
    ("stft", (SIGNAL, 8, 3, 8), {"tolerance": 1e-4}),
    ("stft", (SIGNAL, 6, 4, 8), {"window": "hamming", "center": False, "tolerance": 1e-4}),
    ("stft", (SIGNAL, 8, 4, 9), {"window": None, "tolerance": 1e-4}),
    ("stft", (SIGNAL, 5, 2, 8), {"window": np.hanning(5).astype("float32"), "tolerance": 1e-4}),
    ("rsqrt", (X**2 + 0.1,), {"grad": True}),
    ("erf", (X,), {"grad": True}),
    ("erfc", (X,), {"grad": True}),
    ("erfinv", (np.tanh(X),), {"grad": True, "tolerance": 1e-4}),
    ("logdet", (SPD,), {"grad": True, "tolerance": 1e-4}),
    ("view_as_complex", (floats(3, 2),), {}),
    ("view_as_real", ((X + 1j * X).astype("complex64"),), {}),
    # linear algebra
    ("cholesky", (SPD,), {"grad": True, "tolerance": 1e-4}),
    ("cholesky", (SPD,), {"upper": True, "unknown": False}),
    ("cholesky_inverse", (np.linalg.cholesky(SPD[0]),), {"unknown": False, "tolerance": 1e-4}),
    ("cholesky_inverse", (np.linalg.cholesky(SPD[0]).T.copy(),), {"upper": True, "unknown": False, "tolerance": 1e-4}),
    ("det", (MATRICES,), {"grad": True, "tolerance": 1e-4}),
    ("eig", (MATRICES,), {"unknown": False}),
    ("eigh", (SPD,), {"tolerance": 1e-4}),
    ("inv", (SPD,), {"grad": True, "tolerance": 1e-4}),
    ("lstsq", (floats(5, 3), floats(5, 2)), {"unknown": False, "tolerance": 1e-4}),
    ("lu_factor", (MATRICES,), {}),
    ("lu_factor", (floats(4, 3),), {"unknown": False}),
    ("matrix_rank", (floats(4, 2) @ floats(2, 3),), {"unknown": False}),
    ("norm", (X,), {"axis": 1, "grad": True}),
    ("norm", (X,), {"ord": 1, "axis": 1, "keepdims": True}),
    ("norm", (X,), {"ord": "nuc", "tolerance": 1e-4}),
    ("norm", (MATRICES,), {"ord": 2, "axis": (1, 2), "tolerance": 1e-4}),
    ("norm", (IDS,), {"ord": np.inf}),
    ("pinv", (floats(2, 4, 3),), {"tolerance": 1e-4}),
    ("qr", (floats(4, 3),), {"unknown": False, "tolerance": 1e-4}),
    ("qr", (floats(4, 3),), {"mode": "complete", "unknown": False, "tolerance": 1e-4}),
    ("solve", (SPD, floats(2, 3, 2)), {"grad": True, "tolerance": 1e-3}),
    ("solve", (SPD[0], floats(3)), {"unknown": False, "tolerance": 1e-4}),
    ("solve_triangular", (SPD, floats(2, 3, 2)), {"lower": True, "tolerance": 1e-4}),
    ("svd", (floats(2, 4, 3),), {"full_matrices": False, "tolerance": 1e-4}),
    ("svd", (floats(2, 4, 3),), {"compute_uv": False, "tolerance": 1e-4}),
    ("rearrange", (floats(2, 4, 6), "b (h p) w -> (b h) (w p)"), {"p": 2, "unknown": False}),
    ("rearrange", (floats(2, 4, 6), "b h w -> b w h"), {"unknown": False}),
]


@pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=[f"{i}-{case[0]}" for i, case in enumerate(CALLS)])
def test_calls(check, name, args, options):
    check(name, *args, **options)


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ((8, 2, 8), {}),
        ((8, 3, 8), {"length": 30}),
        ((6, 2, 8), {"window": "hamming"}),
        ((8, 4, 8), {"window": None, "center": False}),
        ((8, 2, 8), {"center": False}),
    ],
    ids=str,
)
def test_istft(check, settings, options):
    spectrum = tuple(np.asarray(part) for part in ops.stft(SIGNAL, *settings))
    check("istft", spectrum, *settings, tolerance=1e-4, **options)


def test_istft_inverts_stft():
    spectrum = ops.stft(SIGNAL, 8, 2, 8)
    np.testing.assert_allclose(ops.istft(spectrum, 8, 2, 8, length=40), SIGNAL, atol=1e-5)


@pytest.mark.parametrize("name", ["hann", "hamming"])
def test_windows_are_periodic(name):
    frames = np.eye(8, dtype="float32")
    real, imaginary = ops.stft(frames, 8, 1, 8, window=name, center=False)
    spectrum = np.fft.rfft(frames * signal.get_window(name, 8))
    np.testing.assert_allclose(np.asarray(real)[:, 0] + 1j * np.asarray(imaginary)[:, 0], spectrum, atol=1e-5)


def test_segments_are_counted_where_their_number_is_not_given():
    data = floats(4, 2)
    expected = keras.ops.segment_sum(data, IDS, num_segments=3)
    np.testing.assert_allclose(ops.segment_sum(data, IDS), expected)


def test_jvp(agree):
    agree(ops.jvp(ops.sin, (X,), (X,)), (np.sin(X), np.cos(X) * X), 1e-5)
    result = ops.jvp(lambda x: (x * x, x), (X,), (X,), has_aux=True)
    agree(result, (X * X, 2 * X * X, X), 1e-5)


def test_rearrange_splits_and_merges_groups():
    x = KerasTensor((None, 8, 6, 3))
    assert ops.rearrange(x, "b (h p) (w q) c -> (b h w) p q c", p=4, q=3).shape == (None, 4, 3, 3)
    with pytest.raises(ValueError, match="rearrange"):
        ops.rearrange(X, "a b -> b")
    with pytest.raises(ValueError, match="rearrange"):
        ops.rearrange(X, "a (b c) -> a b c")
    with pytest.raises(ValueError, match="rearrange"):
        ops.rearrange(X, "a (b c) -> a b c", b=4)


def test_cholesky_under_jit_does_not_raise():
    assert np.isnan(jax.jit(ops.cholesky)(-np.eye(2, dtype="float32"))).any()


BAD_CALLS = [
    ("segment_sum", (X, IDS), {}),
    ("segment_sum", (X, X), {}),
    ("cdist", (X[0], X), {}),
    ("cdist", (X, X[:, :2]), {}),
    ("fft", (X,), {}),
    ("fft", ((X, X[:1]),), {}),
    ("fft", ((IDS, IDS),), {}),
    ("stft", (SIGNAL, 8, 0, 8), {}),
    ("stft", (SIGNAL, 8, 2, 4), {}),
    ("stft", (SIGNAL, 8, 2, 8), {"window": "box"}),
    ("stft", (SIGNAL, 8, 2, 8), {"window": X[0]}),
    ("istft", ((X[0], X[0]), 8, 2, 8), {}),
    ("view_as_complex", (X,), {}),
    ("cholesky", (X,), {}),
    ("cholesky", (-np.eye(2, dtype="float32"),), {}),
    ("det", (X[0],), {}),
    ("solve", (SPD, X), {}),
    ("solve_triangular", (SPD[0], X[0]), {}),
    ("matrix_rank", (X[0],), {}),
    ("pinv", (X[0],), {}),
    ("qr", (X,), {"mode": "full"}),
]


@pytest.mark.parametrize(("name", "args", "options"), BAD_CALLS, ids=[case[0] for case in BAD_CALLS])
def test_bad_arguments(name, args, options):
    with pytest.raises(ValueError, match="must|expected|failed"):
        getattr(ops, name)(*args, **options)


def test_stft_takes_floats_only():
    with pytest.raises(TypeError, match="float32"):
        ops.stft(SIGNAL.astype("int32"), 8, 2, 8)
