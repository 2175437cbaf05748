"""Names of Keras 2's optimizers, which say what to use instead."""

from typing import Any


class _Legacy:
    """Refuses to be made: Keras 3 has no legacy optimizers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ImportError(
            "`optimizers.legacy` does not exist in Keras 3 and here. Use the optimizer of the same name in "
            "`kerasish.optimizers`."
        )


Adagrad = Adam = Ftrl = Optimizer = RMSprop = SGD = _Legacy
