"""CallbackList: several callbacks behind one, which knows which batch hooks anybody listens to."""

from collections.abc import Callable, Mapping
from typing import Any

from kerasish.callbacks.callback import Callback
from kerasish.callbacks.history import History
from kerasish.callbacks.logs import as_logs
from kerasish.callbacks.progbar_logger import ProgbarLogger
from kerasish.core import tree

_BATCH_HOOKS = tuple(f"on_{mode}_batch_{when}" for mode in ("train", "test", "predict") for when in ("begin", "end"))


class CallbackList(Callback):
    """Calls the hooks of a list of callbacks, in order.

    A training loop asks `needs_train_batch_end` and its like before it makes logs, so a batch hook nobody overrides
    costs nothing, and `follows_each_batch` before it runs several batches in one step.

    Args:
        callbacks: a callback, or a list (also nested) of callbacks.
        add_history: whether to append a `History` if there is none.
        add_progbar: whether to append a `ProgbarLogger` if there is none.
        model: the model the callbacks are used with.
        **params: handed to every callback by `set_params`: `verbose`, `epochs`, `steps`.

    Raises:
        TypeError: if an entry is no callback.

    Example:
        >>> callbacks = CallbackList([EarlyStopping("loss")], add_history=True, model=model, epochs=3)
        >>> callbacks.needs_train_batch_end
        False
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Any] = [entry for entry in tree.flatten(callbacks) if entry is not None]
        for entry in self.callbacks:
            if isinstance(entry, type) or not callable(getattr(entry, "on_epoch_end", None)):
                raise TypeError(
                    "`callbacks` must hold instances of keras.callbacks.Callback, received "
                    f"{entry!r} of type {type(entry).__name__}."
                    + (" Write it with parentheses to make an instance." if isinstance(entry, type) else "")
                )
        self._history = self._find_or_add(History, add_history)
        self._progbar = self._find_or_add(ProgbarLogger, add_progbar)
        self.set_model(model)
        self.set_params(params)

    def _find_or_add(self, kind: type, add: bool) -> Any:
        found = next((entry for entry in self.callbacks if isinstance(entry, kind)), None)
        if found is None and add:
            found = kind()
            self.callbacks.append(found)
        return found

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand `params` to every callback."""
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)
        self._find_listeners()

    def set_model(self, model: Any) -> None:
        """Hand the model to every callback; its `history` becomes the list's History."""
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    # Who listens.

    def _find_listeners(self) -> None:
        """Collect the bound batch hooks that do something; repeated when a run begins, as hooks may be set late."""
        self._batch_hooks: dict[str, list[Callable]] = {hook: [] for hook in _BATCH_HOOKS}
        self._follows: dict[str, bool] = {"train": False, "test": False, "predict": False}
        for callback in self.callbacks:
            for hook in _BATCH_HOOKS:
                listens = getattr(callback, "_listens_to", None)
                if listens is None or listens(hook):
                    self._batch_hooks[hook].append(getattr(callback, hook))
                    if not getattr(callback, "async_safe", False):
                        self._follows[hook.split("_")[1]] = True

    def _listens_to(self, hook: str) -> bool:
        return bool(self._batch_hooks.get(hook, True))

    @property
    def needs_train_batch_begin(self) -> bool:
        """Whether anybody listens to `on_train_batch_begin`."""
        return bool(self._batch_hooks["on_train_batch_begin"])

    @property
    def needs_train_batch_end(self) -> bool:
        """Whether anybody listens to `on_train_batch_end`, the progress bar included."""
        return bool(self._batch_hooks["on_train_batch_end"])

    @property
    def needs_test_batch_begin(self) -> bool:
        """Whether anybody listens to `on_test_batch_begin`."""
        return bool(self._batch_hooks["on_test_batch_begin"])

    @property
    def needs_test_batch_end(self) -> bool:
        """Whether anybody listens to `on_test_batch_end`, the progress bar included."""
        return bool(self._batch_hooks["on_test_batch_end"])

    @property
    def needs_predict_batch_begin(self) -> bool:
        """Whether anybody listens to `on_predict_batch_begin`."""
        return bool(self._batch_hooks["on_predict_batch_begin"])

    @property
    def needs_predict_batch_end(self) -> bool:
        """Whether anybody listens to `on_predict_batch_end`, the progress bar included."""
        return bool(self._batch_hooks["on_predict_batch_end"])

    def follows_each_batch(self, mode: str) -> bool:
        """Return whether a callback must see every single batch, and the weights after it.

        True if one without `async_safe` (which the progress bar has) listens to a batch hook of `mode`; otherwise
        several batches may run in one step, followed by one call for the last of them.

        Args:
            mode: `"train"`, `"test"` or `"predict"`.
        """
        return self._follows[mode]

    def close(self) -> None:
        """Give back what the callbacks hold open, for a run that ends with an exception; harmless after any other."""
        for callback in self.callbacks:
            if hasattr(callback, "_release"):
                callback._release()

    # Hooks around batches: only to those who listen.

    def _call_batch_hooks(self, hook: str, batch: int, logs: Mapping[str, Any] | None) -> None:
        listeners = self._batch_hooks[hook]
        if listeners:
            logs = as_logs(logs)
            for listener in listeners:
                listener(batch, logs)

    def on_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.on_train_batch_begin(batch, logs)

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.on_train_batch_end(batch, logs)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_predict_batch_end", batch, logs)

    # Hooks around epochs and runs: to everybody.

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = as_logs(logs)
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = as_logs(logs)
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def _call_run_hooks(self, hook: str, logs: Mapping[str, Any] | None) -> None:
        logs = as_logs(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(logs)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._call_run_hooks("on_train_begin", logs)
        self._find_listeners()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._call_run_hooks("on_train_end", logs)

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._call_run_hooks("on_test_begin", logs)
        self._find_listeners()

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._call_run_hooks("on_test_end", logs)

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._call_run_hooks("on_predict_begin", logs)
        self._find_listeners()

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._call_run_hooks("on_predict_end", logs)
