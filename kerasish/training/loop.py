"""fit, evaluate, predict and their one-batch forms: sources of batches, compiled steps and callbacks brought together."""

import inspect
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from kerasish.callbacks import CallbackList, History
from kerasish.callbacks.logs import Logs
from kerasish.core import config, random, tree
from kerasish.core.symbolic import KerasTensor, compute_output_spec
from kerasish.layers.spec import check_inputs
from kerasish.models import Model
from kerasish.training.compile import per_output
from kerasish.training.data import make_source, train_validation_split, unpack_x_y_sample_weight
from kerasish.training.interrupt import Interrupt
from kerasish.training.prefetch import Prefetcher
from kerasish.training.step import Program, all_variables

# A loop on the device comes back to Python this often, for callbacks, progress and Ctrl-C.
_SECONDS_PER_CALL = 0.05


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
        class_weight=class_weight, epochs=epochs - initial_epoch,
    )  # fmt: skip
    prepare(model, source, for_training=True)
    validation = None
    if validation_data is not None:
        val_x, val_y, val_weight = unpack_x_y_sample_weight(validation_data)
        size = validation_batch_size or (batch_size if source.is_array else None)
        val_source = make_source(val_x, val_y, val_weight, batch_size=size, steps_per_epoch=validation_steps)
        _check_labels(model, val_source)
    model.stop_training = False
    callback_list = callbacks
    if not isinstance(callbacks, CallbackList):
        callback_list = CallbackList(
            callbacks, add_history=True, add_progbar=verbose != 0, model=model, verbose=verbose, epochs=epochs,
            steps=source.num_steps,
        )  # fmt: skip
    runner = Runner(model, "train", source, callback_list)
    if validation_data is not None:
        validation = Runner(model, "test", val_source, callback_list)
    seed = random.make_default_seed()
    logs: Logs = Logs()
    try:
        with Interrupt():
            callback_list.on_train_begin()
            for epoch in range(initial_epoch, epochs):
                callback_list.on_epoch_begin(epoch)
                model.reset_metrics()
                logs = Logs(runner.run(epoch - initial_epoch, seed))
                if validation is not None and _validates(validation_freq, epoch):
                    logs = Logs({**logs, **{f"val_{name}": value for name, value in validation.evaluate().items()}})
                callback_list.on_epoch_end(epoch, logs)
                if model.stop_training:
                    break
            callback_list.on_train_end(logs)
    finally:
        runner.close()
        callback_list.close()
    return model.history


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
    source = make_source(x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps)
    prepare(model, source)
    callback_list = callbacks
    if not isinstance(callbacks, CallbackList):
        callback_list = CallbackList(
            callbacks, add_progbar=verbose != 0, model=model, verbose=verbose, epochs=1, steps=source.num_steps
        )
    runner = Runner(model, "test", source, callback_list)
    try:
        with Interrupt():
            logs = runner.evaluate()
    finally:
        runner.close()
        callback_list.close()
    return dict(logs) if return_dict else _in_order(model, logs)


def predict(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    """Compute the outputs for data; see `Model.predict`."""
    is_plain = isinstance(x, np.ndarray) and x.dtype.kind in "fiub" and x.ndim > 0
    _check_count("batch_size", batch_size, optional=True)
    if is_plain and callbacks is None and steps is None and 0 < len(x) <= (batch_size or 32):
        return jax.tree.map(np.asarray, _predict_program(model, (x,)).run((x,)))
    _check_count("steps", steps, optional=True)
    source = make_source(x, batch_size=batch_size, steps_per_epoch=steps)
    prepare(model, source, needs_loss=False)
    callback_list = callbacks
    if not isinstance(callbacks, CallbackList):
        show = verbose != 0 and source.num_steps != 1
        callback_list = CallbackList(
            callbacks, add_progbar=show, model=model, verbose=verbose, epochs=1, steps=source.num_steps
        )
    try:
        with Interrupt():
            return _predict_all(model, source, callback_list)
    finally:
        callback_list.close()


def _predict_all(model: Any, source: Any, callbacks: CallbackList) -> Any:
    """Run the predict step over all batches; results move to the host one batch behind the device."""
    collected: list = []
    waiting: Any = None
    callbacks.on_predict_begin()
    source.on_epoch_begin()
    with Prefetcher(source.epoch_batches(), transform=jax.device_put) as ready:
        for index, batch in enumerate(ready):
            if callbacks.needs_predict_batch_begin:
                callbacks.on_predict_batch_begin(index)
            data = (unpack_x_y_sample_weight(batch)[0],)
            outputs = _predict_program(model, data).run(data)
            if callbacks.needs_predict_batch_end:
                callbacks.on_predict_batch_end(index, {"outputs": outputs})
            if waiting is not None:
                collected.append(jax.tree.map(np.asarray, waiting))
            waiting = outputs
    source.on_epoch_end()
    if waiting is None:
        raise ValueError("predict: the data has no batches.")
    collected.append(jax.tree.map(np.asarray, waiting))
    callbacks.on_predict_end()
    return jax.tree.map(lambda *parts: np.concatenate(parts) if len(parts) > 1 else parts[0], *collected)


def train_on_batch(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: dict | None, return_dict: bool) -> Any:
    """Do one gradient step on one batch; see `Model.train_on_batch`."""
    return _on_batch(model, "train", x, y, sample_weight, class_weight, return_dict)


def test_on_batch(model: Any, x: Any, y: Any, sample_weight: Any, return_dict: bool) -> Any:
    """Compute loss and metrics of one batch; see `Model.test_on_batch`."""
    return _on_batch(model, "test", x, y, sample_weight, None, return_dict)


def predict_on_batch(model: Any, x: Any) -> Any:
    """Return the outputs for one batch; see `Model.predict_on_batch`."""
    source = make_source(x, batch_size=len(tree.flatten(x)[0]))
    prepare(model, source, needs_loss=False)
    data = (source.arrays[0],)
    return jax.tree.map(np.asarray, _predict_program(model, data).run(data))


def _on_batch(
    model: Any, mode: str, x: Any, y: Any, sample_weight: Any, class_weight: dict | None, return_dict: bool
) -> Any:
    _require_compiled(model, f"{mode}_on_batch")
    size = len(tree.flatten(x)[0]) if hasattr(tree.flatten(x)[0], "__len__") else None
    source = make_source(x, y, sample_weight, batch_size=size, class_weight=class_weight)
    prepare(model, source, for_training=mode == "train")
    logs = Logs(Runner(model, mode, source, CallbackList([], model=model)).step(source.arrays))
    return dict(logs) if return_dict else _in_order(model, logs)


class Runner:
    """Runs the train or test step of a model over a source of batches.

    Args:
        model: a compiled model.
        mode: `"train"` or `"test"`.
        source: where batches come from.
        callbacks: whose batch hooks are called.
    """

    def __init__(self, model: Any, mode: str, source: Any, callbacks: CallbackList) -> None:
        self.model, self.mode, self.source, self.callbacks = model, mode, source, callbacks
        self._flags = _flags(model)
        self._data: Any = None  # the arrays on the device, once they are there
        self._compiling: threading.Thread | None = None

    def run(self, epoch: int = 0, seed: int = 0) -> Any:
        """Go over the batches of an epoch; return the logs of the last."""
        self._flags = _flags(self.model)
        source = self.source
        source.on_epoch_begin()
        if source.is_array and source.fits_device and not self.model.run_eagerly:
            logs = self._run_arrays(*source.plan(epoch, seed))
        else:
            logs = self._run_batches(source.epoch_batches(epoch, seed))
        source.on_epoch_end()
        return logs

    def evaluate(self) -> Logs:
        """Run the test step over all batches from fresh metrics; return the results."""
        self.model.reset_metrics()
        self.callbacks.on_test_begin()
        logs = Logs(self.run())
        self.callbacks.on_test_end(logs)
        return logs

    def step(self, batch: Any) -> Any:
        """Do the step on one batch."""
        if self.model.run_eagerly:
            return bound_step(self.model, self.mode)(jax.tree.map(jax.numpy.asarray, batch))
        return self._program(batch).run(batch)

    def close(self) -> None:
        """Wait for what runs in the background."""
        if self._compiling is not None:
            self._compiling.join()
            self._compiling = None

    def _program(self, batch: Any) -> Program:
        key = (self.mode, _signature(batch), self._flags)
        program = self.model._programs.get(key)
        if program is None:
            step = bound_step(self.model, self.mode)
            program = self.model._programs[key] = Program(step, all_variables(self.model), batch)
        return program

    def _run_arrays(self, order: np.ndarray | None, first: int, last: int) -> Any:
        """Take batches from arrays that lie on the device, many in one call where that pays."""
        source, size = self.source, self.source.batch_size
        if self._data is None:
            self._data = jax.device_put(source.arrays)
        order = None if order is None else jax.device_put(order)
        last_full = min(last, source.num_samples // size)
        logs: Any = None
        if first < last_full:
            program = self._program(_rows(self._data, size))
            if last > last_full:
                self._compile_rest(order)
            pace = _Pace(self._fixed_count(program), last_full - first)
            for offset, count in pace:
                start = first + offset
                if self._begin(offset):
                    return logs
                logs = program.run_at(self._data, order, start * size, None if pace.single else count)
                self._end(offset + count - 1, logs)
                pace.wait(logs)
        if last > last_full and not self._begin(last_full - first):
            self.close()
            rest = self._program(_rows(self._data, source.num_samples - last_full * size))
            logs = rest.run_at(self._data, order, last_full * size)
            self._end(last_full - first, logs)
        return logs

    def _fixed_count(self, program: Program) -> int | None:
        """Return how many batches one call does: 0 for a step outside any loop, None for what the pace tells."""
        wanted = self.model.steps_per_execution
        if self.callbacks.follows_each_batch(self.mode) and wanted == "auto":
            return 0
        # XLA:CPU compiles convolution gradients inside a loop to something several times slower.
        if program.has_convolution and jax.default_backend() == "cpu":
            return 0
        return None if wanted == "auto" else wanted if wanted > 1 else 0

    def _compile_rest(self, order: Any) -> None:
        """Compile the step for the short last batch beside the first epoch."""
        rest = _rows(self._data, self.source.partial_batch_size)
        if (self.mode, _signature(rest), self._flags) in self.model._programs or self._compiling is not None:
            return
        compile_ = self._program(rest).prepare(self._data, order)
        self._compiling = threading.Thread(target=compile_, daemon=True)
        self._compiling.start()

    def _run_batches(self, batches: Iterator[Any]) -> Any:
        """Run batch by batch, each brought to the device while the one before is computed."""
        logs: Any = None
        pace = _Pace(0, None)
        with Prefetcher(batches, transform=jax.device_put) as ready:
            for index, batch in enumerate(ready):
                if self._begin(index):
                    break
                logs = self.step(batch)
                self._end(index, logs)
                pace.wait(logs)
        if logs is None:
            raise ValueError(f"{self.mode}: the data has no batches.")
        return logs

    def _begin(self, index: int) -> bool:
        """Call the hooks before a batch; return whether training was stopped."""
        if self.mode == "train":
            if self.callbacks.needs_train_batch_begin:
                self.callbacks.on_train_batch_begin(index)
            return self.model.stop_training and index > 0
        if self.callbacks.needs_test_batch_begin:
            self.callbacks.on_test_batch_begin(index)
        return False

    def _end(self, index: int, logs: Any) -> None:
        if self.mode == "train":
            if self.callbacks.needs_train_batch_end:
                self.callbacks.on_train_batch_end(index, Logs(logs))
        elif self.callbacks.needs_test_batch_end:
            self.callbacks.on_test_batch_end(index, Logs(logs))


class _Pace:
    """How many batches each call does, from how long they took, with at most two calls on their way.

    The compiled loop is the same whatever the count, so results do not depend on the clock.

    Args:
        count: batches per call; 0 for one outside any loop; None to find out.
        total: number of batches, None if unknown.
    """

    def __init__(self, count: int | None, total: int | None) -> None:
        self.single = count == 0
        self._adapts = count is None
        self._count = count or 1
        self._total = total
        self._running: deque = deque()
        self._last = time.perf_counter()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        start = 0
        while start < (self._total or 0):
            count = min(self._count, self._total - start)
            self._current = count
            yield start, count
            start += count

    def wait(self, logs: Any) -> None:
        """Note that a call was made; wait for the one before it."""
        self._running.append((logs, getattr(self, "_current", 1)))
        if len(self._running) < 2:
            self._last = time.perf_counter()
            return
        before, count = self._running.popleft()
        jax.block_until_ready(before)
        now = time.perf_counter()
        if self._adapts:
            affordable = int(_SECONDS_PER_CALL * count / max(now - self._last, 1e-6))
            self._count = max(1, min(affordable, 4 * self._count))
        self._last = now


# What a run needs before its first step


def prepare(model: Any, source: Any, for_training: bool = False, needs_loss: bool = True) -> None:
    """Make sure that weights, losses, metrics and optimizer slots exist, from the shapes of a batch.

    Raises:
        ValueError: if the data does not fit the model, or labels are out of range.
    """
    x, y, _ = unpack_x_y_sample_weight(source.first_batch())
    y_pred = None
    compiled = model._compiled if needs_loss else None
    if model._graph is not None:
        y_pred = model._graph.outputs_struct
        if isinstance(y_pred, (list, tuple)) and len(y_pred) == 1:
            y_pred = y_pred[0]
        if needs_loss or not model._called:
            _check_inputs(model, x)
    elif not model._called and _has_forward_pass(model):
        y_pred = _outputs_for(model, x)
    needs_outputs = compiled is not None and y is not None and not _is_resolved(compiled)
    if needs_outputs and y_pred is None and _has_forward_pass(model):
        y_pred = _outputs_for(model, x)
    if needs_outputs and y_pred is not None:
        _resolve(compiled, y, y_pred)
    if compiled is not None:
        _check_labels(model, source)
    if for_training and model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)


def _has_forward_pass(model: Any) -> bool:
    """Return whether the model can be called: not so where only a custom `train_step` is written."""
    return model._graph is not None or type(model).call is not Model.call


def _as_symbolic(x: Any) -> Any:
    def symbolic(leaf: Any) -> Any:
        if not hasattr(leaf, "shape"):
            return leaf
        return KerasTensor((None, *np.shape(leaf)[1:]), str(np.dtype(leaf.dtype)) if leaf.dtype != bool else "bool")

    return tree.map_structure(symbolic, x)


def _outputs_for(model: Any, x: Any) -> Any:
    """Return the symbolic outputs for inputs like `x`; builds the model and its layers on the way."""
    return compute_output_spec(lambda inputs: model(inputs, training=False), _as_symbolic(x))


def _check_inputs(model: Any, x: Any) -> None:
    """Compare the data with the model's declared inputs before anything is traced."""
    if model.input_spec is not None:
        check_inputs(model.input_spec, x, model.name)


def _is_resolved(compiled: Any) -> bool:
    losses_done = compiled.loss is None or compiled.loss.is_built
    return losses_done and (compiled.metrics is None or compiled.metrics.is_built)


def _resolve(compiled: Any, y: Any, y_pred: Any) -> None:
    y = _as_symbolic(y)
    if compiled.loss is not None and not compiled.loss.is_built:
        compiled.loss.build(compiled.loss.targets(y, y_pred), y_pred)
    if compiled.metrics is not None and not compiled.metrics.is_built:
        names = compiled.metrics.output_names
        compiled.metrics.build(per_output(y, y_pred, names, "y"), y_pred)


def _check_labels(model: Any, source: Any) -> None:
    """Refuse integer labels that the outputs have no class for: on the host, and in arrays once per run."""
    loss = model._compiled.loss
    if loss is not None and loss.is_built:
        batch = source.arrays if source.is_array and source.fits_device else source.first_batch()
        if len(batch) > 1:
            loss.check_labels(batch[1])


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


# Steps and batches


def bound_step(model: Any, mode: str) -> Callable:
    """Return the step of a model as a function of a batch, whichever of its two forms it is written in."""
    method = getattr(model, f"{mode}_step")
    parameters = inspect.signature(method).parameters.values()
    if sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters) < 2:
        return method
    groups = [model.trainable_variables, model.non_trainable_variables]
    if mode == "train":
        groups.append(model.optimizer.variables)
    if mode != "predict":
        groups.append(model.metrics_variables)

    def step(data: Any) -> Any:
        logs, new_state = method(tuple([v.value for v in group] for group in groups), data)
        for group, values in zip(groups, new_state, strict=False):
            for variable, value in zip(group, values or (), strict=False):
                variable.assign(value)
        return logs

    return step


def _predict_program(model: Any, data: tuple) -> Program:
    key = ("predict", _signature(data))
    program = model._programs.get(key)
    if program is None:
        if not model._called and model._graph is None:
            _outputs_for(model, data[0])
        elif model._graph is not None:
            _check_inputs(model, data[0])
        program = model._programs[key] = Program(bound_step(model, "predict"), model.variables, data, donate=False)
    return program


def _signature(batch: Any) -> Any:
    leaves, structure = jax.tree.flatten(batch)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def _flags(model: Any) -> tuple:
    """Return what a compiled step depends on beside shapes: what is trained, and in which precision."""
    layers = model._flatten_layers()
    return (
        tuple((layer._trainable, layer._dtype_policy.name) for layer in layers),
        tuple(variable.trainable for variable in model.variables),
        id(model.optimizer),
    )


def _rows(data: Any, count: int) -> Any:
    """Return the shapes and dtypes of the first `count` rows of arrays."""
    return jax.tree.map(lambda array: jax.ShapeDtypeStruct((count, *array.shape[1:]), array.dtype), data)


def _in_order(model: Any, logs: Logs) -> Any:
    """Return results as a list in the order of the metrics; a single one without its list."""
    names = []
    for metric in model.metrics:
        entries = getattr(metric, "metrics", None)
        names += [entry.name for entry in entries] if entries is not None else [metric.name]
    names = [name for name in names if name in logs]
    results = [logs[name] for name in names] + [logs[name] for name in sorted(logs) if name not in names]
    return results[0] if len(results) == 1 else results
