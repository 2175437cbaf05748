"""fit, evaluate, predict and their one-batch forms: sources, compiled steps and callbacks brought together."""

from typing import Any

import numpy as np

from kerasish.callbacks import CallbackList, History
from kerasish.callbacks.logs import Logs
from kerasish.core import config, random, tree
from kerasish.layers.host import as_arrays
from kerasish.training.data import host_of, make_source, train_validation_split, unpack_x_y_sample_weight
from kerasish.training.interrupt import Interrupt
from kerasish.training.prediction import predict_all, predict_one
from kerasish.training.prepare import check_labels, prepare
from kerasish.training.runner import Runner


def fit(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None,
    epochs: int,
    verbose: Any,
    callbacks: Any,
    validation_split: float,
    validation_data: Any,
    shuffle: Any,
    class_weight: dict | None,
    sample_weight: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: Any,
) -> History:
    """Train a model; see `Model.fit`."""
    _require_compiled(model, "fit")
    _check_count("epochs", epochs)
    _check_count("steps_per_epoch", steps_per_epoch, optional=True)
    epochs = epochs if config.max_epochs() is None else min(epochs, config.max_epochs())
    if validation_split and validation_data is None:
        (x, y, sample_weight), validation_data = train_validation_split((x, y, sample_weight), validation_split)
    source = make_source(
        x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps_per_epoch, shuffle=shuffle,
        class_weight=class_weight, epochs=epochs - initial_epoch, host=host_of(model),
    )  # fmt: skip
    prepare(model, source, for_training=True)
    validation_source = None
    if validation_data is not None:
        size = validation_batch_size or (batch_size if source.is_array else None)
        parts = unpack_x_y_sample_weight(validation_data)
        validation_source = make_source(*parts, batch_size=size, steps_per_epoch=validation_steps, host=host_of(model))
        check_labels(model, validation_source)
    with _CallbacksOf(model, callbacks, verbose, epochs, source.num_steps, add_history=True) as callback_list:
        runner = Runner(model, "train", source, callback_list)
        validation = None if validation_source is None else Runner(model, "test", validation_source, callback_list)
        try:
            _run_epochs(model, runner, validation, range(initial_epoch, epochs), validation_freq)
        finally:
            runner.close()
            source.close()
            if validation is not None:
                validation.close()
                validation_source.close()
    return model.history


def _run_epochs(model: Any, runner: Runner, validation: Runner | None, epochs: range, frequency: Any) -> None:
    """Train for the given epochs, with validation after those that `frequency` says."""
    callbacks = runner.callbacks
    seed = random.make_default_seed()
    model.stop_training = False
    logs = Logs()
    callbacks.on_train_begin()
    for epoch in epochs:
        callbacks.on_epoch_begin(epoch)
        model.reset_metrics()
        results = runner.run(epoch, seed)
        if results is None and epoch > epochs.start:
            break  # a generator that is used up
        logs = Logs(_required(results, "fit"))
        if model.optimizer is not None:
            model.optimizer.finalize_variable_values(model.trainable_weights)
        if validation is not None and _validates(frequency, epoch):
            logs = Logs({**logs, **{f"val_{name}": value for name, value in _evaluated(validation).items()}})
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callbacks.on_train_end(logs)


def _evaluated(runner: Runner) -> Logs:
    """Run the test step over all batches from fresh metrics; return the results."""
    runner.model.reset_metrics()
    runner.callbacks.on_test_begin()
    logs = Logs(_required(runner.run(), "evaluate"))
    runner.callbacks.on_test_end(logs)
    return logs


class _CallbacksOf:
    """The callbacks of a run, with Ctrl-C held back inside steps; whatever they hold open is given back at the end."""

    def __init__(
        self, model: Any, callbacks: Any, verbose: Any, epochs: int, steps: int | None, add_history: bool = False
    ) -> None:
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(
                callbacks, add_history=add_history, add_progbar=verbose != 0, model=model, verbose=verbose,
                epochs=epochs, steps=steps,
            )  # fmt: skip
        self._callbacks = callbacks
        self._interrupt = Interrupt()

    def __enter__(self) -> CallbackList:
        self._interrupt.__enter__()
        return self._callbacks

    def __exit__(self, *exception: Any) -> None:
        try:
            self._callbacks.close()
        finally:
            self._interrupt.__exit__(*exception)


def evaluate(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None,
    verbose: Any,
    sample_weight: Any,
    steps: int | None,
    callbacks: Any,
    return_dict: bool,
    **kwargs: Any,
) -> Any:
    """Compute loss and metrics on data; see `Model.evaluate`."""
    if kwargs:
        raise ValueError(f"evaluate: unknown arguments {sorted(kwargs)}.")
    _require_compiled(model, "evaluate")
    _check_count("steps", steps, optional=True)
    source = make_source(x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps, host=host_of(model))
    prepare(model, source)
    with _CallbacksOf(model, callbacks, verbose, 1, source.num_steps) as callback_list:
        runner = Runner(model, "test", source, callback_list)
        try:
            logs = _evaluated(runner)
        finally:
            runner.close()
            source.close()
    return dict(logs) if return_dict else _in_order(model, logs)


def predict(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    """Compute the outputs for data; see `Model.predict`."""
    host = host_of(model)
    is_plain = host is None and isinstance(x, np.ndarray) and x.dtype.kind in "fiub" and x.ndim > 0
    _check_count("batch_size", batch_size, optional=True)
    if is_plain and callbacks is None and steps is None and 0 < len(x) <= (batch_size or 32):
        return predict_one(model, (x,))
    _check_count("steps", steps, optional=True)
    source = make_source(x, batch_size=batch_size, steps_per_epoch=steps, host=host)
    prepare(model, source, needs_loss=False)
    verbose = 0 if source.num_steps == 1 else verbose
    with _CallbacksOf(model, callbacks, verbose, 1, source.num_steps) as callback_list:
        try:
            return predict_all(model, source, callback_list)
        finally:
            source.close()


def train_on_batch(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: dict | None, return_dict: bool) -> Any:
    """Do one gradient step on one batch; see `Model.train_on_batch`."""
    return _on_batch(model, "train", x, y, sample_weight, class_weight, return_dict)


def test_on_batch(model: Any, x: Any, y: Any, sample_weight: Any, return_dict: bool) -> Any:
    """Compute loss and metrics of one batch; see `Model.test_on_batch`."""
    return _on_batch(model, "test", x, y, sample_weight, None, return_dict)


def predict_on_batch(model: Any, x: Any) -> Any:
    """Return the outputs for one batch; see `Model.predict_on_batch`."""
    host = host_of(model)
    x = x if host is None else as_arrays(x, "x")
    source = make_source(x, batch_size=_length(x), host=host)
    prepare(model, source, needs_loss=False)
    return predict_one(model, (source.arrays[0],))


def _on_batch(
    model: Any, mode: str, x: Any, y: Any, sample_weight: Any, class_weight: dict | None, return_dict: bool
) -> Any:
    _require_compiled(model, f"{mode}_on_batch")
    host = host_of(model)
    x = x if host is None else as_arrays(x, "x")
    source = make_source(x, y, sample_weight, batch_size=_length(x), class_weight=class_weight, host=host)
    prepare(model, source, for_training=mode == "train")
    model.reset_metrics()
    logs = Logs(Runner(model, mode, source, CallbackList([], model=model)).step(source.arrays))
    return dict(logs) if return_dict else _in_order(model, logs)


def _length(x: Any) -> int | None:
    """Return the number of samples of a batch, None where `x` holds nothing that has one."""
    leaves = tree.flatten(x)
    return len(leaves[0]) if leaves and hasattr(leaves[0], "__len__") else None


def _required(results: Any, method: str) -> Any:
    if results is None:
        raise ValueError(f"{method}: the data has no batches.")
    return results


def _require_compiled(model: Any, method: str) -> None:
    if model._compiled is None:
        raise RuntimeError(
            f"{method}: model {model.name!r} is not compiled. Call `model.compile(optimizer, loss)` first."
        )


def _check_count(name: str, value: Any, optional: bool = False) -> None:
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer, received {name}={value!r}.")


def _validates(frequency: Any, epoch: int) -> bool:
    if isinstance(frequency, (list, tuple, set)):
        return epoch + 1 in frequency
    return (epoch + 1) % frequency == 0


def _in_order(model: Any, logs: Logs) -> Any:
    """Return results as a list in the order of the metrics; a single one without its list."""
    names: list[str] = []
    for metric in model.metrics:
        entries = getattr(metric, "metrics", None)
        names += [entry.name for entry in entries] if entries is not None else [metric.name]
    names = [name for name in names if name in logs]
    results = [logs[name] for name in names] + [logs[name] for name in sorted(logs) if name not in names]
    return results[0] if len(results) == 1 else results
