"""Image layers draw and compute what Keras's do: values from the same seed, configs, dtypes, rejections."""

import copy

import jax
import numpy as np
import pytest

from kerasish import layers, ops
from kerasish.core.symbolic import KerasTensor
from tests.layers.compare import _compare_configs, assert_rejected, keras, make_pair

# Name and arguments, without the seed.
CASES = [
    ("Resizing", {"height": 5, "width": 7}),
    ("Resizing", {"height": 5, "width": 7, "interpolation": "nearest", "crop_to_aspect_ratio": True}),
    ("Resizing", {"height": 12, "width": 5, "interpolation": "bicubic", "antialias": True}),
    ("Resizing", {"height": 6, "width": 12, "pad_to_aspect_ratio": True, "fill_value": 3.0}),
    ("CenterCrop", {"height": 5, "width": 6}),
    ("CenterCrop", {"height": 12, "width": 6}),
    ("RandomCrop", {"height": 5, "width": 6}),
    ("RandomCrop", {"height": 12, "width": 9}),
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "horizontal"}),
    ("RandomFlip", {"mode": "vertical"}),
    ("RandomRotation", {"factor": 0.3}),
    ("RandomRotation", {"factor": (0.1, 0.2), "fill_mode": "constant", "fill_value": 9.0}),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": (-0.3, 0.1), "fill_mode": "wrap"}),
    ("RandomZoom", {"height_factor": 0.5}),
    ("RandomZoom", {"height_factor": (-0.4, 0.2), "width_factor": 0.2, "fill_mode": "nearest"}),
    ("RandomShear", {"x_factor": (0.0, 0.5), "y_factor": (0.1, 0.3)}),
    ("RandomPerspective", {"scale": 0.6, "fill_value": 2.0}),
    ("RandomElasticTransform", {}),
    ("RandomElasticTransform", {"scale": (0.7, 0.9), "fill_mode": "constant"}),
    ("RandomBrightness", {"factor": 0.4}),
    ("RandomBrightness", {"factor": (0.1, 0.3), "value_range": (0, 1)}),
    ("RandomContrast", {"factor": 0.5}),
    ("RandomSaturation", {"factor": 0.8}),
    ("RandomHue", {"factor": 0.7}),
    ("RandomHue", {"factor": (0.2, 0.9), "value_range": (0, 1)}),
    ("RandomColorDegeneration", {"factor": 0.6}),
    ("RandomGrayscale", {"factor": 0.5}),
    ("RandomInvert", {"factor": 0.9}),
    ("RandomPosterization", {"factor": 5}),
    ("RandomPosterization", {"factor": (3, 3), "value_range": (0, 1)}),
    (
        "RandomColorJitter",
        {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": 0.4, "hue_factor": 0.1},
    ),
    ("RandomGaussianBlur", {"kernel_size": (5, 3)}),
    ("RandomSharpness", {"factor": 0.9}),
    ("RandomErasing", {}),
    ("RandomErasing", {"fill_value": 7.0, "scale": (0.2, 0.5)}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": (0.2, 0.8)}),
    ("AutoContrast", {}),
    ("AutoContrast", {"value_range": (0, 1)}),
    ("Equalization", {}),
    ("Equalization", {"bins": 32}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3)}),
    ("CutMix", {"factor": 0.8}),
    ("MixUp", {"alpha": 0.5}),
    ("RandAugment", {}),
    ("RandAugment", {"num_ops": 3, "factor": 0.2}),
]
# Layers that draw from Python's generator in Keras, and have no seed, respectively.
CONFIG_ONLY = [
    ("AugMix", {"num_chains": 2}),
    ("MaxNumBoundingBoxes", {"max_number": 3}),
]
NO_SEED = {
    "Resizing", "CenterCrop", "AutoContrast", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization",
    "MaxNumBoundingBoxes",
}  # fmt: skip


def case_id(case):
    return "-".join([case[0], *map(str, case[1].values())]) if isinstance(case, tuple) else str(case)


def seeded(name, options, **more):
    return dict(options, **more) if name in NO_SEED else dict(options, seed=3, **more)


def image_batch(rng, options, shape=(4, 9, 8, 3)):
    low, high = options.get("value_range", (0, 255))
    return rng.uniform(low, high, shape).astype("float32")


def assert_close(actual, expected, what=""):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: {actual.shape}, in Keras {expected.shape}"
    assert actual.dtype == expected.dtype, f"{what}: {actual.dtype}, in Keras {expected.dtype}"
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * scale, err_msg=what)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_values_and_configs(case, rng):
    """The same seed gives Keras's values, call after call; configs are Keras's."""
    name, options = case
    pair = make_pair(name, seeded(name, options))
    _compare_configs(*pair)
    theirs, ours = pair
    for call in range(2):
        images = image_batch(rng, options)
        assert_close(ours(images), theirs(images, training=True), f"call {call}")


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES} - {"MixUp", "RandAugment", "RandomErasing"}))
def test_channels_first(name, rng):
    """Channels first give what channels last give; Keras itself confuses axes in some layers."""
    options = next(options for case, options in CASES if case == name)
    ours = getattr(layers, name)(**seeded(name, options, data_format="channels_last"))
    first = getattr(layers, name)(**seeded(name, options, data_format="channels_first"))
    images = image_batch(rng, options)
    expected = np.moveaxis(np.asarray(ours(images)), -1, 1)
    assert_close(first(np.moveaxis(images, -1, 1)), expected)


@pytest.mark.parametrize("case", CONFIG_ONLY, ids=case_id)
def test_configs(case):
    name, options = case
    _compare_configs(*make_pair(name, seeded(name, options)))


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES} - {"RandAugment"}))
def test_single_image_is_a_batch_of_one(name, rng):
    options = next(options for case, options in CASES if case == name)
    one, batch = (getattr(layers, name)(**seeded(name, options)) for _ in range(2))
    image = image_batch(rng, options)[0]
    np.testing.assert_allclose(one(image), batch(image[None])[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES} - NO_SEED - {"RandomCrop"}))
def test_inference_changes_nothing_and_draws_nothing(name, rng):
    options = next(options for case, options in CASES if case == name)
    layer = getattr(layers, name)(**seeded(name, options))
    images = image_batch(rng, options)
    before = np.asarray(layer.generator.state)
    np.testing.assert_array_equal(layer(images, training=False), images)
    np.testing.assert_array_equal(layer.generator.state, before)
    layer(images)
    assert np.asarray(layer.generator.state)[1] > before[1]


@pytest.mark.parametrize("name", ["RandomFlip", "RandomRotation", "RandomInvert", "RandomContrast", "Solarization"])
def test_bytes_become_floats(name, rng):
    """8-bit images give what the same numbers as floats give in Keras."""
    options = next(options for case, options in CASES if case == name)
    theirs, ours = make_pair(name, seeded(name, options))
    images = rng.integers(0, 256, (2, 8, 8, 3), dtype="uint8")
    assert_close(ours(images), theirs(images.astype("float32"), training=True))


def test_dtypes(rng):
    images = rng.integers(0, 256, (2, 8, 8, 3), dtype="uint8")
    assert layers.Resizing(4, 4)(images).dtype == "uint8"
    assert layers.RandomGrayscale()(images).dtype == "uint8"
    assert layers.RandomFlip(dtype="uint8")(images).dtype == "uint8"
    assert layers.RandomRotation(0.1, dtype="bfloat16")(images).dtype == "bfloat16"


def test_shear_config():
    """The config of a number, which Keras cannot read back, makes the same layer again."""
    layer = layers.RandomShear(0.5)
    assert layers.RandomShear.from_config(layer.get_config()).x_factor == layer.x_factor == (-0.5, 0.5)


def test_erasing_with_a_colour(rng):
    images = np.zeros((2, 8, 8, 3), "float32")
    erased = layers.RandomErasing((1.0, 1.0), (0.5, 0.9), fill_value=(1.0, 2.0, 3.0), seed=1)(images)
    np.testing.assert_array_equal(np.unique(np.asarray(erased).reshape(-1, 3), axis=0), [[0, 0, 0], [1, 2, 3]])


def test_symbolic_shapes():
    """Sizes follow from tracing, also with unknown batch."""
    for name, options in CASES:
        layer = getattr(layers, name)(**options)
        output = layer(KerasTensor((None, 8, 10, 3)))
        height, width = options.get("height", 8), options.get("width", 10)
        assert output.shape == (None, height, width, 3), name


def test_crop_at_inference(rng):
    """Outside training RandomCrop shows the largest window of the target's shape, as Keras documents."""
    images = rng.uniform(size=(2, 9, 12, 3)).astype("float32")
    expected = ops.image.resize(images[:, :, 1:11], (6, 7))
    np.testing.assert_allclose(layers.RandomCrop(6, 7)(images, training=False), expected, rtol=1e-5, atol=1e-6)


def test_gradient_and_outer_jit(rng):
    """Layers work under `jax.jit` and `jax.grad`, and inside models in training only."""
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    layer = layers.RandomRotation(0.2, seed=1)
    layer.build(images.shape)
    state = layer.generator.state.value

    def pure(state, images):
        return layer.stateless_call([], [state], images, training=True)

    outputs, (new_state,) = jax.jit(pure)(state, images)
    np.testing.assert_allclose(layer(images), outputs, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer.generator.state, new_state)
    gradient = jax.grad(lambda x: pure(state, x)[0].sum())(images)
    assert np.isfinite(gradient).all() and np.abs(gradient).sum() > 0


def test_in_a_model(rng):
    from kerasish import models

    images = rng.uniform(size=(4, 8, 8, 3)).astype("float32")
    model = models.Sequential([layers.Input((8, 8, 3)), layers.RandomFlip(seed=1), layers.RandomZoom(0.3, seed=2)])
    np.testing.assert_allclose(model.predict(images, verbose=0), images, rtol=1e-6)
    np.testing.assert_allclose(model(images, training=False), images, rtol=1e-6)
    assert np.abs(np.asarray(model(images, training=True)) - images).max() > 0.01


def test_copies_and_changed_attributes(rng):
    """A copy has a program and a random state of its own, and a changed attribute is noticed."""
    images = rng.uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    layer = layers.RandomInvert(factor=(1.0, 1.0), seed=1)
    np.testing.assert_allclose(layer(images), 255 - images)
    twin = copy.deepcopy(layer)
    twin.value_range = (0, 300)
    np.testing.assert_allclose(twin(images), 300 - images)
    np.testing.assert_allclose(layer(images), 255 - images)
    layer.value_range = (0, 256)
    np.testing.assert_allclose(layer(images), 256 - images)


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("Resizing", {"height": 0, "width": 3}, "height"),
        ("Resizing", {"height": 3, "width": 3, "interpolation": "cubist"}, "interpolation"),
        ("RandomRotation", {"factor": 1.5}, "factor"),
        ("RandomRotation", {"factor": "half"}, "factor"),
        ("RandomRotation", {"factor": 0.1, "fill_mode": "guess"}, "fill_mode"),
        ("RandomTranslation", {"height_factor": 2, "width_factor": 0}, "height_factor"),
        ("RandomZoom", {"height_factor": -1}, "height_factor"),
        ("RandomShear", {"x_factor": -0.1}, "x_factor"),
        ("RandomBrightness", {"factor": 2}, "factor"),
        ("RandomBrightness", {"factor": 0.1, "value_range": (1, 2, 3)}, "value_range"),
        ("RandomContrast", {"factor": (0.1, 0.2, 0.3)}, "factor"),
        ("RandomGrayscale", {"factor": 1.1}, "factor"),
        ("RandomPosterization", {"factor": 9}, "factor"),
        ("RandomGaussianBlur", {"kernel_size": 4}, "kernel_size"),
        ("RandomPerspective", {"scale": 1.2}, "scale"),
        ("Solarization", {"addition_factor": -0.5}, "addition_factor"),
        ("RandomFlip", {"mode": "sideways"}, "mode"),
        ("RandomErasing", {"fill_value": (1, 2)}, "fill_value"),
        ("MixUp", {"alpha": -1}, "alpha"),
        ("CutMix", {"data_format": "channels"}, "data_format"),
    ],
)
def test_rejected(name, options, match):
    assert_rejected(name, options, match=match, keras_too=False)


def test_rejected_rank():
    with pytest.raises(ValueError, match="rank 3"):
        layers.RandomFlip()(np.zeros((8, 8)))


def test_pipeline(rng):
    """A pipeline applies its layers in order, passes `training` on, and has Keras's config."""
    theirs, ours = make_pair(
        lambda lib: lib.layers.Pipeline(
            [lib.layers.RandomFlip(seed=1), lib.layers.Rescaling(0.5), lib.layers.AutoContrast()]
        )
    )
    _compare_configs(theirs, ours)
    images = rng.uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    for training in (True, False):
        assert_close(ours(images, training=training), theirs(images, training=training))
    with pytest.raises(ValueError, match="layers"):
        layers.Pipeline([1])


@pytest.mark.parametrize("name", ["RandAugment", "AugMix"])
def test_policies_stay_in_range(name, rng):
    images = rng.uniform(0, 255, (4, 8, 8, 3)).astype("float32")
    layer = getattr(layers, name)(seed=5)
    results = [np.asarray(layer(images)) for _ in range(6)]
    assert all(result.shape == images.shape and np.isfinite(result).all() for result in results)
    assert max(np.abs(result - images).max() for result in results) > 1
    if name == "AugMix":
        assert all(0 <= result.min() and result.max() <= 255 for result in results)
    again = getattr(layers, name)(seed=5)
    np.testing.assert_array_equal(again(images), results[0])


def test_an_absurd_strength_of_distortion_takes_no_memory():
    layer = layers.RandomElasticTransform(scale=(0.0, 1e12), seed=1)
    assert np.asarray(layer(np.ones((1, 6, 6, 3), "float32"), training=True)).shape == (1, 6, 6, 3)


def test_more_tiles_than_pixels_take_no_memory(rng):
    x = rng.uniform(0, 255, (1, 5, 6, 2)).astype("float32")
    tiles = layers.ContrastLimitedAdaptiveHistogramEqualization
    many, absurd = (tiles(tile_grid_size=(count, count))(x) for count in (12, 10**9))
    np.testing.assert_array_equal(many, absurd)
    np.testing.assert_allclose(
        many, keras.layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(12, 12))(x), 1e-5, 1e-3
    )


def test_keras_is_the_oracle():
    assert keras.backend.backend() == "jax"
