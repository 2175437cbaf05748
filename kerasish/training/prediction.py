"""Prediction: the compiled predict step over the batches of a source, its outputs brought to the host."""

import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from kerasish.callbacks import CallbackList
from kerasish.training.data import unpack_x_y_sample_weight
from kerasish.training.prefetch import Prefetcher
from kerasish.training.prepare import check_model_inputs, outputs_for
from kerasish.training.runner import bound_step, signature_of
from kerasish.training.step import Program

# Fewer batches are not worth a compiled loop beside the compiled step.
_LEAST_IN_LOOP = 4


def predict_one(model: Any, data: tuple) -> Any:
    """Return the outputs for one batch `(x,)` as NumPy arrays that may be changed."""
    return jax.tree.map(np.array, _program(model, data).run(data))


def predict_all(model: Any, source: Any, callbacks: CallbackList) -> Any:
    """Return the outputs for all batches of a source, one after the other."""
    callbacks.on_predict_begin()
    source.on_epoch_begin()
    collected: list = []
    if source.is_array and source.fits_device and not callbacks.follows_each_batch("predict"):
        order, first, last = source.plan(0, 0)
        collected.extend(_from_arrays(model, source, first, last, callbacks))
        first += sum(count for count, _ in collected)
        if first < last:
            collected.extend(_batch_by_batch(model, source.batches(order, first, last), first, callbacks))
    else:
        collected.extend(_batch_by_batch(model, source.epoch_batches(), 0, callbacks))
    source.on_epoch_end()
    if not collected:
        raise ValueError("predict: the data has no batches.")
    callbacks.on_predict_end()
    parts = [outputs for _, outputs in collected]
    return jax.tree.map(lambda *parts: np.concatenate(parts) if len(parts) > 1 else np.array(parts[0]), *parts)


def _from_arrays(model: Any, source: Any, first: int, last: int, callbacks: CallbackList) -> Iterator[tuple[int, Any]]:
    """Yield the outputs of full batches, many in a call of the compiled program, with their number."""
    size = source.batch_size
    last = min(last, source.num_samples // size)
    if last - first < _LEAST_IN_LOOP:
        return
    program = _program(model, (source.host_batch(first)[0],))
    if program.most_collected < 2 or (program.slow_in_loops and jax.default_backend() == "cpu"):
        return
    data = (jax.device_put(source.arrays[0]),)
    while first < last:
        count = min(program.batches_per_call, program.most_collected, last - first)
        if callbacks.needs_predict_batch_begin:
            callbacks.on_predict_batch_begin(first)
        start = time.perf_counter()
        outputs = program.collect_at(data, first * size, count)
        program.note_time(count, time.perf_counter() - start)
        first += count
        if callbacks.needs_predict_batch_end:
            callbacks.on_predict_batch_end(first - 1, {"outputs": outputs})
        yield count, outputs


def _batch_by_batch(
    model: Any, batches: Iterator[tuple], first: int, callbacks: CallbackList
) -> Iterator[tuple[int, Any]]:
    """Yield the outputs of each batch; they move to the host one batch behind the device."""
    waiting: Any = None
    with Prefetcher(batches, transform=jax.device_put) as ready:
        for index, batch in enumerate(ready, first):
            if callbacks.needs_predict_batch_begin:
                callbacks.on_predict_batch_begin(index)
            data = (unpack_x_y_sample_weight(batch)[0],)
            outputs = _program(model, data).run(data)
            if callbacks.needs_predict_batch_end:
                callbacks.on_predict_batch_end(index, {"outputs": outputs})
            if waiting is not None:
                yield 1, jax.tree.map(np.asarray, waiting)
            waiting = outputs
    if waiting is not None:
        yield 1, jax.tree.map(np.asarray, waiting)


def _program(model: Any, data: tuple) -> Program:
    """Return the compiled predict step for batches like `data`, kept on the model from the first time on."""
    key = ("predict", signature_of(data))
    program = model._programs.get(key)
    if program is None:
        if not model._called and model._graph is None:
            outputs_for(model, data[0])
        elif model._graph is not None:
            check_model_inputs(model, data[0])
        program = model._programs[key] = Program(bound_step(model, "predict"), model.variables, data, donate=False)
    return program
