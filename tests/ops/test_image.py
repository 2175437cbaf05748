"""`ops.image` against Keras."""

import numpy as np
import pytest

import kerasish.ops as ops
from kerasish.core.symbolic import KerasTensor

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(4)
IMAGES = RNG.random((2, 8, 6, 3)).astype("float32")
FIRST = np.moveaxis(IMAGES, -1, 1).copy()
BYTES = (IMAGES * 255).astype("uint8")
VOLUMES = RNG.random((2, 4, 6, 4, 2)).astype("float32")
AFFINE = np.array([[1.1, 0.2, -1.0, -0.1, 0.9, 0.5, 0, 0], [0.8, 0, 1.0, 0.3, 1.2, -1.0, 0, 0]], "float32")
START = np.array([[[0, 0], [5, 0], [0, 7], [5, 7]]] * 2, "float32")
END = START + RNG.normal(size=START.shape).astype("float32") * 0.5

CALLS = [
    ("rgb_to_grayscale", (IMAGES,), {"grad": True}),
    ("rgb_to_grayscale", (FIRST,), {"data_format": "channels_first"}),
    ("rgb_to_grayscale", (BYTES,), {}),
    ("rgb_to_grayscale", (BYTES[0],), {"unknown": False}),
    ("rgb_to_hsv", (IMAGES,), {"grad": True}),
    ("rgb_to_hsv", (FIRST,), {"data_format": "channels_first"}),
    ("rgb_to_hsv", (np.round(IMAGES),), {}),
    ("hsv_to_rgb", (IMAGES,), {"grad": True}),
    ("hsv_to_rgb", (FIRST[0],), {"data_format": "channels_first", "unknown": False}),
    ("resize", (IMAGES, (5, 9)), {"grad": True}),
    ("resize", (IMAGES, (5, 3)), {"interpolation": "bicubic", "antialias": True}),
    ("resize", (IMAGES, (16, 3)), {"interpolation": "nearest"}),
    ("resize", (IMAGES, (5, 5)), {"interpolation": "lanczos3"}),
    ("resize", (BYTES, (5, 9)), {"interpolation": "bicubic"}),
    ("resize", (BYTES[0], (5, 9)), {"unknown": False}),
    ("resize", (FIRST, (5, 9)), {"data_format": "channels_first"}),
    ("resize", (IMAGES, (5, 5)), {"crop_to_aspect_ratio": True}),
    ("resize", (IMAGES, (4, 9)), {"crop_to_aspect_ratio": True}),
    ("resize", (IMAGES, (5, 5)), {"pad_to_aspect_ratio": True, "fill_value": 2.0}),
    ("resize", (IMAGES, (9, 4)), {"pad_to_aspect_ratio": True}),
    ("resize", (FIRST, (9, 4)), {"pad_to_aspect_ratio": True, "data_format": "channels_first"}),
    ("affine_transform", (IMAGES, AFFINE), {"unknown": False}),
    ("affine_transform", (IMAGES, AFFINE), {"interpolation": "nearest", "fill_mode": "reflect"}),
    ("affine_transform", (FIRST[0], AFFINE[0]), {"data_format": "channels_first", "fill_value": 3.0, "unknown": False}),
    ("affine_transform", (BYTES, AFFINE), {"fill_mode": "wrap"}),
    ("perspective_transform", (IMAGES, START, END), {"tolerance": 1e-4}),
    ("perspective_transform", (IMAGES[0], START[0], END[0]), {"fill_value": 1.0, "unknown": False, "tolerance": 1e-4}),
    ("perspective_transform", (FIRST, START, END),
     {"interpolation": "nearest", "data_format": "channels_first", "unknown": False}),
    ("extract_patches", (IMAGES, 3), {"grad": True}),
    ("extract_patches", (IMAGES, (3, 2)), {"strides": (1, 2), "padding": "same"}),
    ("extract_patches", (IMAGES[0], 2), {"dilation_rate": 2, "strides": 1, "unknown": False}),
    ("extract_patches", (FIRST, 2), {"data_format": "channels_first"}),
    ("extract_patches", (VOLUMES, (2, 3, 2)), {}),
    ("extract_patches_3d", (VOLUMES, 2), {"strides": (1, 2, 2)}),
    ("map_coordinates", (IMAGES[0, :, :, 0], RNG.random((2, 5)).astype("float32") * 8, 1), {"unknown": False}),
    ("map_coordinates", (IMAGES[0, :, :, 0], RNG.random((2, 5)).astype("float32") * 12 - 2, 0),
     {"fill_mode": "mirror", "unknown": False}),
    ("pad_images", (IMAGES, 1, 2, 3, 4), {"grad": True}),
    ("pad_images", (FIRST, 1, 2), {"target_height": 12, "target_width": 9, "data_format": "channels_first"}),
    ("pad_images", (IMAGES[0],), {"bottom_padding": 1, "right_padding": 0, "target_height": 10, "target_width": 9,
                                  "unknown": False}),
    ("crop_images", (IMAGES, 1, 2, 3, 1), {"grad": True}),
    ("crop_images", (FIRST, 1, 2), {"target_height": 5, "target_width": 3, "data_format": "channels_first"}),
    ("crop_images", (IMAGES[0],), {"bottom_cropping": 1, "right_cropping": 0, "target_height": 4, "target_width": 3,
                                   "unknown": False}),
    ("gaussian_blur", (IMAGES,), {"data_format": "channels_last", "grad": True}),
    ("gaussian_blur", (FIRST, (5, 3), (0.7, 2.0)), {"data_format": "channels_first"}),
    ("scale_and_translate",
     (IMAGES, (2, 10, 9, 3), np.array([1.2, 1.5], "float32"), np.array([0.5, -1.0], "float32"), (1, 2), "linear"),
     {"unknown": False, "grad": True}),
    ("sobel_edges", (IMAGES,), {"grad": True}),
    ("sobel_edges", (FIRST,), {"data_format": "channels_first"}),
    ("ssim", (IMAGES, IMAGES[::-1].copy()), {"filter_size": 5, "grad": True}),
    ("ssim", (FIRST, FIRST * 0.9), {"filter_size": 3, "max_val": 2.0, "data_format": "channels_first"}),
    ("ssim", (IMAGES[0], IMAGES[1]), {"filter_size": 5, "unknown": False}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=[f"{i}-{case[0]}" for i, case in enumerate(CALLS)])
def test_calls(check, name, args, options):
    check(f"image.{name}", *args, **{"tolerance": 2e-5 if args[0].dtype == "float32" else None, **options})


def test_resizing_of_unknown_sizes():
    assert ops.image.resize(KerasTensor((None, None, None, 3)), (5, 7)).shape == (None, 5, 7, 3)
    assert ops.image.crop_images(KerasTensor((None, None, 8, 3)), 1, 1, 1, 1).shape == (None, None, 6, 3)


def test_affine_transform_is_projective():
    """Keras on JAX multiplies the last two coefficients by the channel's index; they are those of the perspective."""
    transform = np.array([1.0, 0.1, 0.5, 0.0, 0.9, 0.2, 0.02, 0.01], "float32")
    output = np.array([[0, 0], [5, 0], [0, 7], [5, 7]], "float32")
    k = output @ transform[6:] + 1
    read = (output @ transform[:6].reshape(2, 3)[:, :2].T + transform[[2, 5]]) / k[:, None]
    expected = ops.image.perspective_transform(IMAGES[0], read, output)
    np.testing.assert_allclose(ops.image.affine_transform(IMAGES[0], transform), expected, atol=1e-4)


def test_elastic_transform():
    """Keras 3.15 draws both directions from one seed and so moves pixels along the diagonal alone: not an oracle."""
    same = ops.image.elastic_transform(IMAGES, alpha=0.0, seed=1)
    np.testing.assert_allclose(same, IMAGES, atol=1e-6)
    moved = ops.image.elastic_transform(IMAGES, alpha=3.0, sigma=1.0, seed=1)
    assert moved.shape == IMAGES.shape
    assert np.abs(moved - IMAGES).max() > 0.05
    np.testing.assert_array_equal(moved, ops.image.elastic_transform(IMAGES, alpha=3.0, sigma=1.0, seed=1))
    single = ops.image.elastic_transform(FIRST[0], data_format="channels_first", interpolation="nearest", seed=1)
    assert single.shape == FIRST[0].shape


def test_gaussian_blur_follows_the_default_layout():
    """Keras 3.15 on JAX takes data_format=None for channels_first here."""
    np.testing.assert_array_equal(
        ops.image.gaussian_blur(IMAGES), ops.image.gaussian_blur(IMAGES, data_format="channels_last")
    )


BAD_CALLS = [
    (ValueError, "rgb_to_grayscale", (IMAGES[0, 0],), {}),
    (ValueError, "rgb_to_grayscale", (IMAGES[..., :2],), {}),
    (ValueError, "rgb_to_hsv", (BYTES,), {}),
    (ValueError, "resize", (IMAGES, (3,)), {}),
    (ValueError, "resize", (IMAGES, (3, 0)), {}),
    (ValueError, "resize", (IMAGES, (3, 3)), {"interpolation": "linear"}),
    (ValueError, "resize", (IMAGES, (3, 3)), {"fill_mode": "wrap"}),
    (ValueError, "resize", (IMAGES, (3, 3)), {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}),
    (ValueError, "affine_transform", (IMAGES, AFFINE[:, :6]), {}),
    (ValueError, "affine_transform", (IMAGES, AFFINE), {"interpolation": "cubic"}),
    (ValueError, "affine_transform", (IMAGES, AFFINE), {"fill_mode": "none"}),
    (ValueError, "perspective_transform", (IMAGES, START[:, :3], END[:, :3]), {}),
    (TypeError, "extract_patches", (IMAGES, "3"), {}),
    (ValueError, "extract_patches", (IMAGES, (1, 2, 3, 4)), {}),
    (ValueError, "map_coordinates", (IMAGES, AFFINE, 1), {}),
    (ValueError, "map_coordinates", (IMAGES[0, 0], AFFINE, 3), {}),
    (ValueError, "pad_images", (IMAGES, 1, 1), {}),
    (ValueError, "pad_images", (IMAGES, -1, 1, 1, 1), {}),
    (ValueError, "crop_images", (IMAGES, 1, 1, 1, 1, 6), {}),
    (ValueError, "crop_images", (IMAGES, 5, 1, 5, 1), {}),
    (ValueError, "scale_and_translate", (IMAGES, IMAGES.shape, [1.0], [0.0], (1,), "none"), {}),
    (ValueError, "sobel_edges", (IMAGES[0],), {}),
]


@pytest.mark.parametrize(("error", "name", "args", "options"), BAD_CALLS, ids=[case[1] for case in BAD_CALLS])
def test_bad_arguments(error, name, args, options):
    with pytest.raises(error, match="received|must|Expected"):
        getattr(ops.image, name)(*args, **options)
