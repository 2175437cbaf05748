"""The training, evaluation and saving methods of models; each hands over to the package that does the work."""

import inspect
from typing import Any

import jax.numpy as jnp

from kerasish.core import registry, tree
from kerasish.core.dtypes import is_float_dtype
from kerasish.metrics import Metric


class Trainable:
    """What `Model` adds to `Layer` for training, evaluation, prediction, saving and explanation."""

    def _prepare_training(self) -> None:
        self._compiled: Any = None  # training.compile.Compiled once `compile` was called
        self._programs: dict[Any, Any] = {}  # compiled steps by what they were compiled for
        self.optimizer: Any = None
        self.stop_training = False
        self.history: Any = None

    def __getstate__(self) -> dict:
        """Return what copies and pickles hold: not the compiled steps, which belong to this model's variables."""
        return self.__dict__ | {"_programs": {}}

    # Compiling

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: Any = "auto",
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Settle how the model is trained.

        Args:
            optimizer: optimizer, its name, or an optax transformation.
            loss: loss, its name or a function `(y_true, y_pred) -> values`; for several outputs a list or a dict by
                output name. None where `add_loss` or a custom `train_step` provides it.
            loss_weights: factors of the losses, nested like `loss`.
            metrics: list of metrics, names or functions; for several outputs a dict by output name or a list of lists.
                `"accuracy"` picks the binary, categorical or sparse kind from the shapes.
            weighted_metrics: metrics that take sample weights into account.
            run_eagerly: run steps op by op without compiling, for debugging.
            steps_per_execution: batches per call of the compiled program. `"auto"` groups short steps; with a number,
                batch-level callbacks run once per that many batches.
            jit_compile: kept for compatibility; steps are always compiled unless `run_eagerly`.
            auto_scale_loss: scale the loss of `mixed_float16` models against underflow.

        Raises:
            ValueError: for unknown names and structures that do not fit.
        """
        from kerasish.training.compile import Compiled

        options = {name: value for name, value in locals().items() if name not in ("self", "Compiled", "__class__")}
        compiled = Compiled(self, options)
        self._compiled = compiled
        self.optimizer = compiled.optimizer
        self._programs = {}
        self.stop_training = False

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None

    @property
    def loss(self) -> Any:
        """The `loss` given to `compile`."""
        return None if self._compiled is None else self._compiled.options["loss"]

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run without being compiled."""
        return self._compiled is not None and self._compiled.run_eagerly

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled."""
        return not self.run_eagerly

    @property
    def steps_per_execution(self) -> Any:
        """The `steps_per_execution` given to `compile`."""
        return "auto" if self._compiled is None else self._compiled.options["steps_per_execution"]

    def get_compile_config(self) -> dict:
        """Return the arguments of `compile` as plain data that Keras reads too; empty before it."""
        if self._compiled is None:
            return {}
        options = self._compiled.options | {"optimizer": self.optimizer, "jit_compile": self.jit_compile}
        if options["steps_per_execution"] == "auto":
            options["steps_per_execution"] = 1
        names = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly")
        names += ("steps_per_execution", "jit_compile")
        return {name: registry.serialize_keras_object(options[name]) for name in names}

    def compile_from_config(self, config: dict) -> None:
        """Compile with what `get_compile_config` returned.

        Args:
            config: the arguments as plain data. One step per execution, Keras's default, is read as our own, `"auto"`.
        """
        options = registry.deserialize_keras_object(config)
        if options.get("steps_per_execution") == 1:
            options["steps_per_execution"] = "auto"
        self.compile(**options)
        if self.optimizer is not None and self.built:
            self.optimizer.ensure_built(self.trainable_variables)

    # Running

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train the model.

        Args:
            x: inputs: array, nest of arrays, anything that can be indexed like one (pandas, HDF5), or an iterable of
                batches `(inputs, targets[, sample_weights])` (generator, PyDataset, data loader).
            y: targets, with inputs that are arrays.
            batch_size: samples per step, 32 by default; arrays only.
            epochs: passes over the data; the number of the last epoch if `initial_epoch` is given.
            verbose: 0 silent, 1 progress bar, 2 one line per epoch, `"auto"` a bar.
            callbacks: list of `kerasish.callbacks.Callback`.
            validation_split: fraction of arrays, taken from their end, to validate on.
            validation_data: `(x, y)` or `(x, y, sample_weight)`, or an iterable of batches.
            shuffle: whether arrays are shuffled before each epoch; `"batch"` shuffles whole batches.
            class_weight: class index to weight of its samples.
            sample_weight: weight of each sample; arrays only.
            initial_epoch: number of epochs already done.
            steps_per_epoch: batches per epoch, where the data does not tell or should not all be used.
            validation_steps: batches per validation.
            validation_batch_size: samples per validation step.
            validation_freq: epochs between validations, or a list of epochs (counted from 1).

        Returns:
            A History: `history.history` maps names to lists with a number for each epoch.

        Raises:
            RuntimeError: if the model is not compiled.
            ValueError, TypeError: for data or arguments that do not fit, before anything is trained.
        """
        from kerasish.training.loop import fit

        arguments = {name: value for name, value in locals().items() if name not in ("self", "fit", "__class__")}
        return fit(self, **arguments)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Compute loss and metrics on data.

        Args:
            x: inputs, as for `fit`.
            y: targets.
            batch_size: samples per step, 32 by default.
            verbose: as for `fit`.
            sample_weight: weight of each sample.
            steps: batches to use.
            callbacks: list of callbacks.
            return_dict: return a dict by name.
            **kwargs: none are known.

        Returns:
            The loss, or a list with the loss and the metrics, or the dict.
        """
        from kerasish.training.loop import evaluate

        return evaluate(self, x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict, **kwargs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Compute the outputs for data, batch by batch.

        Args:
            x: inputs, as for `fit`.
            batch_size: samples per step, 32 by default.
            verbose: as for `fit`; a single batch shows no bar.
            steps: batches to use.
            callbacks: list of callbacks.

        Returns:
            NumPy arrays, nested like the model's outputs.
        """
        from kerasish.training.loop import predict

        return predict(self, x, batch_size, verbose, steps, callbacks)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Do one gradient step on one batch; return its loss and metrics."""
        from kerasish.training.loop import train_on_batch

        return train_on_batch(self, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Compute loss and metrics of one batch."""
        from kerasish.training.loop import test_on_batch

        return test_on_batch(self, x, y, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch as NumPy arrays."""
        from kerasish.training.loop import predict_on_batch

        return predict_on_batch(self, x)

    # Steps, to be overridden

    def train_step(self, data: Any) -> dict:
        """Do one gradient step; override to train in another way.

        Written with Variables like eager code (`train_step(self, data)`, with `kerasish.value_and_grad`), or as Keras's
        pure function `train_step(self, state, data) -> (logs, state)`, `state` being the values of the trainable,
        non-trainable, optimizer and metric variables.

        Args:
            data: a batch: `x`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            A dict of values to log.
        """
        from kerasish.training.step import train_step

        return train_step(self, data)

    def test_step(self, data: Any) -> dict:
        """Compute loss and metrics of a batch; may be overridden like `train_step`."""
        from kerasish.training.step import test_step

        return test_step(self, data)

    def predict_step(self, data: Any) -> Any:
        """Compute the outputs for a batch; may be overridden."""
        from kerasish.training.step import predict_step

        return predict_step(self, data)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss of a batch: that of `compile` plus what layers added; may be overridden.

        Args:
            x: inputs.
            y: targets.
            y_pred: outputs.
            sample_weight: weights.
            training: whether this is a training step.
        """
        compiled = self._compiled.loss if self._compiled is not None else None
        terms = [compiled(y, y_pred, sample_weight)] if compiled is not None and y is not None else []
        for loss in self.losses:  # type: ignore[attr-defined]
            loss = jnp.asarray(loss)
            terms.append(jnp.sum(loss if is_float_dtype(loss.dtype) else loss.astype("float32")))
        terms = [term for term in terms if term is not None]
        if not terms and training:
            name = self.name  # type: ignore[attr-defined]
            raise ValueError(
                f"Model {name!r} has nothing to minimize: give `loss` to compile() and targets `y` to fit(), or let a "
                "layer call `add_loss`."
            )
        return sum(terms[1:], terms[0]) if terms else jnp.zeros(())

    def _compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        """Call `compute_loss`, also an override without the `training` argument."""
        if "training" in inspect.signature(self.compute_loss).parameters:
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    def _track_loss(self, loss: Any, x: Any) -> None:
        """Let the running mean of the loss count a batch, weighted by its size."""
        if self._compiled is not None:
            size = next((leaf.shape[0] for leaf in tree.flatten(x) if getattr(leaf, "ndim", 0)), 1)
            self._compiled.loss_tracker.update_state(loss, sample_weight=size)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Update the compiled metrics with a batch and return all results; may be overridden."""
        if self._compiled is not None and self._compiled.metrics is not None:
            self._compiled.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict:
        """Return the current results of all metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            results |= result if isinstance(result, dict) else {metric.name: result}
        return results

    @property
    def metrics(self) -> list[Metric]:
        """The metrics: loss, those of `compile`, and those held by the model and its layers."""
        compiled = self._compiled.all_metrics if self._compiled is not None else []
        return list({id(metric): metric for metric in [*compiled, *super().metrics]}.values())  # type: ignore[misc]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the metrics."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Set all metrics back to the start of an epoch."""
        for metric in self.metrics:
            metric.reset_state()

    # Files and explanation

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write the model, with its weights and the state of its optimizer, to a `.keras` file.

        The file is replaced in one go: an interrupted save leaves the old one. Keras loads it too.

        Args:
            filepath: path that ends in `.keras`, or in `.h5` for Keras's older format.
            overwrite: whether an existing file may be replaced.
            zipped: False writes a directory instead.
            **kwargs: further arguments of `kerasish.saving.save_model`.
        """
        from kerasish.saving import save_model

        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Write all weights to a `.weights.h5` file in Keras's layout.

        The file is replaced in one go: an interrupted save leaves the old one.

        Args:
            filepath: path that ends in `.weights.h5`.
            overwrite: whether an existing file may be replaced.
            **kwargs: further arguments of `kerasish.saving.save_weights`.
        """
        from kerasish.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read weights that `save_weights`, here or in Keras, has written; all of them or, on an error, none.

        Args:
            filepath: path that ends in `.weights.h5`.
            skip_mismatch: leave out layers whose weights do not fit, with a warning.
            **kwargs: further arguments of `kerasish.saving.load_weights`.
        """
        from kerasish.saving import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def summary(
        self,
        line_length: int | None = None,
        positions: list | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
        show_costs: bool = False,
    ) -> None:
        """Print a table of the layers, their output shapes and numbers of parameters.

        Args:
            line_length: characters per line.
            positions: where columns end, as fractions of a line or in characters.
            print_fn: called with the text instead of printing it.
            expand_nested: show the layers of nested models.
            show_trainable: show which layers are trained.
            layer_range: names (or patterns) of the first and last layer to show.
            show_costs: add the floating-point operations and the memory of one sample, as XLA counts them.
        """
        from kerasish.utils.summary_utils import print_summary

        print_summary(
            self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range, show_costs=show_costs
        )
