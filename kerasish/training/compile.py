"""What `Model.compile` makes: the loss over all outputs, the metrics over all outputs, and the settings of training."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import jax
import numpy as np

from kerasish import losses as losses_module
from kerasish import metrics as metrics_module
from kerasish import optimizers as optimizers_module
from kerasish.core import naming, tree
from kerasish.losses.arrays import check_labels
from kerasish.losses.loss import Loss, LossFunctionWrapper
from kerasish.metrics import Mean, Metric


def _output_names(y_pred: Any, names: list[str] | None) -> list[str | None]:
    """Return a name for every output in flat order; None where nothing names it."""
    flat = tree.flatten(y_pred)
    if isinstance(y_pred, dict) and len(y_pred) == len(flat):
        return list(y_pred) if type(y_pred) is not dict else sorted(y_pred)
    if names is not None and len(names) == len(flat):
        return list(names)
    return [None] * len(flat)


def per_output(value: Any, y_pred: Any, names: list[str] | None, what: str, spread: bool = False) -> list:
    """Return the part of `value` that belongs to each output, in flat order.

    Args:
        value: None, one item, a list by position, a dict by output name, or a nest like `y_pred`.
        y_pred: the outputs.
        names: names of the outputs.
        what: the argument's name for error texts.
        spread: whether one item that is not nested serves every output.

    Raises:
        ValueError: if keys or lengths do not match the outputs.
    """
    flat = tree.flatten(y_pred)
    count = len(flat)
    if value is None:
        return [None] * count
    if isinstance(value, dict):
        known = [_output_names(y_pred, names), list(names or [])]
        for candidates in known:
            if set(value) <= set(candidates):
                return [value.get(name) for name in candidates]
        if count == 1 and len(value) == 1:
            return list(value.values())
        outputs = known[0] if any(known[0]) else count
        raise ValueError(f"`{what}` has keys {sorted(map(str, value))}, but the model's outputs are {outputs}.")
    if count == 1:
        single = isinstance(value, (list, tuple)) and len(value) == 1
        return [value[0] if single else value]
    if isinstance(value, (list, tuple)):
        if len(value) == count:
            return list(value)
        nested = tree.flatten(value)
        if len(nested) == count:
            return nested
        raise ValueError(f"`{what}` has {len(value)} entries, but the model has {count} outputs.")
    if spread:
        return [value] * count
    raise ValueError(f"`{what}` must have one entry for each of the model's {count} outputs; received {value!r}.")


def _kind_of_targets(y_true: Any, y_pred: Any) -> str:
    """Return `binary`, `sparse` or `categorical`: what `"accuracy"` and `"crossentropy"` mean for these shapes."""
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    if pred_shape and pred_shape[-1] == 1:
        return "binary"
    if len(true_shape) < len(pred_shape) or (true_shape and true_shape[-1] == 1 and pred_shape[-1] > 1):
        return "sparse"
    return "categorical"


def _resolve_loss(identifier: Any, y_true: Any, y_pred: Any) -> Loss:
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        kind = {"binary": "binary", "sparse": "sparse_categorical", "categorical": "categorical"}
        identifier = kind[_kind_of_targets(y_true, y_pred)] + "_crossentropy"
    loss = losses_module.get(identifier)
    if isinstance(loss, Loss):
        return loss
    name = identifier if isinstance(identifier, str) else _name_of(loss)
    return LossFunctionWrapper(loss, name=name)


def _resolve_metric(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        classes = {
            "binary": metrics_module.BinaryAccuracy,
            "sparse": metrics_module.SparseCategoricalAccuracy,
            "categorical": metrics_module.CategoricalAccuracy,
        }
        return classes[_kind_of_targets(y_true, y_pred)](name=identifier)
    metric = metrics_module.get(identifier)
    name = identifier if isinstance(identifier, str) else _name_of(metric)
    if not isinstance(metric, Metric):
        metric = metrics_module.MeanMetricWrapper(metric)
    metric.name = name
    return metric


def _name_of(obj: Any) -> str:
    return getattr(obj, "name", None) or naming.to_snake_case(getattr(obj, "__name__", type(obj).__name__))


class CompiledLoss:
    """The sum of the losses of all outputs, each with its weight.

    Args:
        loss: loss, name or function; list, dict or nest of them for several outputs.
        loss_weights: numbers, nested like `loss`.
        output_names: names of the outputs of a functional model.

    Attributes:
        metrics: one Mean per loss where there are several.
    """

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: list[str] | None = None) -> None:
        if not all(isinstance(weight, Real | np.ndarray | None) for weight in tree.flatten(loss_weights)):
            raise ValueError(
                f"compile: `loss_weights` must be a number, or a list or dict of numbers; received {loss_weights!r}. "
                "(It is the third argument; pass metrics as `metrics=...`.)"
            )
        self._user_loss, self._user_weights, self._names = loss, loss_weights, output_names
        self._terms: list[tuple[int, Loss, Any]] | None = None  # (output, loss, weight)
        self._outputs: Any = None  # what the model's outputs look like
        self.metrics: list[Mean] = []

    @property
    def is_built(self) -> bool:
        """Whether names and structures are resolved."""
        return self._terms is not None

    def build(self, y_true: list, y_pred: Any) -> None:
        """Resolve names and structures for these targets and outputs."""
        flat = tree.flatten(y_pred)
        losses = per_output(self._user_loss, y_pred, self._names, "loss", spread=True)
        weights = per_output(self._user_weights, y_pred, self._names, "loss_weights")
        terms, labels = [], []
        for index, (loss, weight) in enumerate(zip(losses, weights, strict=True)):
            several = loss if isinstance(loss, (list, tuple)) else [loss]
            several_weights = weight if isinstance(weight, (list, tuple)) else [weight] * len(several)
            for item, item_weight in zip(several, several_weights, strict=True):
                if item is not None:
                    resolved = _resolve_loss(item, y_true[index], flat[index])
                    terms.append((index, resolved, item_weight))
                    labels.append(_output_names(y_pred, self._names)[index] or resolved.name)
        self._terms, self._outputs = terms, y_pred
        if len(terms) > 1:
            self.metrics = [Mean(name=f"{label}_loss") for label in labels]

    def targets(self, y: Any, y_pred: Any) -> list:
        """Return the target of each output; outputs without a loss may have none.

        Raises:
            ValueError: if the targets do not match the outputs.
        """
        losses = per_output(self._user_loss, y_pred, self._names, "loss", spread=True)
        wanted = [index for index, loss in enumerate(losses) if loss is not None]
        if isinstance(y, (list, tuple)) and len(y) == len(wanted) < len(losses):
            filled: list = [None] * len(losses)
            for index, target in zip(wanted, y, strict=True):
                filled[index] = target
            return filled
        return per_output(y, y_pred, self._names, "y")

    def check_labels(self, y: Any) -> None:
        """Look for integer labels that the outputs have no class for; `y` is on the host.

        Raises:
            ValueError: naming the labels found and the number of classes.
        """
        if self._terms is None:
            return
        targets, outputs = self.targets(y, self._outputs), tree.flatten(self._outputs)
        for index, loss, _ in self._terms:
            is_sparse = getattr(loss, "fn", None) is losses_module.sparse_categorical_crossentropy
            if is_sparse and targets[index] is not None and outputs[index].shape[-1] is not None:
                ignored = loss.get_config().get("ignore_class")
                check_labels(targets[index], outputs[index].shape[-1], ignored, name="y")

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the total loss, or None if no output has one."""
        y_true = self.targets(y, y_pred)
        if self._terms is None:
            self.build(y_true, y_pred)
        weights = per_output(sample_weight, y_pred, self._names, "sample_weight", spread=True)
        flat = tree.flatten(y_pred)
        total = None
        for position, (index, loss, weight) in enumerate(self._terms or ()):
            if y_true[index] is None:
                raise ValueError(f"Output {index} has a loss ({loss.name}) but no target: `y` was {tree_of_shapes(y)}.")
            value = loss(y_true[index], flat[index], weights[index]).astype("float32")
            if self.metrics:
                self.metrics[position].update_state(value, sample_weight=flat[index].shape[0])
            value = value if weight is None else value * weight
            total = value if total is None else total + value
        return total


class CompiledMetrics(Metric):
    """All metrics given to `compile`, each with the output it looks at.

    Args:
        metrics: metrics without sample weights: list, dict by output name, or nest.
        weighted_metrics: metrics with sample weights, likewise.
        output_names: names of the outputs of a functional model.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any, output_names: list[str] | None = None) -> None:
        super().__init__(name="compile_metrics")
        for name, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value is not None and not isinstance(value, (list, tuple, dict)):
                raise ValueError(f"compile: `{name}` must be a list, tuple or dict; received {value!r}.")
        self._user = (metrics, weighted_metrics)
        self.output_names = output_names
        self._entries: list[tuple[int, str | None, Metric, bool]] | None = None  # (output, its name, metric, weighted)

    def build(self, y_true: list, y_pred: Any) -> None:
        """Resolve names and structures for these targets and outputs."""
        flat = tree.flatten(y_pred)
        names = _output_names(y_pred, self.output_names)
        entries = []
        for weighted, user in enumerate(self._user):
            for index, identifiers in enumerate(self._for_outputs(user, y_pred, bool(weighted))):
                several = identifiers if isinstance(identifiers, (list, tuple)) else [identifiers]
                for identifier in several:
                    if identifier is not None:
                        metric = _resolve_metric(identifier, y_true[index], flat[index])
                        entries.append((index, names[index] if len(flat) > 1 else None, metric, bool(weighted)))
        self._entries = entries

    def _for_outputs(self, user: Any, y_pred: Any, weighted: bool) -> list:
        if not user:
            return [None] * len(tree.flatten(y_pred))
        if len(tree.flatten(y_pred)) == 1:
            return [tree.flatten(user)]
        return per_output(user, y_pred, self.output_names, "weighted_metrics" if weighted else "metrics")

    @property
    def is_built(self) -> bool:
        """Whether names and structures are resolved."""
        return self._entries is not None

    @property
    def metrics(self) -> list[Metric]:
        """The resolved metrics; none before the first batch."""
        return [metric for _, _, metric, _ in self._entries or ()]

    @property
    def variables(self) -> list:
        """The variables of all metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Update every metric with the output it looks at."""
        targets = per_output(y_true, y_pred, self.output_names, "y")
        if self._entries is None:
            self.build(targets, y_pred)
        weights = per_output(sample_weight, y_pred, self.output_names, "sample_weight", spread=True)
        flat = tree.flatten(y_pred)
        for index, _, metric, weighted in self._entries or ():
            given = (targets[index], flat[index], *([weights[index]] if weighted else []))
            try:
                metric.update_state(*given)
            except Exception as error:
                shapes = ", ".join(str(getattr(value, "shape", value)) for value in given)
                error.add_note(f"In metric {metric.name!r}, called with targets, predictions ... of shapes {shapes}")
                raise

    def reset_state(self) -> None:
        """Reset every metric."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """Return the results by name, with the output's name in front where there are several."""
        results: dict[str, Any] = {}
        counts: dict[str, int] = {}
        for _, output, metric, weighted in self._entries or ():
            name = metric.name if output is None else f"{output}_{metric.name}"
            if name in counts and weighted:
                name = f"weighted_{metric.name}" if output is None else f"{output}_weighted_{metric.name}"
            count = counts.get(name, 0)
            counts[name] = count + 1
            results[f"{name}_{count}" if count else name] = metric.result()
        return results

    def get_config(self) -> dict:
        """Refuse: the model's compile config describes the metrics."""
        raise NotImplementedError("The metrics given to compile() are saved with the model's compile config.")


class Compiled:
    """Everything `compile` settles: optimizer, losses, metrics and how steps are run.

    Args:
        model: the model, for its output names and dtype policy.
        options: the arguments of `Model.compile`.
    """

    def __init__(self, model: Any, options: dict[str, Any]) -> None:
        self.options = options
        steps = options["steps_per_execution"]
        if steps != "auto" and (not isinstance(steps, int) or isinstance(steps, bool) or steps < 1):
            raise ValueError(
                f"compile: `steps_per_execution` must be a positive integer or 'auto', received {steps!r}."
            )
        names = model.output_names if model._graph is not None else None
        self.optimizer = optimizers_module.get(options["optimizer"])
        is_half = model.dtype_policy.name == "mixed_float16"
        scaled = isinstance(self.optimizer, optimizers_module.LossScaleOptimizer)
        if options["auto_scale_loss"] and is_half and self.optimizer is not None and not scaled:
            self.optimizer = optimizers_module.LossScaleOptimizer(self.optimizer, name="loss_scale_optimizer")
        loss, metrics, weighted = options["loss"], options["metrics"], options["weighted_metrics"]
        _check_names(loss, losses_module.get, ("crossentropy", "ce"))
        _check_names([metrics, weighted], metrics_module.get, ("accuracy", "acc"))
        self.loss = None if loss is None else CompiledLoss(loss, options["loss_weights"], names)
        given = metrics is not None or weighted is not None
        self.metrics = CompiledMetrics(metrics, weighted, names) if given else None
        self.loss_tracker = Mean(name="loss")

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run op by op, for debugging."""
        return bool(self.options["run_eagerly"])

    @property
    def all_metrics(self) -> list[Metric]:
        """The metrics of training, in the order results are listed."""
        several = self.loss.metrics if self.loss is not None else []
        return [self.loss_tracker, *([self.metrics] if self.metrics is not None else []), *several]


def _check_names(identifiers: Any, get: Callable, special: tuple[str, ...]) -> None:
    """Look every string up at once, so that a wrong name is an error of `compile` and not of the first batch."""
    for identifier in tree.flatten(identifiers):
        if isinstance(identifier, str) and identifier.lower() not in special:
            get(identifier)


def tree_of_shapes(x: Any) -> Any:
    """Return a structure with shapes in the place of arrays, for error texts."""
    return tree.map_structure(lambda leaf: tuple(leaf.shape) if isinstance(leaf, jax.Array) else leaf, x)
