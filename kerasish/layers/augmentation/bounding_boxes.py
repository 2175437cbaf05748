"""Bounding boxes: formats, clipping, moving and overlaps.

Boxes are arrays of shape `(..., boxes, 4)`, or dicts `{"boxes": ..., "labels": ...}`. The last axis holds, by format:

* `xyxy`: left, top, right, bottom; `yxyx`: top, left, bottom, right;
* `xywh`: left, top, width, height;
* `center_xywh`: center x, center y, width, height; `center_yxhw`: center y, center x, height, width;
* `rel_xyxy`, `rel_yxyx`, `rel_xywh`, `rel_center_xywh`: the same in fractions of the image's width and height.

The functions return new arrays and dicts and leave what they are given as it is.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.config import epsilon
from kerasish.core.dtypes import standardize_dtype

FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip

_TO_CORNERS: dict[str, Callable] = {
    "xyxy": lambda x1, y1, x2, y2: (x1, y1, x2, y2),
    "yxyx": lambda y1, x1, y2, x2: (x1, y1, x2, y2),
    "xywh": lambda x, y, w, h: (x, y, x + w, y + h),
    "center_xywh": lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
    "center_yxhw": lambda y, x, h, w: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
}
_FROM_CORNERS: dict[str, Callable] = {
    "xyxy": lambda x1, y1, x2, y2: (x1, y1, x2, y2),
    "yxyx": lambda x1, y1, x2, y2: (y1, x1, y2, x2),
    "xywh": lambda x1, y1, x2, y2: (x1, y1, x2 - x1, y2 - y1),
    "center_xywh": lambda x1, y1, x2, y2: (x1 + (x2 - x1) / 2, y1 + (y2 - y1) / 2, x2 - x1, y2 - y1),
    "center_yxhw": lambda x1, y1, x2, y2: (y1 + (y2 - y1) / 2, x1 + (x2 - x1) / 2, y2 - y1, x2 - x1),
}


def _sides(boxes: Any) -> list[jax.Array]:
    """Return the four numbers of boxes as arrays with a last axis of size 1."""
    return jnp.split(jnp.asarray(boxes), 4, axis=-1)


def _boxes(*sides: Any) -> jax.Array:
    return jnp.concatenate(sides, axis=-1)


def _check_format(function: str, name: str, value: Any, allowed: tuple[str, ...] = FORMATS) -> str:
    if not isinstance(value, str) or value.lower() not in allowed:
        raise ValueError(f"{function}: `{name}` must be one of {allowed}, received {name}={value!r}.")
    return value.lower()


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: str = "float32"
) -> Any:
    """Return boxes in another format.

    Args:
        boxes: array of shape `(..., 4)`, or a dict with an entry `"boxes"`.
        source: their format.
        target: the format wanted.
        height: height of the image; needed between relative and absolute formats.
        width: width of the image, likewise.
        dtype: dtype of the result.

    Returns:
        An array, or a dict with the other entries of the one given.

    Raises:
        ValueError: for an unknown format, a last size other than 4, or missing sizes of the image.

    Example:
        >>> convert_format(np.array([[0.0, 0.0, 4.0, 2.0]]), "xyxy", "center_xywh")
        Array([[2., 1., 4., 2.]], dtype=float32)
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = (
        _check_format("convert_format", name, value) for name, value in (("source", source), ("target", target))
    )
    boxes = jnp.asarray(boxes).astype(standardize_dtype(dtype))
    if boxes.ndim == 0 or boxes.shape[-1] != 4:
        raise ValueError(f"convert_format: `boxes` must have a last axis of size 4, received shape {boxes.shape}.")
    from_relative, to_relative = source.startswith("rel_"), target.startswith("rel_")
    if (from_relative or to_relative) and (height is None or width is None):
        raise ValueError(
            f"convert_format: from {source!r} to {target!r} needs the size of the image, received height={height} and "
            f"width={width}."
        )
    if source == target:
        return boxes
    sides = _TO_CORNERS[source.removeprefix("rel_")](*_sides(boxes))
    if from_relative != to_relative:
        scales = [jnp.asarray(size, boxes.dtype) for size in (width, height, width, height)]
        pairs = zip(sides, scales, strict=True)
        sides = [side * scale if from_relative else side / scale for side, scale in pairs]
    return _boxes(*_FROM_CORNERS[target.removeprefix("rel_")](*sides))


def clip_to_image_size(
    bounding_boxes: dict, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict:
    """Cut off what of the boxes is outside the image; labels of boxes of which nothing is left become -1.

    Args:
        bounding_boxes: dict of `"boxes"` and, if there are any, `"labels"`.
        height: height of the image; not needed for the relative format.
        width: width of the image, likewise.
        bounding_box_format: `"xyxy"` or `"rel_xyxy"`.

    Raises:
        ValueError: for another format, or missing sizes of the image.
    """
    relative = _check_format(
        "clip_to_image_size", "bounding_box_format", bounding_box_format, ("xyxy", "rel_xyxy")
    ).startswith("rel_")
    if not relative and (height is None or width is None):
        raise ValueError(
            f"clip_to_image_size: `height` and `width` of the image must be given for boxes in absolute format, "
            f"received height={height} and width={width}."
        )
    boxes = jnp.asarray(bounding_boxes["boxes"])
    height, width = (1.0, 1.0) if relative else (jnp.asarray(size, boxes.dtype) for size in (height, width))
    x1, y1, x2, y2 = _sides(boxes)
    x1, x2 = (jnp.clip(x, 0, width) for x in (x1, x2))
    y1, y2 = (jnp.clip(y, 0, height) for y in (y1, y2))
    result = {**bounding_boxes, "boxes": _boxes(x1, y1, x2, y2)}
    if bounding_boxes.get("labels") is not None:
        area = ((x2 - x1) * (y2 - y1))[..., 0]
        result["labels"] = jnp.where(area > 0, jnp.asarray(bounding_boxes["labels"]), -1)
    return result


def _only_corners(function: str, bounding_box_format: str) -> None:
    _check_format(function, "bounding_box_format", bounding_box_format, ("xyxy",))


def affine_transform(
    boxes: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any, shear_y: Any, height: Any,
    width: Any, center_x: float | None = None, center_y: float | None = None, bounding_box_format: str = "xyxy",
) -> jax.Array:  # fmt: skip
    """Return the boxes around boxes that are rotated, moved, scaled and sheared.

    Args:
        boxes: array `(batch, boxes, 4)`.
        angle: degrees, of shape `(batch,)`, as all that follows up to `shear_y`.
        translate_x: shift to the right as a fraction of the width.
        translate_y: shift down as a fraction of the height.
        scale: factor.
        shear_x: degrees.
        shear_y: degrees.
        height: height of the image.
        width: width of the image.
        center_x: center of the rotation as a fraction of the width; None for the middle.
        center_y: center of the rotation as a fraction of the height; None for the middle.
        bounding_box_format: `"xyxy"`.

    Raises:
        ValueError: for another format.
    """
    _only_corners("affine_transform", bounding_box_format)
    angle, shear_x, shear_y = (-jnp.asarray(value) * (math.pi / 180.0) for value in (angle, shear_x, shear_y))
    middle_x = (0.5 if center_x is None else center_x) * (width - 1)
    middle_y = (0.5 if center_y is None else center_y) * (height - 1)
    a = jnp.cos(angle - shear_y) / jnp.cos(shear_y)
    b = a * jnp.tan(shear_x) + jnp.sin(angle)
    c = -jnp.sin(angle - shear_y) / jnp.cos(shear_y)
    d = jnp.cos(angle) - c * jnp.tan(shear_x)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    from_x = middle_x - translate_x * (width - 1)
    from_y = middle_y - translate_y * (height - 1)
    a2 = middle_x - a0 * from_x - a1 * from_y
    b2 = middle_y - b0 * from_x - b1 * from_y
    a0, a1, a2, b0, b1, b2 = (value[:, None, None] for value in (a0, a1, a2, b0, b1, b2))
    boxes = jnp.asarray(boxes).astype(a.dtype)
    x, y = boxes[..., jnp.array([0, 2, 2, 0])], boxes[..., jnp.array([1, 1, 3, 3])]
    new_x, new_y = a0 * x + a1 * y + a2, b0 * x + b1 * y + b2
    return jnp.stack([new_x.min(-1), new_y.min(-1), new_x.max(-1), new_y.max(-1)], axis=-1)


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> jax.Array:
    """Return the boxes in an image cut out at `(top, left)` with size `(height, width)`, clipped to it.

    Raises:
        ValueError: for a format other than `"xyxy"`.
    """
    _only_corners("crop", bounding_box_format)
    x1, y1, x2, y2 = _sides(boxes)
    x1, x2 = (jnp.clip(x - left, 0, width) for x in (x1, x2))
    y1, y2 = (jnp.clip(y - top, 0, height) for y in (y1, y2))
    return _boxes(x1, y1, x2, y2)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> jax.Array:
    """Return the boxes in an image with borders of `top` and `left` added; `height` and `width` are not needed.

    Raises:
        ValueError: for a format other than `"xyxy"`.
    """
    _only_corners("pad", bounding_box_format)
    x1, y1, x2, y2 = _sides(boxes)
    return _boxes(x1 + left, y1 + top, x2 + left, y2 + top)


def _image_size(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else tuple(image_shape)[:2]


def _variance(function: str, variance: Any) -> Any:
    if variance is None:
        return None
    variance = jnp.asarray(variance, "float32")
    if variance.shape[-1:] != (4,):
        raise ValueError(f"{function}: `variance` must hold 4 numbers, received shape {variance.shape}.")
    return variance


def encode_box_to_deltas(
    anchors: Any, boxes: Any, anchor_format: str, box_format: str, encoding_format: str = "center_yxhw",
    variance: Any = None, image_shape: Any = None,
) -> jax.Array:  # fmt: skip
    """Return what turns anchors into boxes: shifts in anchor sizes and logarithms of ratios of sizes.

    Args:
        anchors: boxes, of shape `(..., 4)`.
        boxes: boxes of the same shape.
        anchor_format: format of the anchors.
        box_format: format of the boxes.
        encoding_format: `"center_yxhw"` or `"center_xywh"`.
        variance: 4 numbers to divide the result by.
        image_shape: `(height, width, channels)`, for relative formats.

    Raises:
        ValueError: for an unknown format or a variance of another length.
    """
    variance = _variance("encode_box_to_deltas", variance)
    _check_format("encode_box_to_deltas", "encoding_format", encoding_format, ("center_xywh", "center_yxhw"))
    size = _image_size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoding_format, *size)
    boxes = convert_format(boxes, box_format, encoding_format, *size)
    anchor_sizes = jnp.maximum(anchors[..., 2:], epsilon())
    box_sizes = jnp.maximum(boxes[..., 2:], epsilon())
    shifts = (boxes[..., :2] - anchors[..., :2]) / anchor_sizes
    deltas = _boxes(shifts, jnp.log(box_sizes / anchor_sizes))
    return deltas if variance is None else deltas / variance


def decode_deltas_to_boxes(
    anchors: Any, boxes_delta: Any, anchor_format: str, box_format: str, encoded_format: str = "center_yxhw",
    variance: Any = None, image_shape: Any = None,
) -> Any:  # fmt: skip
    """Return the boxes that `encode_box_to_deltas` encoded; of dicts of anchors and deltas by level, a dict.

    Args:
        anchors: boxes, of shape `(..., 4)`, or a dict of such.
        boxes_delta: what `encode_box_to_deltas` returned, or a dict of such.
        anchor_format: format of the anchors.
        box_format: format of the result.
        encoded_format: format that the deltas were made in.
        variance: 4 numbers to multiply the deltas with.
        image_shape: `(height, width, channels)`, for relative formats.

    Raises:
        ValueError: for an unknown format or a variance of another length.
    """
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        rest = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {level: decode_deltas_to_boxes(anchors[level], boxes_delta[level], *rest) for level in anchors}
    variance = _variance("decode_deltas_to_boxes", variance)
    _check_format("decode_deltas_to_boxes", "encoded_format", encoded_format, ("center_xywh", "center_yxhw"))
    size = _image_size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoded_format, *size)
    deltas = jnp.asarray(boxes_delta) if variance is None else boxes_delta * variance
    sizes = anchors[..., 2:]
    boxes = _boxes(deltas[..., :2] * sizes + anchors[..., :2], jnp.exp(deltas[..., 2:]) * sizes)
    return convert_format(boxes, encoded_format, box_format, *size)


def compute_iou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False, mask_val: float = -1,
    image_shape: Any = None,
) -> jax.Array:  # fmt: skip
    """Return the area shared by each pair of boxes divided by the area they cover together.

    Args:
        boxes1: boxes, of shape `(m, 4)` or `(batch, m, 4)`.
        boxes2: boxes, of shape `(n, 4)` or `(batch, n, 4)`.
        bounding_box_format: format of both.
        use_masking: give pairs with a box of which all numbers are negative the value `mask_val`.
        mask_val: that value.
        image_shape: `(height, width, channels)`, for relative formats.

    Returns:
        Array of shape `(m, n)` or `(batch, m, n)`.

    Raises:
        ValueError: for boxes of another rank, or a relative format without `image_shape`.
    """
    for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        if jnp.ndim(boxes) not in (2, 3):
            raise ValueError(f"compute_iou: `{name}` must have rank 2 or 3, received shape {jnp.shape(boxes)}.")
    size = _image_size(image_shape)
    if "rel" in bounding_box_format and image_shape is None:
        raise ValueError(f"compute_iou: format {bounding_box_format!r} needs `image_shape`.")
    boxes1, boxes2 = (convert_format(boxes, bounding_box_format, "xyxy", *size) for boxes in (boxes1, boxes2))
    first, second = boxes1[..., :, None, :], boxes2[..., None, :, :]
    corner, opposite = jnp.maximum(first[..., :2], second[..., :2]), jnp.minimum(first[..., 2:], second[..., 2:])
    shared = jnp.prod(jnp.maximum(opposite - corner, 0), axis=-1)
    areas = [jnp.prod(boxes[..., 2:] - boxes[..., :2], axis=-1) for boxes in (first, second)]
    overlaps = shared / (areas[0] + areas[1] - shared + epsilon())
    if not use_masking:
        return overlaps
    absent = [jnp.max(boxes, axis=-1) < 0 for boxes in (first, second)]
    return jnp.where(absent[0] | absent[1], jnp.asarray(mask_val, overlaps.dtype), overlaps)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> jax.Array:
    """Return the complete overlap of boxes, one by one: IoU less distance of centers and difference of shapes.

    Source: Zheng et al., 2020, https://arxiv.org/abs/2005.03572.

    Args:
        boxes1: boxes, of shape `(..., 4)`.
        boxes2: boxes of the same shape.
        bounding_box_format: format of both, not a relative one.
        image_shape: `(height, width, channels)`.

    Raises:
        ValueError: for a relative format.
    """
    absolute = tuple(name for name in FORMATS if not name.startswith("rel_"))
    _check_format("compute_ciou", "bounding_box_format", bounding_box_format, absolute)
    size = _image_size(image_shape)
    boxes1, boxes2 = (convert_format(boxes, bounding_box_format, "xyxy", *size) for boxes in (boxes1, boxes2))
    x1, y1, x2, y2 = jnp.moveaxis(boxes1, -1, 0)
    u1, v1, u2, v2 = jnp.moveaxis(boxes2, -1, 0)
    width1, height1, width2, height2 = x2 - x1, y2 - y1 + epsilon(), u2 - u1, v2 - v1 + epsilon()
    across, down = jnp.minimum(x2, u2) - jnp.maximum(x1, u1), jnp.minimum(y2, v2) - jnp.maximum(y1, v1)
    shared = jnp.maximum(across, 0) * jnp.maximum(down, 0)
    together = width1 * height1 + width2 * height2 - shared + epsilon()
    overlap = shared / (together + epsilon())
    hull_width, hull_height = jnp.maximum(x2, u2) - jnp.minimum(x1, u1), jnp.maximum(y2, v2) - jnp.minimum(y1, v1)
    diagonal = hull_width**2 + hull_height**2 + epsilon()
    distance = ((x1 + x2 - u1 - u2) / 2) ** 2 + ((y1 + y2 - v1 - v2) / 2) ** 2
    shape = 4 / math.pi**2 * (jnp.arctan(width2 / height2) - jnp.arctan(width1 / height1)) ** 2
    return overlap - (distance / diagonal + shape * shape / (shape - overlap + 1 + epsilon()))
