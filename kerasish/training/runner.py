"""Runner: goes over a source of batches with the compiled train, test or predict step of a model."""

import inspect
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.callbacks import CallbackList
from kerasish.callbacks.logs import Logs
from kerasish.training.prefetch import Prefetcher
from kerasish.training.prepare import check_batch_labels
from kerasish.training.step import Program, all_variables

# Python has the next call ready before the end of one that takes less than this.
_SHORT_CALL = 0.1


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
        """Go over the batches of an epoch; return the logs of the last, or None if there are no batches."""
        self._flags = _flags(self.model)
        source = self.source
        source.on_epoch_begin()
        if source.is_array and source.fits_device and not self.model.run_eagerly:
            logs = self._run_arrays(*source.plan(epoch, seed))
        else:
            logs = self._run_batches(source.epoch_batches(epoch, seed))
        source.on_epoch_end()
        return logs

    def step(self, batch: Any) -> Any:
        """Do the step on one batch."""
        if self.model.run_eagerly:
            return bound_step(self.model, self.mode)(jax.tree.map(jnp.asarray, batch))
        return self._program(batch).run(batch)

    def close(self) -> None:
        """Wait for what runs in the background."""
        if self._compiling is not None:
            self._compiling.join()
            self._compiling = None

    def _program(self, batch: Any) -> Program:
        key = (self.mode, signature_of(batch), self._flags)
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
            pace = _Pace(program, self._fixed_count(program), last_full - first)
            for offset, count in pace:
                start = first + offset
                if self._begin(offset):
                    return logs
                logs = program.run_at(self._data, order, start * size, None if pace.single else count)
                self._end(offset + count - 1, logs)
                pace.wait(logs, count)
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
        if program.slow_in_loops and jax.default_backend() == "cpu":
            return 0
        return None if wanted == "auto" else wanted if wanted > 1 else 0

    def _compile_rest(self, order: Any) -> None:
        """Compile the step for the short last batch beside the first epoch."""
        rest = _rows(self._data, self.source.partial_batch_size)
        if (self.mode, signature_of(rest), self._flags) in self.model._programs or self._compiling is not None:
            return
        compile_ = self._program(rest).prepare(self._data, order)
        self._compiling = threading.Thread(target=compile_, daemon=True)
        self._compiling.start()

    def _run_batches(self, batches: Iterator[Any]) -> Any:
        """Run batch by batch, each brought to the device while the one before is computed."""
        logs: Any = None
        pace = _Pace()
        with Prefetcher(batches, transform=self._to_device) as ready:
            for index, batch in enumerate(ready):
                if self._begin(index):
                    break
                logs = self.step(batch)
                self._end(index, logs)
                pace.wait(logs)
        return logs

    def _to_device(self, batch: Any) -> Any:
        """Bring a batch to the device, once its labels are seen to be in range."""
        check_batch_labels(self.model, batch)
        return jax.device_put(batch)

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
    """How many batches each call does, from how long they took; a second call is on its way while the first is short.

    The compiled loop is the same whatever the count, so results do not depend on the clock.

    Args:
        program: what is called; it remembers the count for the next epoch. None where batches come one by one.
        count: batches per call; 0 for one outside any loop; None to find out.
        total: number of batches.
    """

    def __init__(self, program: Program | None = None, count: int | None = 0, total: int = 0) -> None:
        self.single = count == 0
        self._program = program if count is None else None
        self._count = count or 1
        self._total = total
        self._running: deque = deque()
        self._started = self._finished = time.perf_counter()
        self._is_short = False

    def __iter__(self) -> Iterator[tuple[int, int]]:
        start = 0
        while start < self._total:
            left, count = self._total - start, self._count
            if self._program is not None:  # calls of about equal length, the last ones as well
                count = -(-left // max(1, round(left / self._program.batches_per_call)))
            count = min(count, left)
            self._started = time.perf_counter()
            yield start, count
            start += count

    def wait(self, logs: Any, count: int = 1) -> None:
        """Note that a call for so many batches was made; wait for it, or where calls are short for the one before."""
        self._running.append((logs, count, self._started))
        while len(self._running) > self._is_short:
            before, count, started = self._running.popleft()
            jax.block_until_ready(before)
            now = time.perf_counter()
            seconds, self._finished = now - max(started, self._finished), now
            self._is_short = seconds < _SHORT_CALL
            if self._program is not None:
                self._program.note_time(count, seconds)


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


def signature_of(batch: Any) -> Any:
    """Return structure, shapes and dtypes of a batch."""
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
