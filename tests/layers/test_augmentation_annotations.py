"""Image layers change labels, bounding boxes and segmentation masks as Keras does, or with the images where it errs."""

import numpy as np
import pytest

from kerasish import layers
from kerasish.core import tree
from kerasish.core.symbolic import KerasTensor
from kerasish.utils import bounding_boxes as own_boxes
from tests.layers.compare import keras, make_pair

FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip
# Layers whose boxes Keras computes right, at least in the format "xyxy".
MOVERS = [
    ("Resizing", {"height": 6, "width": 20}),
    ("Resizing", {"height": 6, "width": 20, "pad_to_aspect_ratio": True}),
    ("CenterCrop", {"height": 10, "width": 8}),
    ("CenterCrop", {"height": 24, "width": 30}),
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "horizontal"}),
    ("RandomRotation", {"factor": 0.1}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.2}),
    ("RandomZoom", {"height_factor": (-0.3, 0.3), "width_factor": 0.2}),
    ("RandomShear", {"x_factor": (0.0, 0.3), "y_factor": (0.0, 0.3)}),
    ("RandomPerspective", {"scale": 0.3}),
    ("RandomBrightness", {"factor": 0.2}),
    ("MaxNumBoundingBoxes", {"max_number": 2}),
    ("MaxNumBoundingBoxes", {"max_number": 5}),
]


def example(rng, count=4):
    """Return images of 16x14 with boxes well inside, one-hot labels and masks."""
    corners = rng.uniform(2, 6, (count, 3, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(2, 5, (count, 3, 2))], axis=-1)
    return {
        "images": rng.uniform(0, 255, (count, 16, 14, 3)).astype("float32"),
        "labels": np.eye(count, dtype="float32"),
        "bounding_boxes": {
            "boxes": boxes.astype("float32"),
            "labels": rng.integers(0, 9, (count, 3), dtype="int32"),
        },
        "segmentation_masks": rng.integers(0, 4, (count, 16, 14, 1)).astype("float32"),
    }


def copied(data):
    return {k: copied(v) if isinstance(v, dict) else v for k, v in data.items()}


def assert_same_data(actual, expected, path="data"):
    if isinstance(expected, dict):
        assert sorted(actual) == sorted(expected), path
        for key in expected:
            assert_same_data(actual[key], expected[key], f"{path}.{key}")
        return
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{path}: {actual.shape}, in Keras {expected.shape}"
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=2e-3, err_msg=path)


@pytest.mark.parametrize("case", MOVERS, ids=lambda case: "-".join([case[0], *map(str, case[1].values())]))
def test_dicts(case, rng):
    """All entries of a dict are those of Keras; the dict given stays as it is."""
    name, options = case
    seed = {} if name in ("Resizing", "CenterCrop", "MaxNumBoundingBoxes") else {"seed": 7}
    theirs, ours = make_pair(name, options | seed | {"bounding_box_format": "xyxy"})
    data = example(rng)
    before = {key: np.copy(value) for key, value in data["bounding_boxes"].items()}
    for training in (True, False):
        outputs = ours(data, training=training)
        assert_same_data(outputs, theirs(copied(data), training=training))
    for key, value in before.items():
        np.testing.assert_array_equal(data["bounding_boxes"][key], value)


@pytest.mark.parametrize(
    "name", ["RandomRotation", "RandomPerspective", "RandomShear", "RandomZoom", "RandomTranslation"]
)
def test_every_format_moves_alike(name, rng):
    """Boxes in any format go where those in corners go."""
    options = next(options for case, options in MOVERS if case == name)
    data = example(rng)
    corners = getattr(layers, name)(seed=1, bounding_box_format="xyxy", **options)(data)["bounding_boxes"]
    for box_format in ("rel_xywh", "center_yxhw"):
        converted = own_boxes.convert_format(data["bounding_boxes"], "xyxy", box_format, 16, 14)
        layer = getattr(layers, name)(seed=1, bounding_box_format=box_format, **options)
        moved = layer({**data, "bounding_boxes": converted})["bounding_boxes"]
        back = own_boxes.convert_format(moved, box_format, "xyxy", 16, 14)
        np.testing.assert_allclose(back["boxes"], corners["boxes"], rtol=1e-3, atol=1e-3)


def test_random_crop_boxes(rng):
    """A box keeps its contents: x moves by the left, y by the top of the window."""
    data = example(rng)
    layer = layers.RandomCrop(12, 11, seed=2, bounding_box_format="xyxy")
    top, left, *_ = (int(x) for x in layers.RandomCrop(12, 11, seed=2).get_random_transformation(data))
    moved = layer(data)
    np.testing.assert_allclose(moved["images"], data["images"][:, top : top + 12, left : left + 11], rtol=1e-6)
    shifted = data["bounding_boxes"]["boxes"] - np.array([left, top, left, top])
    expected = np.clip(shifted, 0, [11, 12, 11, 12])
    np.testing.assert_allclose(moved["bounding_boxes"]["boxes"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), [("CutMix", {"factor": 0.8}), ("MixUp", {"alpha": 0.5})])
def test_mixing(name, options, rng):
    theirs, ours = make_pair(name, options | {"seed": 7})
    data = example(rng)
    data = {key: data[key] for key in ("images", "labels")}
    assert_same_data(ours(data), theirs(copied(data), training=True))
    # A constant image shows the weights, which are those of its label and mask.
    images = np.broadcast_to(np.arange(4, dtype="float32")[:, None, None, None], (4, 16, 14, 3))
    outputs = ours({"images": images, "labels": np.arange(4, dtype="float32"), "segmentation_masks": images[..., :1]})
    np.testing.assert_allclose(outputs["segmentation_masks"][..., 0], outputs["images"][..., 0], rtol=1e-5)
    if name == "MixUp":
        np.testing.assert_allclose(outputs["labels"], outputs["images"][:, 0, 0, 0], rtol=1e-5)
        boxes = layers.MixUp(seed=1, bounding_box_format="xyxy")(example(rng))["bounding_boxes"]
        assert boxes["boxes"].shape == (4, 6, 4) and boxes["labels"].shape == (4, 6)
    else:
        with pytest.raises(NotImplementedError, match="bounding boxes"):
            layers.CutMix(bounding_box_format="xyxy")(example(rng))


def test_masks_move_with_images(rng):
    """Image and mask of the same values, both read at the nearest pixel, stay the same."""
    values = rng.integers(0, 9, (3, 12, 12, 1)).astype("float32")
    for layer in (
        layers.RandomElasticTransform(interpolation="nearest", seed=1),
        layers.RandomPerspective(interpolation="nearest", seed=1),
    ):
        three = np.repeat(values, 3, axis=-1)
        outputs = layer({"images": three, "segmentation_masks": three})
        np.testing.assert_allclose(outputs["images"], outputs["segmentation_masks"], atol=1e-5)
        assert set(np.unique(outputs["segmentation_masks"])) <= set(np.unique(values))


def test_policies_with_all_entries(rng):
    """Symbolic data comes out in the same shapes and, for what is not mixed, dtypes."""
    data = example(rng)
    for layer in (
        layers.RandAugment(bounding_box_format="xyxy"),
        layers.AugMix(num_chains=2, bounding_box_format="xyxy"),
    ):
        given = tree.map_structure(lambda x: KerasTensor((None, *x.shape[1:]), str(x.dtype)), data)
        shapes = tree.map_structure(lambda x: (x.shape, x.dtype), layer(given))
        assert shapes == tree.map_structure(lambda x: (x.shape, x.dtype), given)


def test_lists_of_boxes_and_single_images(rng):
    """Lists of different lengths are filled up; other entries pass; a single image has boxes without a batch axis."""
    layer = layers.RandomBrightness(0.1, bounding_box_format="xyxy")
    images = np.zeros((2, 8, 8, 3), "float32")
    boxes = {"boxes": [[[1, 2, 3, 4]], [[1, 2, 3, 4], [2, 3, 4, 5]]], "labels": [[1], [2, 3]]}
    outputs = layer({"images": images, "bounding_boxes": boxes, "name": "holiday"})
    assert outputs["name"] == "holiday"
    np.testing.assert_array_equal(outputs["bounding_boxes"]["labels"], [[1, -1], [2, 3]])
    np.testing.assert_array_equal(outputs["bounding_boxes"]["boxes"][0, 1], np.zeros(4))
    flip = layers.RandomFlip(bounding_box_format="xyxy", seed=1)
    one = flip({"images": images[0], "bounding_boxes": {"boxes": np.ones((2, 4)), "labels": np.ones(2, "int32")}})
    assert one["bounding_boxes"]["boxes"].shape == (2, 4) and one["images"].shape == (8, 8, 3)


def test_rejected_annotations():
    images = np.zeros((2, 8, 8, 3), "float32")
    boxes = {"boxes": np.zeros((2, 1, 4)), "labels": np.zeros((2, 1))}
    with pytest.raises(ValueError, match="bounding_box_format"):
        layers.RandomFlip()({"images": images, "bounding_boxes": boxes})
    flip = layers.RandomFlip(bounding_box_format="xyxy")
    with pytest.raises(ValueError, match="'boxes' and 'labels'"):
        flip({"images": images, "bounding_boxes": {"boxes": boxes["boxes"]}})
    with pytest.raises(ValueError, match="as many"):
        flip({"images": images, "bounding_boxes": {"boxes": [[[0, 0, 1, 1]]], "labels": []}})
    with pytest.raises(ValueError, match="images"):
        flip({"pictures": images})


# Functions of boxes


@pytest.mark.parametrize("source", FORMATS)
def test_convert_format(source, rng):
    theirs = keras.utils.bounding_boxes
    boxes = rng.uniform(0.1, 0.9, (2, 3, 4)).astype("float32")
    for target in FORMATS:
        expected = theirs.convert_format(boxes, source, target, height=12, width=20)
        actual = own_boxes.convert_format(boxes, source, target, height=12, width=20)
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5, err_msg=target)


def test_box_functions(rng):
    theirs = keras.utils.bounding_boxes
    corner = rng.uniform(0, 8, (2, 2, 5, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 6, (2, 2, 5, 2))], axis=-1).astype("float32")
    first, second = boxes
    batch = rng.uniform(-0.2, 0.2, (6, 2)).astype("float32")
    cases = {
        "clip_to_image_size": lambda lib: lib.clip_to_image_size({"boxes": first}, 6, 7)["boxes"],
        "crop": lambda lib: lib.crop(first, 2, 1, 6, 5),
        "pad": lambda lib: lib.pad(first, 2, 1),
        "compute_iou": lambda lib: lib.compute_iou(first, second, "xyxy"),
        "compute_iou of one": lambda lib: lib.compute_iou(first[0], second[0], "yxyx"),
        "compute_ciou": lambda lib: lib.compute_ciou(first, second, "xyxy"),
        "encode": lambda lib: lib.encode_box_to_deltas(first, second, "xyxy", "xywh", variance=[0.1, 0.1, 0.2, 0.2]),
        "decode": lambda lib: lib.decode_deltas_to_boxes(first, second / 9, "xyxy", "rel_xyxy", image_shape=(9, 8, 3)),
        "affine": lambda lib: lib.affine_transform(
            first, keras.ops.array(batch[0] * 100), keras.ops.array(batch[1]), keras.ops.array(batch[2]),
            keras.ops.array(1 + batch[3]), keras.ops.array(batch[4] * 50), keras.ops.array(batch[5] * 50), 16, 12,
        ),
    }  # fmt: skip
    for name, case in cases.items():
        np.testing.assert_allclose(case(own_boxes), case(theirs), rtol=1e-4, atol=1e-4, err_msg=name)
    negative = first.copy()
    negative[:, 0] = -1
    masked = [lib.compute_iou(negative, second, "xyxy", use_masking=True)[:, :1] for lib in (own_boxes, theirs)]
    np.testing.assert_allclose(*masked, rtol=1e-5)
    decoded = own_boxes.decode_deltas_to_boxes(
        first, own_boxes.encode_box_to_deltas(first, second, "xyxy", "xyxy"), "xyxy", "xyxy"
    )
    np.testing.assert_allclose(decoded, second, rtol=1e-4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: own_boxes.convert_format(np.zeros((2, 4)), "xyxy", "yyxx"),
        lambda: own_boxes.convert_format(np.zeros((2, 3)), "xyxy", "yxyx"),
        lambda: own_boxes.convert_format(np.zeros((2, 4)), "xyxy", "rel_xyxy"),
        lambda: own_boxes.clip_to_image_size({"boxes": np.zeros((2, 4))}),
        lambda: own_boxes.crop(np.zeros((2, 4)), 0, 0, 1, 1, bounding_box_format="xywh"),
        lambda: own_boxes.compute_iou(np.zeros(4), np.zeros(4), "xyxy"),
        lambda: own_boxes.compute_ciou(np.zeros((1, 4)), np.zeros((1, 4)), "rel_xyxy"),
        lambda: own_boxes.encode_box_to_deltas(np.zeros((1, 4)), np.zeros((1, 4)), "xyxy", "xyxy", variance=[1.0]),
    ],
)
def test_rejected_boxes(call):
    with pytest.raises(ValueError):
        call()
