"""What a run needs before its first step: built weights, resolved losses and metrics, and data that fits the model."""

from typing import Any

import numpy as np

from kerasish.core import tree
from kerasish.core.symbolic import KerasTensor, compute_output_spec
from kerasish.layers.spec import check_inputs
from kerasish.models import Model
from kerasish.training.compile import per_output
from kerasish.training.data import unpack_x_y_sample_weight


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
            check_model_inputs(model, x)
    elif not model._called and _has_forward_pass(model):
        y_pred = outputs_for(model, x)
    needs_outputs = compiled is not None and y is not None and not _is_resolved(compiled)
    if needs_outputs and y_pred is None and _has_forward_pass(model):
        y_pred = outputs_for(model, x)
    if needs_outputs and y_pred is not None:
        _resolve(compiled, y, y_pred)
    if compiled is not None:
        check_labels(model, source)
    if for_training and model.optimizer is not None:
        model.optimizer.ensure_built(model.trainable_variables)


def _has_forward_pass(model: Any) -> bool:
    """Return whether the model can be called: not so where only a custom `train_step` is written."""
    return model._graph is not None or type(model).call is not Model.call


def _as_symbolic(x: Any) -> Any:
    def symbolic(leaf: Any) -> Any:
        if not hasattr(leaf, "shape"):
            return leaf
        return KerasTensor((None, *np.shape(leaf)[1:]), str(np.dtype(leaf.dtype)) if leaf.dtype != bool else "bool")

    return tree.map_structure(symbolic, x)


def outputs_for(model: Any, x: Any) -> Any:
    """Return the symbolic outputs for inputs like `x`; builds the model and its layers on the way."""
    return compute_output_spec(lambda inputs: model(inputs, training=False), _as_symbolic(x))


def check_model_inputs(model: Any, x: Any) -> None:
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


def check_labels(model: Any, source: Any) -> None:
    """Refuse integer labels that the outputs have no class for: all of an array's at once, else the first batch's."""
    check_batch_labels(model, source.arrays if source.is_array and source.fits_device else source.first_batch())


def check_batch_labels(model: Any, batch: Any) -> None:
    """Refuse integer labels of a batch on the host that the outputs have no class for.

    Raises:
        ValueError: naming the labels found and the number of classes.
    """
    loss = None if model._compiled is None else model._compiled.loss
    if loss is not None and loss.is_built and isinstance(batch, (tuple, list)) and len(batch) > 1:
        loss.check_labels(batch[1])
