"""Images as the ImageNet weights expect them, and the names of the 1,000 classes."""

import functools
import json
from typing import Any

import numpy as np

from kerasish import ops
from kerasish.applications.architecture import WeightsFile
from kerasish.core import config

_MEAN = {"caffe": (103.939, 116.779, 123.68), "torch": (0.485, 0.456, 0.406)}
_DEVIATION = (0.229, 0.224, 0.225)
_CLASSES = WeightsFile(
    "imagenet_class_index.json",
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
)


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Return images scaled as a family of pretrained networks expects them.

    Args:
        x: one image or a batch, RGB in 0..255: an array, a tensor or a KerasTensor. NumPy arrays of floats are
            scaled in place, as in Keras; pass a copy to keep them.
        data_format: `"channels_last"` or `"channels_first"`; default `image_data_format()`.
        mode: `"caffe"` (BGR, mean of ImageNet taken off), `"tf"` (to -1..1) or `"torch"` (to 0..1, then mean and
            standard deviation of ImageNet).

    Returns:
        The images, as floats.

    Raises:
        ValueError: for an unknown mode or data format.

    Example:
        >>> preprocess_input(np.array([[[0.0, 127.5, 255.0]]]), mode="tf")
        array([[[-1.,  0.,  1.]]])
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"preprocess_input: `mode` must be 'caffe', 'tf' or 'torch', received mode={mode!r}.")
    last = config.standardize_data_format(data_format) == "channels_last"
    if isinstance(x, np.ndarray):
        return _scale_in_place(x if np.issubdtype(x.dtype, np.floating) else x.astype(config.floatx()), last, mode)
    if mode == "tf":
        return ops.subtract(ops.divide(x, 127.5), 1.0)
    shape = (3,) if last else (3, 1, 1)
    mean = np.reshape(_MEAN[mode], shape).astype("float32")
    if mode == "caffe":
        return ops.subtract(ops.flip(x, axis=-1 if last else -3), mean)
    return ops.divide(ops.subtract(ops.divide(x, 255.0), mean), np.reshape(_DEVIATION, shape).astype("float32"))


def _scale_in_place(x: np.ndarray, last: bool, mode: str) -> np.ndarray:
    if mode == "tf":
        x /= 127.5
        x -= 1.0
        return x
    shape = (3,) if last else (3, 1, 1)
    if mode == "caffe":
        x = x[..., ::-1] if last else x[..., ::-1, :, :]
    else:
        x /= 255.0
    x -= np.reshape(_MEAN[mode], shape).astype(x.dtype)
    if mode == "torch":
        x /= np.reshape(_DEVIATION, shape).astype(x.dtype)
    return x


@functools.cache
def _classes() -> list[tuple[str, str]]:
    with open(_CLASSES.fetch()) as file:
        table = json.load(file)
    return [tuple(table[str(index)]) for index in range(1000)]


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Return the most probable ImageNet classes of each image.

    Args:
        preds: scores of shape `(images, 1000)`.
        top: how many classes.

    Returns:
        For each image a list of `(WordNet id, name, score)`, best first.

    Raises:
        ValueError: if `preds` has another shape.
        ConnectionError: if the list of names is not in the cache and cannot be downloaded.
    """
    scores = np.asarray(preds)
    if scores.ndim != 2 or scores.shape[1] != 1000:
        raise ValueError(f"decode_predictions: `preds` must have shape (images, 1000), received {scores.shape}.")
    names = _classes()
    return [[(*names[index], row[index]) for index in np.argsort(row)[::-1][:top]] for row in scores]
