"""Callback: the base class of everything that listens to training, evaluation and prediction."""

from collections.abc import Mapping
from typing import Any

# A hook and the old name its default implementation forwards to.
_ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class Callback:
    """Base class of callbacks: override the hooks of interest and pass an instance to `fit`, `evaluate` or `predict`.

    Epochs and batches are counted from 0. `logs` holds the metrics known at that moment (`{"loss": 0.2, ...}`, at the
    end of an epoch also those of validation, as `"val_loss"`), as floats that are fetched from the device when read.
    A hook may set `self.model.stop_training = True`.

    Attributes:
        params: dict with `verbose`, `epochs` and `steps` of the run.
        model: the model being trained.

    Example:
        >>> class Announce(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, sorted(logs))
        >>> CallbackList([Announce()]).on_epoch_end(0, {"loss": 0.5})
        0 ['loss']
    """

    # Whether the batch hooks make do with being called after several batches at once and never look at the weights.
    async_safe = False

    params: dict[str, Any] | None
    _model: Any

    def __init__(self) -> None:
        self.params = None
        self._model = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Receive the parameters of the run (`verbose`, `epochs`, `steps`)."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Receive the model that is run."""
        self._model = model

    @property
    def model(self) -> Any:
        """The model that is run."""
        return self._model

    def _listens_to(self, hook: str) -> bool:
        """Return whether `hook` does anything here; batch hooks nobody listens to are not called."""
        names = (hook, _ALIASES[hook]) if hook in _ALIASES else (hook,)
        return any(name in vars(self) or getattr(type(self), name) is not getattr(Callback, name) for name in names)

    def _release(self) -> None:
        """Give back what a run that ended with an exception left open (files, a progress bar)."""

    def on_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Old name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Old name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called before an epoch of training."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called after an epoch of training and its validation, with the metrics of both."""

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called before a batch of training."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called after a batch of training, with the metrics since the start of the epoch."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called before a batch of evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called after a batch of evaluation or validation, with the metrics so far."""

    def on_predict_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called after a batch of prediction, with `{"outputs": ...}`."""

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Called when training starts."""

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Called when training ends, with the metrics of the last epoch."""

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Called when evaluation or validation starts."""

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Called when evaluation or validation ends, with its metrics."""

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Called when prediction starts."""

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Called when prediction ends."""
