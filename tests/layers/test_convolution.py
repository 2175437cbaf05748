"""Convolution layers against Keras's."""

import itertools

import numpy as np
import pytest

import kerasish
from kerasish.core.symbolic import KerasTensor, compute_output_spec
from tests.layers.compare import assert_rejected, assert_same, keras

SIZES = {1: (8,), 2: (7, 6), 3: (4, 5, 4)}
KINDS = ["Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D",
         "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"]  # fmt: skip


def rank_of(kind):
    return int(kind[kind.index("D") - 1]) if not kind.startswith("Depth") else int(kind[-2])


def shape(rank, data_format, channels=4, batch=2):
    return (batch, *SIZES[rank], channels) if data_format != "channels_first" else (batch, channels, *SIZES[rank])


def draw_options(kind, draw):
    """Return random options that fit each other."""
    rng = np.random.default_rng([draw, KINDS.index(kind)])
    rank = rank_of(kind)

    def sizes(limit):
        return (
            int(rng.integers(1, limit + 1))
            if rng.random() < 0.3
            else [int(n) for n in rng.integers(1, limit + 1, rank)]
        )

    options = {
        "kernel_size": sizes(3),
        "padding": "valid" if draw % 2 else "same",
        "use_bias": bool(rng.random() < 0.8),
    }
    options["data_format"] = "channels_first" if rng.random() < 0.4 else "channels_last"
    options["activation"] = [None, "relu", "tanh"][int(rng.integers(3))]
    if rng.random() < 0.5:
        options["dilation_rate"] = int(rng.integers(1, 3))
    elif "Depthwise" in kind or "Separable" in kind:
        options["strides"] = int(rng.integers(1, 3))  # the backend takes equal strides only
    else:
        options["strides"] = sizes(3)
    if not kind.startswith("Depth"):
        options["filters"] = 6
    if kind in ("Conv1D", "Conv2D", "Conv3D"):
        options["groups"] = int(rng.choice([1, 2]))
    if kind == "Conv1D" and draw == 2:
        options["padding"] = "causal"
    if "Depthwise" in kind or "Separable" in kind:
        options["depth_multiplier"] = int(rng.integers(1, 4))
    if kind.endswith("Transpose") and rng.random() < 0.5 and np.min(options.get("strides", 1)) > 1:
        options["output_padding"] = 1
    return options


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("draw", range(3))
def test_random_options(kind, draw):
    options = draw_options(kind, draw)
    assert_same(kind, options, shape(rank_of(kind), options["data_format"]), training=[None])


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_by_position(kind):
    sizes = (2,) if kind.startswith("Depth") else (3, 2)
    assert_same(lambda lib: getattr(lib.layers, kind)(*sizes), None, shape(rank_of(kind), None), training=[None])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_causal_padding(data_format):
    options = {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "causal", "data_format": data_format}
    assert_same(
        "Conv1D",
        options,
        shape(1, data_format),
        symbolic=[(None, 4, None) if "first" in data_format else (None, None, 4)],
    )


@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose", "SeparableConv2D"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_unknown_sizes(kind, padding):
    options = {"filters": 2, "kernel_size": 3, "strides": 2, "padding": padding}
    assert_same(
        kind,
        options,
        shape(2, None),
        symbolic=[(None, None, None, 4), (2, 7, None, 4)],
        training=[None],
        gradients=False,
    )


@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"])
def test_half_precision_and_weight_options(kind):
    names = {"Depthwise": ["depthwise"], "Separable": ["depthwise", "pointwise"]}.get(kind[:9], ["kernel"])
    options = {"kernel_size": 2, "dtype": "mixed_bfloat16", "activity_regularizer": "l2", "bias_regularizer": "l1"}
    if "Depth" not in kind:
        options["filters"] = 3
    for name in names:
        options |= {f"{name}_regularizer": "l2", f"{name}_initializer": "he_normal", f"{name}_constraint": "max_norm"}
    _, layer = assert_same(kind, options, (2, 4, 4, 3), tolerance=1e-2)
    assert layer.compute_dtype == "bfloat16"


def test_lora():
    def make(lib):
        return lib.layers.Conv2D(4, 3, groups=2, lora_rank=2, lora_alpha=4)

    theirs, ours = assert_same(make, None, (2, 5, 5, 4))
    assert ours.lora_enabled
    stored = [{}, {}]
    for layer, store in zip((theirs, ours), stored, strict=True):
        layer.save_own_variables(store)
    for key in ("0", "1"):
        np.testing.assert_allclose(np.asarray(stored[1][key]), np.asarray(stored[0][key]), rtol=1e-5, atol=1e-6)


def test_positional_order_of_conv3d_transpose():
    def make(lib):
        return lib.layers.Conv3DTranspose(2, 2, 2, "same", "channels_first", 1)

    assert_same(make, None, (1, 3, 2, 3, 2), training=[None])


def test_other_names():
    from kerasish import layers

    for name in dir(keras.layers):
        if "Convolution" in name:
            assert getattr(layers, name).__name__ == getattr(keras.layers, name).__name__


BAD = [
    ({"filters": 0}, "filters"),
    ({"filters": -1}, "filters"),
    ({"filters": 2.5}, "filters"),
    ({"filters": None}, "filters"),
    ({"kernel_size": 0}, "kernel_size"),
    ({"kernel_size": (1, 2, 3)}, "kernel_size"),
    ({"kernel_size": 1.5}, "kernel_size"),
    ({"kernel_size": "3"}, "kernel_size"),
    ({"strides": 0}, "strides"),
    ({"strides": (1, -1)}, "strides"),
    ({"dilation_rate": 0}, "dilation_rate"),
    ({"strides": 2, "dilation_rate": 2}, "dilation_rate"),
    ({"padding": "causal"}, "padding"),
    ({"padding": 3}, "padding"),
    ({"data_format": "channels_middle"}, "data_format"),
    ({"activation": "no_such"}, "activation"),
    ({"groups": 0}, "groups"),
    ({"groups": 2}, "groups"),
    ({"groups": 3}, "groups"),
    ({"kernel_initializer": "no_such"}, "kernel_initializer"),
    ({"kernel_regularizer": "no_such"}, "kernel_regularizer"),
    ({"kernel_size": 6}, "kernel_size"),
    ({"kernel_size": 3, "dilation_rate": 3}, "dilation_rate"),
    ({"no_such": 1}, "no_such"),
]


@pytest.mark.parametrize(("options", "match"), BAD)
def test_bad_options(options, match):
    refused_by_us_only = (
        any(isinstance(value, (float, type(None))) for value in options.values()) or options.get("padding") == 3
    )
    for inputs in ((None, 5, 5, 4), (2, 5, 5, 4)):
        options = {"filters": 3, "kernel_size": 2, **options}
        assert_rejected("Conv2D", options, inputs, match=match, keras_too=not refused_by_us_only)


def test_bad_inputs():
    assert_rejected("Conv2D", {"filters": 2, "kernel_size": 2}, (2, 5, 5), match="ndim")
    assert_rejected("Conv2D", {"filters": 2, "kernel_size": 2}, (2, 5, 5, 5, 5), match="dimensions")
    assert_rejected("Conv2D", {"filters": 2, "kernel_size": 2}, (2, 5, 5, None), match="channels")
    assert_rejected("Conv2DTranspose", {"filters": 2, "kernel_size": 2, "output_padding": 1}, match="output_padding")
    assert_rejected("DepthwiseConv2D", {"kernel_size": 2, "depth_multiplier": 0}, match="depth_multiplier")

    def call_twice(lib):
        layer = lib.layers.Conv2D(2, 3)
        layer(np.ones((1, 5, 5, 3), "float32"))
        return layer

    assert_rejected(call_twice, None, (1, 5, 5, 4), match="value 3")
    assert_rejected(call_twice, None, (1, 2, 5, 3), match="empty", keras_too=False)


@pytest.mark.parametrize("name", ["Conv1D", "Conv2D", "Conv3D"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_symbolic_shapes_by_formula_are_those_of_tracing(name, data_format):
    rank = int(name[-2])
    for padding in ("valid", "same", "causal")[: 3 if rank == 1 else 2]:
        for strides, dilation_rate, size in itertools.product((1, 2, 3), (1, 2), (7, 8, None)):
            if strides > 1 and dilation_rate > 1:
                continue
            options = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
            layer = getattr(kerasish.layers, name)(4, 3, data_format=data_format, **options)
            spatial = (size,) * rank
            shape = (None, *spatial, 3) if data_format == "channels_last" else (None, 3, *spatial)
            outputs = layer(KerasTensor(shape))
            assert outputs.shape == compute_output_spec(layer.__call__, KerasTensor(shape)).shape, (options, shape)


def centred(library, kind):
    """Return the class of a convolution whose kernel is centred before each use."""
    ops = library.ops

    class Centred(getattr(library.layers, kind)):
        def convolution_op(self, inputs, kernel):
            kernel = ops.convert_to_tensor(kernel)
            return super().convolution_op(inputs, kernel - ops.mean(kernel))

    return Centred


@pytest.mark.parametrize("kind", ["Conv2D", "Conv3D"])
def test_convolution_op_can_be_overridden(kind):
    x = np.random.default_rng(0).normal(size=shape(rank_of(kind), None)).astype("float32")
    results = []
    for library in (keras, kerasish):
        layer = centred(library, kind)(4, 3, padding="same", activation="tanh")
        layer.build(x.shape)
        layer.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in layer.get_weights()])
        results.append(np.asarray(layer(x)))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5, atol=1e-5)
