"""The state of layers: which variables they have, which of them training changes, and their values as arrays."""

from typing import Any

import numpy as np

from kerasish.core.variable import Variable
from kerasish.layers.tracking import children, own_seed_generators, own_variables, unique
from kerasish.metrics.metric import Metric


class State:
    """What `Layer` knows about its variables and those of its sublayers."""

    name: str
    built: bool
    _trainable: bool

    def _own_layers(self) -> list[Any]:
        raise NotImplementedError

    @property
    def variables(self) -> list[Variable]:
        """All state: weights and random generators of the layer and its sublayers, without metrics."""
        own = own_variables(self) + [generator.state for generator in own_seed_generators(self)]
        return unique(own + [variable for layer in self._own_layers() for variable in layer.variables])

    @property
    def weights(self) -> list[Variable]:
        """The weights of the layer and its sublayers, without metrics and random generators."""
        return unique(own_variables(self) + [weight for layer in self._own_layers() for weight in layer.weights])

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes; none if the layer is frozen."""
        return self._trainable_among("variables")

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes; none if the layer is frozen."""
        return self._trainable_among("weights")

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves to the layers: statistics, random generators, frozen weights."""
        frozen = {id(variable) for variable in self.trainable_variables}
        return [variable for variable in self.variables if id(variable) not in frozen]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change."""
        frozen = {id(variable) for variable in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in frozen]

    def _trainable_among(self, attribute: str) -> list[Variable]:
        return [v for v in getattr(self, attribute) if v.trainable] if self._trainable else []

    @property
    def metrics(self) -> list[Metric]:
        """The metrics held by the layer and its sublayers."""
        return unique(children(self, Metric) + [metric for layer in self._own_layers() for metric in layer.metrics])

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of all metrics."""
        return unique(variable for metric in self.metrics for variable in metric.variables)

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer; setting it sets all sublayers and weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in own_variables(self):
            if variable.made_trainable:
                variable.trainable = bool(value)
        for layer in self._own_layers():
            layer.trainable = value

    def count_params(self) -> int:
        """Return the number of scalars in all weights.

        Raises:
            ValueError: if the layer is not built yet.
        """
        if not self.built:
            raise ValueError(
                f"count_params: layer {self.name!r} is not built yet, so its weights do not exist. "
                "Call it on data or `build` it with a shape."
            )
        return sum(weight.size for weight in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return the values of all weights."""
        return [np.asarray(weight._stored()) for weight in self.weights]

    def set_weights(self, weights: list) -> None:
        """Assign all weights, or none if anything does not fit.

        Args:
            weights: arrays in the order and shapes of `layer.weights`.

        Raises:
            ValueError: naming the weight that does not fit.
        """
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(f"set_weights: layer {self.name!r} has {len(own)} weights, received {len(weights)}.")
        for variable, value in zip(own, weights, strict=True):
            if tuple(np.shape(value)) != variable.shape:
                raise ValueError(
                    f"set_weights: weight {variable.path!r} of layer {self.name!r} has shape {variable.shape}, "
                    f"received {tuple(np.shape(value))}."
                )
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Put the values of the layer's own weights into a dict-like `store` under "0", "1", ..."""
        for index, variable in enumerate(own_variables(self)):
            store[str(index)] = np.asarray(variable._stored())

    def load_own_variables(self, store: Any) -> None:
        """Assign the layer's own weights from what `save_own_variables` stored.

        Raises:
            ValueError: if the number of values differs.
        """
        own = own_variables(self)
        if len(store.keys()) != len(own):
            hint = "" if self.built else " The layer is not built, so it has no variables yet; build it before loading."
            raise ValueError(
                f"Layer {self.name!r} has {len(own)} variables, but {len(store.keys())} were stored for it.{hint}"
            )
        for index, variable in enumerate(own):
            variable.assign(np.asarray(store[str(index)]))
