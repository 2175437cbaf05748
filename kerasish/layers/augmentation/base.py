"""What image layers share: data formats, dicts of images and annotations, random draws, compiled programs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish import random
from kerasish.core import tree
from kerasish.core.dtypes import is_int_dtype
from kerasish.core.platform_forms.stored import stored
from kerasish.core.variable import Scope
from kerasish.layers import arguments
from kerasish.layers.layer import Layer
from kerasish.ops.core import saturate_cast

_ENTRIES = ("images", "bounding_boxes", "labels", "segmentation_masks")


class ImageLayer(Layer):
    """A layer that changes images, and with them labels, bounding boxes and segmentation masks.

    It takes one image (rank 3), a batch (rank 4) or a dict with `"images"` and any of `"labels"`, `"bounding_boxes"`
    (a dict of `"boxes"` and `"labels"`) and `"segmentation_masks"`; other entries of the dict pass. It draws one
    transformation for each image, `get_random_transformation`, and applies it to each entry with the method
    `transform_images`, `transform_labels`, `transform_bounding_boxes` or `transform_segmentation_masks`. Called on
    arrays, all of that is one compiled program. Outside training, random layers change nothing and draw nothing.

    Args:
        bounding_box_format: format of bounding boxes, such as `"xyxy"`; needed if the data has any.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        **kwargs: `name`, `dtype`, ... of `Layer`.
    """

    def __init__(self, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bounding_box_format = bounding_box_format
        self.data_format = arguments.data_format(self, data_format)
        # NumPy arrays go to the device as arguments of the compiled program, which takes half the time.
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_"):
            self.__dict__.pop("_programs", None)  # they were made for the old value

    def __getstate__(self) -> Any:
        """Return what a copy starts from: compiled programs belong to one layer."""
        return {name: value for name, value in self.__dict__.items() if name != "_programs"}

    # Geometry of the data

    @property
    def _height_axis(self) -> int:
        return -3 if self.data_format == "channels_last" else -2

    @property
    def _width_axis(self) -> int:
        return self._height_axis + 1

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else -3

    def _sizes(self, data: Any) -> tuple[int, int, int]:
        """Return number, height and width of the images in data; raises ValueError for another rank than 3 or 4."""
        shape = np.shape(data["images"] if isinstance(data, dict) else data)
        if len(shape) not in (3, 4):
            raise ValueError(
                f"{type(self).__name__}: expected one image (rank 3) or a batch of images (rank 4), received shape "
                f"{shape}."
            )
        return shape[0] if len(shape) == 4 else 1, shape[self._height_axis], shape[self._width_axis]

    def _cast(self, images: Any) -> jax.Array:
        return jnp.asarray(images).astype(self.compute_dtype)

    # Random draws

    def _set_seed(self, seed: int | None) -> None:
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def _uniform(self, seed: Any, shape: tuple, low: Any = 0.0, high: Any = 1.0, dtype: str | None = None) -> jax.Array:
        return random.uniform(shape, low, high, dtype, self.generator if seed is None else seed)

    def _chance(self, seed: Any, count: int) -> jax.Array:
        """Draw for each image whether it is changed, with a probability drawn from `self.factor`."""
        probability = self._uniform(seed, (count,), *self.factor)
        return self._uniform(seed, (count,)) < probability

    # The transformation, to be overridden

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw what is done to each image; None for nothing random.

        Args:
            data: images, or a dict as the layer takes it.
            training: whether the layer is used in training.
            seed: SeedGenerator to draw from instead of the layer's own.
        """
        return None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of images, transformed; to be overridden."""
        raise NotImplementedError(f"{type(self).__name__} has no `transform_images` method; write one.")

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of labels, transformed; by default as they are."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes: dict, transformation: Any, training: bool = True) -> dict:
        """Return a batch of bounding boxes, transformed; by default as they are."""
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Return a batch of segmentation masks, transformed; by default as they are."""
        return segmentation_masks

    def transform_single_image(self, image: Any, transformation: Any, training: bool = True) -> Any:
        """Return one image, transformed."""
        return self.transform_images(jnp.asarray(image)[None], transformation, training=training)[0]

    def transform_single_label(self, label: Any, transformation: Any, training: bool = True) -> Any:
        """Return one label, transformed."""
        return self.transform_labels(jnp.asarray(label)[None], transformation, training=training)[0]

    def transform_single_bounding_box(self, bounding_box: dict, transformation: Any, training: bool = True) -> dict:
        """Return the bounding boxes of one image, transformed."""
        batch = {name: jnp.asarray(value)[None] for name, value in bounding_box.items()}
        outputs = self.transform_bounding_boxes(batch, transformation, training=training)
        return {name: value[0] for name, value in outputs.items()}

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Return one segmentation mask, transformed."""
        masks = jnp.asarray(segmentation_mask)[None]
        return self.transform_segmentation_masks(masks, transformation, training=training)[0]

    # Calling

    def call(self, data: Any, training: bool = True) -> Any:
        """Draw a transformation and apply it to images and annotations.

        Args:
            data: one image, a batch, or a dict as described for the class.
            training: whether random layers act.

        Raises:
            ValueError: for images of another rank, or bounding boxes without `bounding_box_format`.
        """
        entries = self._entries(data)
        generator = getattr(self, "generator", None)
        state = None if generator is None else generator.state.value
        leaves = jax.tree_util.tree_leaves((state, entries))
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            outputs = self._transform(entries, training)
        else:
            outputs, new_state = self._program(training)(state, entries)
            if new_state is not None:
                generator.state.assign(new_state)
        return {**data, **outputs} if isinstance(data, dict) else outputs["images"]

    def _entries(self, data: Any) -> dict[str, Any]:
        """Return the entries to be transformed, as arrays."""
        if not isinstance(data, dict):
            return {"images": _as_array(data)}
        if "images" not in data:
            raise ValueError(f"{type(self).__name__}: expected a dict with 'images', received keys {sorted(data)}.")
        entries = {name: data[name] for name in _ENTRIES if name in data}
        if "bounding_boxes" in entries:
            if not self.bounding_box_format:
                raise ValueError(
                    f"{type(self).__name__}: the data has bounding boxes; say in which format, for example "
                    f"`{type(self).__name__}(..., bounding_box_format='xyxy')`."
                )
            entries["bounding_boxes"] = dense_bounding_boxes(entries["bounding_boxes"])
        return {name: value if name == "bounding_boxes" else _as_array(value) for name, value in entries.items()}

    def _program(self, training: bool) -> Any:
        """Return the compiled function from the generator's state and data to the outputs and the new state."""
        programs = self.__dict__.setdefault("_programs", {})
        if training not in programs:

            def run(state: Any, entries: dict) -> tuple[dict, Any]:
                if state is None:
                    return self._transform(entries, training), None
                with Scope([(self.generator.state, state)]) as scope:
                    outputs = self._transform(entries, training)
                return outputs, scope.read(self.generator.state)

            programs[training] = jax.jit(run)
        return programs[training]

    def _transform(self, entries: dict[str, Any], training: bool) -> dict[str, Any]:
        self._sizes(entries)
        entries = {
            name: value if name == "bounding_boxes" else self._as_arrays(value) for name, value in entries.items()
        }
        single = entries["images"].ndim == 3
        if single:
            entries = tree.map_structure(lambda x: x[None], entries)
        transformation = self.get_random_transformation(entries, training=training)
        transformation = _computed_once(transformation, entries["images"].size)
        methods = {
            "images": self.transform_images,
            "labels": self.transform_labels,
            "bounding_boxes": self.transform_bounding_boxes,
            "segmentation_masks": self.transform_segmentation_masks,
        }
        outputs = {
            name: methods[name](value, transformation=transformation, training=training)
            for name, value in entries.items()
        }
        return tree.map_structure(lambda x: x[0], outputs) if single else outputs

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        config = super().get_config() | {"data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config


def _computed_once(transformation: Any, pixels: int) -> Any:
    """Return the transformation, kept from being computed again for each pixel, as fused loops would.

    What has a value for every pixel is computed once for each as it is.
    """
    leaves, structure = jax.tree_util.tree_flatten(transformation)

    def is_small(leaf: Any) -> bool:
        is_array = isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jax.dtypes.extended)
        return is_array and leaf.size < pixels

    arrays = [index for index, leaf in enumerate(leaves) if is_small(leaf)]
    for index, leaf in zip(arrays, stored([leaves[i] for i in arrays]), strict=True):
        leaves[index] = leaf
    return structure.unflatten(leaves)


def dense_bounding_boxes(bounding_boxes: Any) -> dict[str, jax.Array]:
    """Return bounding boxes as arrays; lists of different lengths are filled up with boxes 0 and labels -1.

    Raises:
        ValueError: if it is no dict with `"boxes"` and `"labels"`, or their shapes do not fit.
    """
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise ValueError(f"`bounding_boxes` must be a dict with 'boxes' and 'labels', received {bounding_boxes!r}.")
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if isinstance(boxes, (list, tuple)):
        if len(boxes) != len(labels):
            raise ValueError(
                f"`bounding_boxes` has {len(boxes)} lists of boxes, but {len(labels)} lists of labels; "
                "there must be as many."
            )
        if np.ndim(labels[0]) > 0:
            most = max(map(len, boxes))
            boxes = [[*rows, *[(0.0,) * 4] * (most - len(rows))] for rows in boxes]
            labels = [[*row, *[-1] * (most - len(row))] for row in labels]
    boxes = boxes if isinstance(boxes, jax.Array) else jnp.asarray(np.asarray(boxes, "float32"))
    boxes = boxes.astype("float32")
    labels = jnp.asarray(labels)
    if boxes.ndim not in (2, 3) or labels.ndim not in (boxes.ndim - 1, boxes.ndim):
        raise ValueError(
            "`bounding_boxes` must hold 'boxes' of shape (boxes, 4) or (batch, boxes, 4) and 'labels' of one rank "
            f"less, received shapes {boxes.shape} and {labels.shape}."
        )
    return {**bounding_boxes, "boxes": boxes, "labels": labels}


def _as_array(x: Any) -> Any:
    return x if isinstance(x, (jax.Array, np.ndarray)) else jnp.asarray(x)


def factor_range(
    layer: Layer, name: str, value: Any, low: float, high: float, symmetric: bool = True
) -> tuple[Any, Any]:
    """Return the two ends of the range that a number or a pair of numbers stands for.

    Args:
        layer: layer with this argument.
        name: name of the argument.
        value: a pair, or a number `f`, which stands for `(-f, f)` or what of it is not below `low`.
        low: smallest number allowed.
        high: largest number allowed.
        symmetric: False if `f` stands for `(0, f)`.

    Raises:
        ValueError: naming the layer class and the argument, for anything else.
    """
    expected = f"a number, or a pair of numbers, between {low} and {high}"
    if isinstance(value, (tuple, list)) and len(value) == 2:
        if value[0] > high or value[1] < low:
            raise arguments.complaint(layer, name, value, expected)
        first, last = sorted(value)
        return first, last
    if not isinstance(value, (int, float, np.number)) or not low <= value <= high:
        raise arguments.complaint(layer, name, value, expected)
    return (max(-abs(value), low) if symmetric else 0), abs(value)


def value_range(layer: Layer, value: Any) -> list:
    """Return the smallest and the largest pixel value, in order.

    Raises:
        ValueError: naming the layer class, if `value` is not a pair of numbers.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise arguments.complaint(layer, "value_range", value, "a pair of numbers")
    return sorted(value)


def rescaled(images: jax.Array, source: Any, target: Any, dtype: str = "float32") -> jax.Array:
    """Return images with the range of values `source` moved to the range `target`, unless they are the same."""
    if source[0] == target[0] and source[1] == target[1]:
        return images
    images = images.astype(dtype)
    (low, high), (new_low, new_high) = ([jnp.asarray(end, dtype) for end in ends] for ends in (source, target))
    return (images - low) / (high - low) * (new_high - new_low) + new_low


def as_dtype(images: jax.Array, dtype: Any) -> jax.Array:
    """Return numbers in another dtype; integers are rounded and kept in their range."""
    if images.dtype == dtype:
        return images
    return saturate_cast(jnp.round(images) if is_int_dtype(dtype) else images, str(jnp.dtype(dtype)))


def grey(images: jax.Array, channel_axis: int) -> jax.Array:
    """Return the grey values of images (ITU-R BT.601), with a channel axis of size 1.

    Sums of planes join the loop around them, where a product with the three weights would not.

    Raises:
        ValueError: for another number of channels than 3 or 1.
    """
    count = images.shape[channel_axis]
    if count not in (1, 3):
        raise ValueError(f"Expected images with 3 channels (or 1), received shape {images.shape}.")
    if count == 1:
        return images
    dtype = jnp.result_type(images.dtype, "float32") if is_int_dtype(images.dtype) else images.dtype
    planes = (jax.lax.slice_in_dim(images, i, i + 1, axis=channel_axis % images.ndim).astype(dtype) for i in range(3))
    red, green, blue = planes
    return (0.2989 * red + 0.587 * green + 0.114 * blue).astype(images.dtype)


def per_image(values: jax.Array, rank: int = 4) -> jax.Array:
    """Return one value for each image in a shape that broadcasts to images."""
    return values.reshape(-1, *(1,) * (rank - 1))
