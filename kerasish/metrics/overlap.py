"""Intersection over union of segmentation maps, from the confusion matrix of class numbers."""

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.config import epsilon
from kerasish.core.platform_forms.argmax import argmax
from kerasish.losses.arrays import as_array
from kerasish.metrics.metric import Metric


class IoU(Metric):
    """Mean over classes of `tp / (tp + fp + fn)`; classes that occur nowhere do not count.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes whose values are averaged.
        name: name of the metric.
        dtype: dtype of the confusion matrix; by default int32.
        ignore_class: labels of this number do not count.
        sparse_y_true: whether labels are class numbers rather than one-hot.
        sparse_y_pred: whether predictions are class numbers rather than scores.
        axis: axis of the classes where they are not class numbers.

    Raises:
        ValueError: if a target class is out of range.

    Example:
        >>> m = IoU(num_classes=2, target_class_ids=[0])
        >>> m.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> m.result()
        Array(0.3333333, dtype=float32)
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int32")
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"{type(self).__name__}: `target_class_ids` must be below num_classes={num_classes}, received "
                f"{list(target_class_ids)}."
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        shape = (num_classes, num_classes)
        self.total_cm = self.add_variable(shape, "zeros", dtype=self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into account; class numbers out of range do not count.

        Args:
            y_true: class numbers of any shape, or one-hot labels.
            y_pred: class numbers of the same shape, or scores.
            sample_weight: one weight per class number.
        """
        y_true, y_pred = as_array(y_true), as_array(y_pred)
        y_true = y_true if self.sparse_y_true else argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else argmax(y_pred, axis=self.axis)
        y_true, y_pred = y_true.astype("int32").ravel(), y_pred.astype("int32").ravel()
        weights = as_array(1 if sample_weight is None else sample_weight)
        if jnp.issubdtype(weights.dtype, jnp.floating) and "int" in self.dtype:
            warnings.warn(
                f"{self.name}: weights of dtype {weights.dtype} are cut to {self.dtype}, the metric's dtype. Give the "
                "metric dtype='float32'."
            )
        weights = weights.astype(self.dtype)
        weights = jnp.broadcast_to(weights.ravel() if weights.ndim else weights, y_true.shape)
        counts = (y_true >= 0) & (y_true < self.num_classes) & (y_pred >= 0) & (y_pred < self.num_classes)
        if self.ignore_class is not None:
            counts &= y_true != self.ignore_class
        # Rows are labels, columns predictions; cell -1 is out of range and left out.
        cells = jnp.where(counts, y_true * self.num_classes + y_pred, -1)
        matrix = jax.ops.segment_sum(weights, cells, self.num_classes**2)
        self.total_cm.assign_add(matrix.reshape(self.total_cm.shape))

    def result(self) -> jax.Array:
        matrix, classes = self.total_cm.value, jnp.asarray(self.target_class_ids)
        hits = jnp.diagonal(matrix)
        union = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - hits
        hits, union = hits[classes].astype("float32"), union[classes].astype("float32")
        occurs = union > 1e-9
        scores = jnp.where(occurs, hits / (union + epsilon()), 0.0)
        return jnp.sum(scores) / (jnp.sum(occurs) + epsilon())

    def get_config(self) -> dict[str, Any]:
        config = {
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }
        return {**super().get_config(), **config}

    def _config_without(self, *names: str) -> dict[str, Any]:
        return {name: value for name, value in IoU.get_config(self).items() if name not in names}


class BinaryIoU(IoU):
    """Intersection over union of two classes told apart by a threshold.

    Args:
        target_class_ids: the classes whose values are averaged, among 0 and 1.
        threshold: predictions at or above count as class 1.
        name: name of the metric.
        dtype: dtype of the confusion matrix; by default int32.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take labels 0 and 1 and predictions of the same shape into account."""
        super().update_state(y_true, as_array(y_pred, "float32") >= self.threshold, sample_weight)

    def get_config(self) -> dict[str, Any]:
        left_out = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**self._config_without(*left_out), "threshold": self.threshold}


class MeanIoU(IoU):
    """Mean intersection over union of all classes.

    Args:
        num_classes: the number of classes.
        name: name of the metric.
        dtype: dtype of the confusion matrix; by default int32.
        ignore_class: see `IoU`.
        sparse_y_true: see `IoU`.
        sparse_y_pred: see `IoU`.
        axis: see `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        classes = list(range(num_classes))
        super().__init__(num_classes, classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids")


class OneHotIoU(IoU):
    """Intersection over union of one-hot labels and scores; see `IoU` for the arguments."""

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """Mean intersection over union of all classes for one-hot labels and scores; see `MeanIoU` for the arguments."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids", "sparse_y_true")
