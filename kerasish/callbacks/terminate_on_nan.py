"""TerminateOnNaN: end training when the loss is no longer a finite number."""

import math
from collections.abc import Mapping
from typing import Any

from kerasish.callbacks.callback import Callback
from kerasish.core.console import print_message


class TerminateOnNaN(Callback):
    """Stops training at the batch whose loss is NaN or infinite.

    It looks at the loss of every batch, which keeps training from running several batches in one step.

    Args:
        raise_error: whether to raise instead of stopping quietly; the callbacks' `on_train_end` is then not called.

    Raises:
        RuntimeError: during training, at a NaN or infinite loss, if `raise_error` is set.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"The loss is {loss} at batch {batch}; training is terminated.")
        print_message(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
