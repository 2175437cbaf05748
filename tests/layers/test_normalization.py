"""Normalization layers against Keras's."""

import jax
import numpy as np
import pytest

from kerasish import layers
from tests.layers.compare import assert_rejected, assert_same, keras

MASK = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1]], bool)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (5, 3)),
        ({"axis": 1}, (2, 3, 4, 2)),
        ({"axis": -2, "momentum": 0.5, "epsilon": 0.1}, (3, 4, 2)),
        ({"center": False}, (5, 3)),
        ({"scale": False, "beta_initializer": "ones", "beta_regularizer": "l2", "beta_constraint": "non_neg"}, (5, 3)),
        ({"moving_mean_initializer": "ones", "gamma_regularizer": "l1", "trainable": False}, (5, 3)),
        ({"dtype": "mixed_bfloat16"}, (4, 2, 3)),
        ({"renorm": True}, (5, 3)),
        ({"renorm": True, "renorm_clipping": {"rmax": 1.1, "rmin": 0.9, "dmax": 0.2}, "renorm_momentum": 0.8}, (5, 3)),
        ({"renorm": True, "scale": False, "center": False, "momentum": 0.7}, (5, 3)),
    ],
)
def test_batch_normalization(options, shape):
    assert_same("BatchNormalization", options, shape)


@pytest.mark.parametrize("options", [{}, {"axis": 2}, {"center": False, "scale": False}])
def test_batch_normalization_with_mask(options):
    assert_same("BatchNormalization", options, (3, 4, 2), masks=[MASK])


def test_batch_normalization_moves_its_statistics():
    x = np.random.default_rng(0).normal(2, 3, (50, 4)).astype("float32")
    ours, theirs = layers.BatchNormalization(momentum=0.8), keras.layers.BatchNormalization(momentum=0.8)
    for _ in range(3):
        np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-5)
    before = np.array(ours.moving_mean)
    ours.trainable = False
    theirs.trainable = False
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(ours.moving_mean, before)


def test_synchronized_statistics_are_those_of_the_batch():
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    outputs = layers.BatchNormalization(synchronized=True)(x, training=True)
    np.testing.assert_allclose(outputs, layers.BatchNormalization()(x, training=True), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (2, 3, 4)),
        ({"axis": 1}, (2, 3, 4)),
        ({"axis": (-1, -2), "epsilon": 0.1}, (2, 3, 4)),
        ({"axis": [1, 3]}, (2, 3, 4, 2)),
        ({"center": False}, (2, 4)),
        ({"scale": False, "beta_regularizer": "l2"}, (2, 4)),
        ({"dtype": "mixed_bfloat16"}, (2, 3, 4)),
        ({"dtype": "mixed_float16", "gamma_constraint": "unit_norm"}, (2, 4)),
    ],
)
def test_layer_normalization(options, shape):
    theirs, ours = assert_same("LayerNormalization", options, shape, masks=[MASK[:2, :3]] if len(shape) == 3 else None)
    assert ours.get_config()["axis"] == theirs.get_config()["axis"]


@pytest.mark.filterwarnings("ignore:.*rms_scaling.*")
@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_layer_normalization_with_rms_scaling(axis):
    assert_same("LayerNormalization", {"rms_scaling": True, "axis": axis}, (2, 3, 4))


def test_rms_scaling_warns():
    with pytest.warns(UserWarning, match="RMSNormalization"):
        layers.LayerNormalization(rms_scaling=True)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"groups": 2}, (2, 3, 4)),
        ({"groups": -1}, (2, 3, 4, 2)),
        ({"groups": 1, "epsilon": 0.1}, (2, 4)),
        ({"groups": 3, "axis": 1, "beta_initializer": "ones", "gamma_regularizer": "l2"}, (2, 6, 4, 3)),
        ({"groups": 2, "axis": -2}, (2, 3, 4, 3)),
        ({"groups": 2, "center": False}, (2, 3, 4)),
        ({"groups": 2, "scale": False}, (2, 3, 4)),
        ({"groups": 2, "dtype": "mixed_bfloat16"}, (2, 3, 4)),
    ],
)
def test_group_normalization(options, shape):
    more = [(None, None, 4)] if shape == (2, 3, 4) else True
    assert_same("GroupNormalization", options, shape, symbolic=more)


@pytest.mark.parametrize(
    ("kind", "options", "shape"),
    [
        ("RMSNormalization", {}, (2, 3, 4)),
        ("RMSNormalization", {"axis": (1, 2), "epsilon": 0.1}, (2, 3, 4)),
        ("RMSNormalization", {"dtype": "mixed_bfloat16"}, (2, 4)),
        ("UnitNormalization", {}, (2, 3, 4)),
        ("UnitNormalization", {"axis": [1, 2]}, (2, 3, 4)),
        ("UnitNormalization", {"axis": 1, "dtype": "mixed_bfloat16"}, (2, 3, 4)),
    ],
)
def test_root_mean_square_and_unit_length(kind, options, shape):
    assert_same(kind, options, shape, training=[None])


def test_unit_normalization_passes_masks():
    assert_same("UnitNormalization", {}, (3, 4, 2), masks=[MASK], training=[None])


@pytest.mark.parametrize(
    ("inner", "inputs"),
    [
        (lambda lib: lib.layers.Dense(3), (4, 5)),
        (lambda lib: lib.layers.Conv2D(3, 2, use_bias=False), (2, 4, 4, 2)),
        (lambda lib: lib.layers.Embedding(6, 3), np.array([[1, 2], [5, 0]])),
    ],
)
@pytest.mark.parametrize("power_iterations", [1, 3])
def test_spectral_normalization(inner, inputs, power_iterations):
    def make(lib):
        return lib.layers.SpectralNormalization(inner(lib), power_iterations=power_iterations)

    # Embedding gives floats for integers, which the wrapper casts to the type of its inputs.
    is_float = isinstance(inputs, tuple)
    assert_same(make, None, inputs, gradients=is_float)


def test_spectral_normalization_finds_the_largest_singular_value():
    layer = layers.SpectralNormalization(layers.Dense(4), power_iterations=20)
    x = np.ones((2, 6), "float32")
    layer.build((None, 6))
    before = np.array(layer.kernel)
    layer(x, training=True)
    np.testing.assert_allclose(layer.kernel, before / np.linalg.norm(before, 2), rtol=1e-3, atol=1e-4)
    layer.kernel.assign(np.zeros((6, 4), "float32"))
    assert not np.isnan(layer(x, training=True)).any()


def test_tracing_leaves_no_tracers():
    layer = layers.BatchNormalization()
    layer.build((None, 3))
    jax.eval_shape(lambda v, x: layer.stateless_call(*v, x, training=True),
                   ([w.value for w in layer.trainable_variables], [w.value for w in layer.non_trainable_variables]),
                   jax.ShapeDtypeStruct((4, 3), "float32"))  # fmt: skip
    np.testing.assert_array_equal(layer.moving_mean, np.zeros(3))


@pytest.mark.parametrize(
    ("kind", "options", "inputs", "match"),
    [
        ("BatchNormalization", {"axis": 3}, (2, 3, 4), "axis"),
        ("BatchNormalization", {}, (None, 3, None), "axis"),
        ("BatchNormalization", {"gamma_initializer": "no_such"}, (), "gamma_initializer"),
        ("BatchNormalization", {"renorm": True, "renorm_clipping": {"max": 1}}, (), "renorm_clipping"),
        ("BatchNormalization", {"renorm": True, "renorm_clipping": {"rmax": 1, "rmin": 2}}, (), "renorm_clipping"),
        ("LayerNormalization", {"axis": "last"}, (), "axis"),
        ("LayerNormalization", {"axis": 4}, (2, 3), "axis"),
        ("GroupNormalization", {"groups": 0}, (), "groups"),
        ("GroupNormalization", {"groups": 2.5}, (), "groups"),
        ("GroupNormalization", {"groups": 3}, (2, 4), "groups"),
        ("GroupNormalization", {"groups": 8}, (2, 4), "groups"),
        ("GroupNormalization", {"groups": 2}, (None, 3, None), "axis"),
        ("UnitNormalization", {"axis": {"axis": 1}}, (), "axis"),
        ("RMSNormalization", {"axis": 4}, (2, 3), "axis"),
    ],
)
def test_bad_options(kind, options, inputs, match):
    # Keras has an IndexError for axes that do not exist.
    keras_too = options.get("axis") not in (3, 4)
    assert_rejected(kind, options, *([inputs] if inputs else []), match=match, keras_too=keras_too)


def test_bad_inputs():
    assert_rejected(lambda lib: lib.layers.SpectralNormalization(lib.layers.ReLU()), None, (2, 3), match="kernel")
    assert_rejected(lambda lib: lib.layers.SpectralNormalization(3), match="layer")

    def zero_iterations(lib):
        return lib.layers.SpectralNormalization(lib.layers.Dense(2), power_iterations=0)

    assert_rejected(zero_iterations, match="power_iterations")

    def masked(lib):
        return lambda x: lib.layers.BatchNormalization()(x, training=True, mask=np.ones((3,), bool))

    assert_rejected(masked, None, (3, 4, 2), match="mask")
