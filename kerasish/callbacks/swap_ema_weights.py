"""SwapEMAWeights: evaluate with the moving average of the weights that the optimizer keeps."""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from kerasish.callbacks.callback import Callback


class SwapEMAWeights(Callback):
    """Puts the optimizer's averaged weights into the model during evaluation and prediction, and takes them out again.

    Needs an optimizer made with `use_ema=True`.

    Args:
        swap_on_epoch: also swap at the end of every epoch (and back at the start of the next), so that callbacks
            after this one, such as `ModelCheckpoint`, see the averaged weights.

    Raises:
        ValueError: when training begins to evaluate, if the optimizer keeps no averages.

    Example:
        >>> model.compile(SGD(use_ema=True), loss="mse")
        >>> model.fit(x, y, validation_data=(x_val, y_val), callbacks=[SwapEMAWeights()])
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False

    def _for_each_pair(self, function: Callable[[Any, Any], None]) -> None:
        """Call `function(weight, average)` for every weight that has an average."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        inner = getattr(optimizer, "optimizers", [optimizer])
        averaging = [each for each in inner if getattr(each, "use_ema", False)]
        if not averaging:
            raise ValueError(
                "SwapEMAWeights needs an optimizer that keeps moving averages of the weights: "
                f"pass use_ema=True to {type(optimizer).__name__}."
            )
        for each in averaging:
            for weight in each._trainable_variables:
                average = each._slots.get(weight, {}).get("average")
                if average is not None:
                    function(weight, average)

    def _swap(self, to_averages: bool) -> None:
        if self._ema_weights_in_model == to_averages:
            return

        def exchange(weight: Any, average: Any) -> None:
            kept = weight.value
            weight.assign(average.value)
            average.assign(kept)

        self._for_each_pair(exchange)
        self._ema_weights_in_model = to_averages

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(to_averages=False)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.swap_on_epoch and not self._ema_weights_in_model:
            self._swap(to_averages=True)
            # After the last epoch the optimizer copies its averages into the model: they have to be averages again.
            if epoch == self.params["epochs"] - 1:
                # A copy, because a training step gives away its arrays, and no two Variables may give away the same.
                self._for_each_pair(lambda weight, average: average.assign(jnp.array(weight.value, copy=True)))

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._swap(to_averages=True)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._swap(to_averages=False)

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._swap(to_averages=True)

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._swap(to_averages=False)
