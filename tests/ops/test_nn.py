"""The functions of `ops.nn` against Keras: values, dtypes, gradients, symbolic shapes."""

import functools
import itertools

import jax
import ml_dtypes
import numpy as np
import pytest

import kerasish.ops as ops
from kerasish.core.symbolic import KerasTensor

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(2)


def floats(*shape):
    return RNG.normal(size=shape).astype("float32")


X = floats(2, 4)
LINE, IMAGE, VOLUME = floats(2, 7, 2), floats(2, 7, 6, 4), floats(1, 5, 4, 6, 2)
FIRST = np.moveaxis(IMAGE, -1, 1).copy()

ACTIVATIONS = [
    "celu", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu",
    "log_sigmoid", "log_softmax", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "swish", "tanh_shrink",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(check, name):
    check(name, 2 * X, grad=True)


CALLS = [
    ("celu", (X,), {"alpha": 0.5}),
    ("elu", (X,), {"alpha": 0.5}),
    ("gelu", (X,), {"approximate": False}),
    ("glu", (X,), {"axis": 0, "unknown": False}),
    ("hard_shrink", (X,), {"threshold": 0.2}),
    ("leaky_relu", (X,), {"negative_slope": 0.1}),
    ("log_softmax", (LINE,), {"axis": (1, 2), "grad": True}),
    ("soft_shrink", (X,), {"threshold": 0.2}),
    ("softmax", (LINE,), {"axis": (1, 2), "grad": True}),
    ("softmax", (LINE,), {"axis": 1}),
    ("squareplus", (X,), {"b": 2.0}),
    ("threshold", (X, 0.5, -1.0), {"grad": True}),
    # pooling
    ("max_pool", (LINE, 2, 2), {"grad": True}),
    ("max_pool", (IMAGE, (2, 3)), {"strides": (1, 2), "grad": True}),
    ("max_pool", (IMAGE, 3), {"strides": 2, "padding": "same", "grad": True}),
    ("max_pool", (FIRST, 2, 2), {"padding": "SAME", "data_format": "channels_first"}),
    ("max_pool", (VOLUME, 2, 2), {}),
    ("average_pool", (LINE, 3), {"strides": 1, "grad": True}),
    ("average_pool", (IMAGE, (2, 3), (2, 3)), {"padding": "same", "grad": True}),
    ("average_pool", (FIRST, 2), {"strides": 2, "data_format": "channels_first"}),
    ("average_pool", (IMAGE.astype("float16"), 2, 2), {"padding": "same"}),
    ("average_pool", (VOLUME, 2, 2), {"padding": "same"}),
    # Keras infers no shape, or a wrong one, for all but channels_first; see test_symbolic_shapes.
    ("adaptive_average_pool", (LINE, 3), {"grad": True, "spec": False}),
    ("adaptive_average_pool", (IMAGE, (3, 4)), {"grad": True, "spec": False}),
    ("adaptive_average_pool", (FIRST, 2), {"data_format": "channels_first", "spec": False}),
    ("adaptive_average_pool", (VOLUME, (2, 3, 4)), {"spec": False}),
    ("adaptive_max_pool", (LINE, 3), {"grad": True, "spec": False}),
    ("adaptive_max_pool", (IMAGE, (3, 4)), {"spec": False}),
    ("adaptive_max_pool", (FIRST, (5, 2)), {"data_format": "channels_first", "unknown": False}),
    ("adaptive_max_pool", (VOLUME, 2), {"spec": False}),
    # patches
    ("unfold", (FIRST, 2), {"grad": True}),
    ("unfold", (FIRST, (3, 2)), {"dilation": 2, "padding": 1, "stride": (1, 2)}),
    ("fold", (floats(2, 8, 20), (5, 6), 2), {"grad": True}),
    ("fold", (floats(2, 12, 16), (7, 6), (3, 2)), {"padding": (1, 1), "stride": 2}),
    ("depth_to_space", (IMAGE, 2), {}),
    ("depth_to_space", (FIRST, 2), {"data_format": "channels_first"}),
    ("space_to_depth", (IMAGE[:, :6], 2), {}),
    ("space_to_depth", (FIRST[:, :, :6], 2), {"data_format": "channels_first"}),
    # normalization
    ("moments", (IMAGE, (0, 1)), {"grad": True}),
    ("moments", (IMAGE, -1), {"keepdims": True}),
    ("moments", ((1e4 * X).astype("float16"), 1), {"tolerance": 1e-2}),
    ("batch_normalization", (X, floats(4), floats(4) ** 2, -1), {"unknown": False, "grad": True}),
    ("batch_normalization", (FIRST, floats(4), floats(4) ** 2, 1),
     {"offset": floats(4), "scale": floats(4), "epsilon": 0.1, "unknown": False}),
    ("layer_normalization", (X,), {"grad": True}),
    ("layer_normalization", (X, floats(4), floats(4)), {"unknown": False, "grad": True}),
    ("layer_normalization", (IMAGE, floats(6, 4), floats(6, 4)), {"axis": (2, 3), "epsilon": 0.1, "unknown": False}),
    ("layer_normalization", (IMAGE.astype("float16"), floats(6)), {"axis": 2, "unknown": False}),
    ("rms_normalization", (X,), {"grad": True}),
    ("rms_normalization", (X, floats(4)), {"epsilon": 0.1, "unknown": False}),
    ("rms_normalization", (IMAGE.astype(ml_dtypes.bfloat16),), {"axis": (1, 2)}),
    ("normalize", (X,), {"grad": True}),
    ("normalize", (X,), {"order": 3, "axis": 1}),
    ("normalize", (X,), {"order": 1, "epsilon": 10.0}),
    ("one_hot", (np.array([[0, 3], [-1, 9]], "int32"), 5), {}),
    ("one_hot", (np.array([0, 3], "int32"), 5), {"axis": 0, "dtype": "int32", "unknown": False}),
    ("multi_hot", (np.array([[0, 3], [1, 1]], "int32"), 5), {}),
    ("multi_hot", (np.array([0, 3], "int32"), 5), {"dtype": "bool", "unknown": False}),
    ("polar", (X, X), {}),
    ("psnr", (X, X + 0.1, 2.0), {"grad": True, "tolerance": 1e-4}),
    # losses
    ("binary_crossentropy", ((X > 0).astype("float32"), 1 / (1 + np.exp(-X))), {"grad": True}),
    ("binary_crossentropy", ((X > 0).astype("float32"), 5 * X), {"from_logits": True, "grad": True}),
    ("categorical_crossentropy", (np.eye(4, dtype="float32")[:2], np.abs(X)), {"grad": True}),
    ("categorical_crossentropy", (np.eye(4, dtype="float32")[:2], X), {"from_logits": True, "axis": 1}),
    ("categorical_crossentropy", (X.astype("float16"), X), {"from_logits": True}),
    ("sparse_categorical_crossentropy", (np.array([3, 0], "int32"), np.abs(X)), {"grad": True}),
    ("sparse_categorical_crossentropy", (np.array([[3], [0]], "int32"), X), {"from_logits": True}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=[f"{i}-{case[0]}" for i, case in enumerate(CALLS)])
def test_calls(check, name, args, options):
    check(name, *args, **options)


CONVOLUTIONS = [
    ("conv", LINE, (3, 2, 5), {}),
    ("conv", LINE, (3, 2, 5), {"strides": 2, "padding": "same"}),
    ("conv", IMAGE, (3, 2, 4, 3), {"padding": "same"}),
    ("conv", IMAGE, (3, 2, 4, 3), {"strides": (2, 1), "padding": "SAME"}),
    ("conv", IMAGE, (3, 3, 4, 3), {"dilation_rate": 2}),
    ("conv", IMAGE, (3, 3, 2, 6), {"padding": "same"}),
    ("conv", FIRST, (3, 3, 4, 3), {"data_format": "channels_first"}),
    ("conv", VOLUME, (2, 2, 3, 2, 3), {"padding": "same"}),
    ("depthwise_conv", LINE, (3, 2, 2), {}),
    ("depthwise_conv", IMAGE, (3, 3, 4, 2), {"padding": "same", "strides": 2}),
    ("depthwise_conv", FIRST, (3, 3, 4, 1), {"data_format": "channels_first", "dilation_rate": (2, 1)}),
    ("conv_transpose", LINE, (3, 5, 2), {"strides": 2}),
    ("conv_transpose", IMAGE, (3, 2, 3, 4), {"strides": (2, 3), "padding": "same"}),
    ("conv_transpose", IMAGE, (3, 2, 3, 4), {"strides": 2, "padding": "same", "output_padding": 1}),
    ("conv_transpose", IMAGE, (2, 2, 3, 4), {"strides": 3, "output_padding": (0, 1)}),
    ("conv_transpose", FIRST, (3, 3, 3, 4), {"dilation_rate": 2, "data_format": "channels_first"}),
    ("conv_transpose", VOLUME, (2, 2, 3, 3, 2), {"strides": 2, "padding": "same"}),
]


@pytest.mark.parametrize(
    ("name", "x", "kernel", "options"), CONVOLUTIONS, ids=[f"{i}-{case[0]}" for i, case in enumerate(CONVOLUTIONS)]
)
def test_convolutions(check, name, x, kernel, options):
    kernel = floats(*kernel)
    check(name, x, kernel, spec=False, grad=True, tolerance=1e-4, **options)
    shape = (None, *x.shape[1:])
    ours = getattr(ops, name)(KerasTensor(shape), kernel, **options)
    if x.shape[1 if "data_format" in options else -1] in kernel.shape[-2:]:  # Keras infers no shapes for groups
        theirs = getattr(keras.ops, name)(keras.KerasTensor(shape), kernel, **options)
        assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.shape == (None, *getattr(ops, name)(x, kernel, **options).shape[1:])


def test_transposed_convolution_sizes_on_a_grid(agree):
    """Every combination of window, stride, dilation and padding has Keras's size and values."""
    for window, stride, padding, extra in itertools.product((1, 2, 3), (1, 2, 4), ("valid", "same"), (None, 0)):
        kernel, options = floats(window, 3, 2), {"strides": stride, "padding": padding, "output_padding": extra}
        if extra is not None and padding == "same" and window - 2 + window % 2 < 0:
            continue
        ours = ops.conv_transpose(LINE, kernel, **options)
        agree(ours, keras.ops.conv_transpose(LINE, kernel, **options), 1e-4)


def test_separable_conv(check):
    options = {"strides": 2, "padding": "same", "unknown": False, "grad": True, "tolerance": 1e-4}
    check("separable_conv", IMAGE, floats(3, 3, 4, 2), floats(1, 1, 8, 5), **options)


def test_convolution_takes_the_kernels_type():
    assert ops.conv(IMAGE, floats(1, 1, 4, 2).astype("float16")).dtype == "float16"
    assert ops.conv(IMAGE.astype("int32"), floats(1, 1, 4, 2)).dtype == "float32"


def test_pooling_strides_are_the_window_by_default(agree):
    """Keras 3.15 on JAX raises an error here."""
    agree(ops.max_pool(LINE, 2), ops.max_pool(LINE, 2, 2))
    agree(ops.average_pool(IMAGE, (2, 3), padding="same"), ops.average_pool(IMAGE, (2, 3), (2, 3), "same"))


def test_adaptive_pooling_of_symbolic_tensors():
    """Keras 3.15 infers wrong shapes here."""
    for name in ("adaptive_average_pool", "adaptive_max_pool"):
        assert getattr(ops, name)(KerasTensor((None, 7, 2)), 3).shape == (None, 3, 2)
        x = KerasTensor((None, 4, 7, 6))
        assert getattr(ops, name)(x, (3, 4), data_format="channels_first").shape == (None, 4, 3, 4)


def test_pooling_of_integers():
    x = np.arange(8, dtype="int32").reshape(1, 8, 1) - 4
    np.testing.assert_array_equal(ops.max_pool(x, 2)[0, :, 0], [-3, -1, 1, 3])
    np.testing.assert_array_equal(ops.average_pool(x, 2)[0, :, 0], [-3.5, -1.5, 0.5, 2.5])


def test_sparsemax_is_the_projection_on_the_simplex():
    """Keras 3.15 sums the cumulative sums and so leaves the simplex: not an oracle here."""
    x = floats(5, 7)
    result = np.asarray(ops.sparsemax(x))
    np.testing.assert_allclose(result.sum(-1), 1, rtol=1e-5)
    # Optimality: on the support x - result is one number, elsewhere x lies below it.
    for row, point in zip(x, result):
        threshold = (row - point)[point > 0]
        np.testing.assert_allclose(threshold, threshold[0], rtol=1e-4, atol=1e-5)
        assert (row[point == 0] <= threshold[0] + 1e-5).all()
    np.testing.assert_allclose(ops.sparsemax(x.T, axis=0), result.T, rtol=1e-6)
    np.testing.assert_allclose(ops.sparsemax([-1.0, 0.0, 1.0]), [0.0, 0.0, 1.0])


def test_softmax_over_one_element_warns():
    with pytest.warns(UserWarning, match="sigmoid"):
        ops.softmax(X[:, :1])


def test_layer_normalization_with_rms_scaling(agree):
    with pytest.warns(UserWarning, match="rms"):
        ours = ops.layer_normalization(X, floats(4) * 0 + 2, rms_scaling=True)
    with pytest.warns(UserWarning, match="rms"):
        agree(ours, keras.ops.layer_normalization(X, floats(4) * 0 + 2, rms_scaling=True))


@pytest.mark.parametrize("axis", [-1, (0, 1)])
def test_second_derivatives_through_moments(axis):
    def plain(x):
        mean = x.mean(axis, keepdims=True)
        return (x - mean) / jax.numpy.sqrt(((x - mean) ** 2).mean(axis, keepdims=True) + 1e-3)

    def hessian(function):
        return jax.hessian(lambda x: jax.numpy.sum(jax.numpy.sin(function(x))))(X)

    ours = hessian(lambda x: ops.layer_normalization(x, axis=axis, epsilon=1e-3))
    np.testing.assert_allclose(ours, hessian(plain), atol=1e-5 * float(np.abs(ours).max()))


def test_multi_hot_formerly_took_num_tokens(agree):
    x = np.array([[0, 2]], "int32")
    agree(ops.multi_hot(x, num_tokens=3), keras.ops.multi_hot(x, num_tokens=3))


def test_sparse_encodings():
    x = np.array([[0, 2], [1, 1]], "int32")
    np.testing.assert_array_equal(ops.one_hot(x, 3, sparse=True).todense(), ops.one_hot(x, 3))
    np.testing.assert_array_equal(ops.multi_hot(x, 3, sparse=True).todense(), ops.multi_hot(x, 3))
    sparse = ops.multi_hot(x, 3, sparse=True)
    np.testing.assert_array_equal(ops.matmul(sparse, np.eye(3)), ops.multi_hot(x, 3))
    np.testing.assert_array_equal(ops.add(sparse, 1.0), ops.multi_hot(x, 3) + 1)


QUERY, KEY, VALUE = floats(2, 5, 4, 8), floats(2, 6, 4, 8), floats(2, 6, 4, 8)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.5, "is_causal": True},
        {"mask": RNG.random((2, 1, 5, 6)) > 0.3},
        {"bias": floats(2, 4, 5, 6), "flash_attention": False},
    ],
    ids=["plain", "causal", "mask", "bias"],
)
def test_attention(check, options):
    check("dot_product_attention", QUERY, KEY, VALUE, unknown=False, grad=True, tolerance=1e-4, **options)


def test_attention_of_grouped_queries_and_half_precision(check):
    check("dot_product_attention", QUERY, KEY[:, :, :2], VALUE[:, :, :2], tolerance=1e-4)
    check("dot_product_attention", *(x.astype("float16") for x in (QUERY, KEY, VALUE)), spec=False, tolerance=2e-3)


def test_attention_in_half_precision_is_compiled_on_every_platform():
    """Keras 3.15 on JAX raises an error in a compiled program on the CPU, as a training step is."""
    arrays = [x.astype("float16") for x in (QUERY, KEY, VALUE)]
    attend = jax.jit(jax.value_and_grad(lambda *x: ops.dot_product_attention(*x, is_causal=True).sum()))
    value, gradient = attend(*arrays)
    exact, exact_gradient = attend(QUERY, KEY, VALUE)
    assert (value.dtype, gradient.dtype) == ("float16", "float16")
    np.testing.assert_allclose(value, exact, rtol=2e-3)
    np.testing.assert_allclose(gradient, exact_gradient, rtol=5e-3, atol=5e-3)


LABELS = np.array([[1, 2, 2, 0], [3, 1, 0, 0], [1, 0, 0, 0]], "int32")
LOGITS = floats(3, 8, 5)


def test_ctc_loss(check):
    lengths, frames = np.array([3, 2, 1], "int32"), np.array([8, 5, 2], "int32")
    check("ctc_loss", LABELS, LOGITS, lengths, frames, grad=True, tolerance=1e-4)
    check("ctc_loss", LABELS % 4, LOGITS, lengths, frames, mask_index=4, tolerance=1e-4, spec=False)


def test_ctc_loss_equals_the_sum_over_all_alignments():
    logits, labels = floats(1, 5, 3), np.array([[1, 1]], "int32")
    probabilities = np.asarray(jax.nn.softmax(logits[0]))
    total = 0.0
    for path in itertools.product(range(3), repeat=5):
        collapsed = [c for c, _ in itertools.groupby(path) if c != 0]
        if collapsed == [1, 1]:
            total += np.prod(probabilities[np.arange(5), path])
    loss = ops.ctc_loss(labels, logits, np.array([2]), np.array([5]))
    np.testing.assert_allclose(loss, [-np.log(total)], rtol=1e-5)
    empty = ops.ctc_loss(labels, logits, np.array([0]), np.array([5]))
    np.testing.assert_allclose(empty, [-np.log(probabilities[:, 0]).sum()], rtol=1e-5)


@pytest.mark.parametrize("merge", [True, False])
def test_greedy_decoding(check, merge):
    frames = np.array([8, 5, 2], "int32")
    check("ctc_decode", LOGITS, frames, merge_repeated=merge, spec=False)
    check("ctc_decode", LOGITS, frames, merge_repeated=merge, mask_index=4, spec=False)


def test_beam_search(agree):
    frames = np.array([8, 5, 2], "int32")
    for options in ({"beam_width": 6, "top_paths": 3}, {"beam_width": 8, "mask_index": 4}):
        results = [jax.jit(functools.partial(decode, strategy="beam_search", **options))(LOGITS, frames)
                   for decode in (ops.ctc_decode, keras.ops.ctc_decode)]  # fmt: skip
        agree(*results, 1e-4)


def test_beam_search_finds_the_most_probable_labels():
    logits = floats(1, 4, 3)
    probabilities = np.asarray(jax.nn.softmax(logits[0]))
    totals = {}
    for path in itertools.product(range(3), repeat=4):
        collapsed = tuple(c for c, _ in itertools.groupby(path) if c != 0)
        totals[collapsed] = totals.get(collapsed, 0) + np.prod(probabilities[np.arange(4), path])
    best = sorted(totals, key=totals.get)[::-1][:3]
    paths, scores = ops.ctc_decode(logits, np.array([4]), strategy="beam_search", beam_width=50, top_paths=3)
    assert [tuple(int(c) for c in path[0] if c >= 0) for path in paths] == best
    np.testing.assert_allclose(scores[0], np.log([totals[b] for b in best]), rtol=1e-4)


BAD_CALLS = [
    ("conv", (IMAGE, floats(3, 3, 3, 2)), {}),
    ("conv", (IMAGE, floats(9, 9, 4, 2)), {}),
    ("conv", (IMAGE, floats(3, 4, 2)), {}),
    ("conv", (IMAGE, floats(3, 3, 4, 2)), {"strides": (1, 2, 3)}),
    ("depthwise_conv", (IMAGE, floats(3, 3, 3, 2)), {}),
    ("conv_transpose", (IMAGE, floats(3, 3, 2, 3)), {}),
    ("conv_transpose", (IMAGE, floats(3, 3, 2, 4)), {"padding": "full"}),
    ("max_pool", (IMAGE, 2), {"padding": "full"}),
    ("max_pool", (IMAGE, 2), {"data_format": "middle"}),
    ("adaptive_max_pool", (X, 2), {}),
    ("unfold", (X, 2), {}),
    ("fold", (X, 2, 2), {}),
    ("depth_to_space", (IMAGE, 1), {}),
    ("multi_hot", (X,), {}),
    ("normalize", (X,), {"order": 0}),
    ("categorical_crossentropy", (X, X[:1]), {}),
    ("binary_crossentropy", (X, X[:1]), {}),
    ("sparse_categorical_crossentropy", (X, X), {}),
    ("psnr", (X, X[:1], 1.0), {}),
    ("ctc_decode", (LOGITS, np.array([8, 5, 2])), {"strategy": "best"}),
    ("dot_product_attention", (X, X, X), {}),
    ("dot_product_attention", (QUERY, KEY, VALUE), {"attn_logits_soft_cap": 2.0}),
]


@pytest.mark.parametrize(("name", "args", "options"), BAD_CALLS, ids=[case[0] for case in BAD_CALLS])
def test_bad_arguments(name, args, options):
    with pytest.raises(ValueError, match="received|must|would"):
        getattr(ops, name)(*args, **options)
