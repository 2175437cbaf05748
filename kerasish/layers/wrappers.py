"""Layers that run another layer over time: TimeDistributed, Bidirectional."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kerasish.core import registry, tree
from kerasish.core.variable import Scope, Variable
from kerasish.layers.layer import Layer
from kerasish.layers.wrapper import Wrapper


class TimeDistributed(Wrapper):
    """Applies a layer to every time step.

    Args:
        layer: the layer.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Input shape: `(batch, time, ...)`. Output shape: `(batch, time, ...)`, as the layer makes of each step.

    Example:
        >>> TimeDistributed(Dense(4))(np.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the layer inside for one time step."""
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(
                f"TimeDistributed {self.name!r}: inputs must have shape (batch, time, ...), received {input_shape}."
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: jax.Array, training: bool | None = None, mask: Any = None) -> Any:
        """Return what the layer makes of each step."""
        options = {"training": training} if self.layer._signature.has_training else {}
        masks = None
        if mask is not None:
            if mask.ndim < 2 or mask.shape[:2] != inputs.shape[:2]:
                raise ValueError(
                    f"TimeDistributed {self.name!r}: `mask` must have shape (batch, time) = {inputs.shape[:2]}, "
                    f"received {mask.shape}."
                )
            masks = jnp.swapaxes(mask, 0, 1) if self.layer._signature.has_mask else None

        def step(x: jax.Array, step_mask: jax.Array | None) -> Any:
            given = options if step_mask is None else options | {"mask": step_mask}
            return self.layer(x, **given)

        outputs, losses = _over_steps(step, jnp.swapaxes(inputs, 0, 1), masks)
        for loss in losses:
            self.add_loss(jnp.sum(loss))
        return jax.tree.map(lambda output: jnp.swapaxes(output, 0, 1), outputs)


def _over_steps(step: Any, inputs: jax.Array, masks: jax.Array | None) -> tuple[Any, list]:
    """Return what `step` makes of each time step, stacked along the first axis, and the losses it adds.

    Steps that assign no Variable run at once; others one after the other, each seeing what those before assigned.
    """

    def run(variables: list[Variable], values: list, x: jax.Array, mask: jax.Array | None) -> tuple:
        with Scope.of(variables, values) as scope:
            outputs = step(x, mask)
            return outputs, [loss for _, _, loss in scope.losses], [scope.read(variable) for variable in variables]

    with Scope() as scope:
        jax.eval_shape(step, inputs[0], None if masks is None else masks[0])
        assigned = [variable for variable, _ in scope.updates]
    if not assigned:
        outputs, losses, _ = jax.vmap(lambda x, mask: run([], [], x, mask))(inputs, masks)
        return outputs, losses

    def body(values: list, current: tuple) -> tuple[list, tuple]:
        outputs, losses, values = run(assigned, values, *current)
        return values, (outputs, losses)

    first = [variable._stored() for variable in assigned]
    last, (outputs, losses) = lax.scan(body, first, (inputs, masks))
    for variable, value in zip(assigned, last, strict=True):
        variable.assign(value)
    return outputs, losses


class Bidirectional(Layer):
    """Runs a recurrent layer over a sequence in both directions and merges the outputs.

    Args:
        layer: a recurrent layer, or one with its attributes `go_backwards`, `return_sequences`, `return_state` and
            `stateful`; a copy of it runs forward.
        merge_mode: `"concat"`, `"sum"`, `"mul"`, `"ave"`, or None for a pair of outputs.
        weights: initial weights, those of the forward layer first.
        backward_layer: the layer that runs backward; by default a copy of `layer` with the other direction.
        **kwargs: `name`, `dtype`, ... of `Layer`.

    Raises:
        ValueError: if an argument is no layer, the merge mode is unknown, or the two layers do not match.

    Example:
        >>> Bidirectional(LSTM(4, return_sequences=True))(np.ones((2, 5, 3))).shape
        (2, 5, 8)
    """

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: list | None = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ) -> None:
        _check_layer(self, "layer", layer)
        if backward_layer is not None:
            _check_layer(self, "backward_layer", backward_layer)
        if merge_mode not in ("sum", "mul", "ave", "concat", None):
            raise ValueError(
                "Bidirectional: `merge_mode` must be 'sum', 'mul', 'ave', 'concat' or None, received "
                f"merge_mode={merge_mode!r}."
            )
        super().__init__(**kwargs)
        self.forward_layer = _copied(layer, "forward_", {})
        self.backward_layer = backward_layer or _copied(layer, "backward_", {"go_backwards": True})
        self._check_pair()
        for direction in (self.forward_layer, self.backward_layer):
            if getattr(direction, "zero_output_for_mask", None) is not None:
                # Held outputs of one direction must not be merged with steps of the other.
                direction.zero_output_for_mask = direction.return_sequences
        self.merge_mode = merge_mode
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self._given_weights = weights

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "Bidirectional: the two layers must run in different directions, but both have "
                f"go_backwards={forward.go_backwards}."
            )
        for name in ("stateful", "return_sequences", "return_state"):
            pair = getattr(forward, name), getattr(backward, name)
            if pair[0] != pair[1]:
                raise ValueError(f"Bidirectional: `{name}` of the two layers must agree, received {pair}.")

    def build(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> None:
        """Build both layers."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._given_weights:
            self.set_weights(self._given_weights)

    def call(
        self, sequences: jax.Array, initial_state: Any = None, mask: Any = None, training: bool | None = None
    ) -> Any:
        """Return the merged outputs, followed by the states of both layers if they return them."""
        half = 0 if initial_state is None else len(initial_state) // 2
        results = []
        for layer, state in (
            (self.forward_layer, initial_state and list(initial_state[:half])),
            (self.backward_layer, initial_state and list(initial_state[half:])),
        ):
            options: dict = {"training": training} if layer._signature.has_training else {}
            if layer._signature.has_mask:
                options["mask"] = mask
            if state is not None:
                options["initial_state"] = state
            results.append(layer(sequences, **options))
        states: tuple = ()
        if self.return_state:
            states = (*results[0][1:], *results[1][1:])
            results = [results[0][0], results[1][0]]
        forward, backward = (result.astype(self.compute_dtype) for result in results)
        if self.return_sequences:
            backward = jnp.flip(backward, axis=1)
        output = self._merged(forward, backward)
        if self.merge_mode is None:
            return (*output, *states)
        return (output, *states) if self.return_state else output

    def _merged(self, forward: jax.Array, backward: jax.Array) -> Any:
        if self.merge_mode == "concat":
            return jnp.concatenate([forward, backward], axis=-1)
        if self.merge_mode == "sum":
            return forward + backward
        if self.merge_mode == "ave":
            return (forward + backward) / 2
        if self.merge_mode == "mul":
            return forward * backward
        return forward, backward

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the outputs: that of the inputs if all outputs are returned."""
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        return (mask, mask) if self.merge_mode is None else mask

    @property
    def states(self) -> tuple | None:
        """The states kept from batch to batch, those of the forward layer first; None if there are none."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return (*forward, *backward) if forward and backward else None

    def reset_state(self) -> None:
        """Set the states kept from batch to batch to zeros.

        Raises:
            AttributeError: if the layers are not stateful.
        """
        if not self.stateful:
            raise AttributeError(f"Bidirectional {self.name!r} is not stateful, so it has no states to reset.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """Same as `reset_state`."""
        self.reset_state()

    def get_config(self) -> dict:
        """Return the arguments that make the same layer again."""
        return super().get_config() | {
            "merge_mode": self.merge_mode,
            "layer": registry.serialize_keras_object(self.forward_layer),
            "backward_layer": registry.serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Bidirectional":
        """Make a layer from what `get_config` returned; `custom_objects` maps names to classes of layers."""
        config = dict(config)
        for name in ("layer", "backward_layer"):
            if config.get(name) is not None:
                config[name] = registry.deserialize_keras_object(config[name], custom_objects)
        return super().from_config(config)


def _check_layer(wrapper: Layer, name: str, layer: Any) -> None:
    if not isinstance(layer, Layer):
        raise ValueError(
            f"{type(wrapper).__name__}: `{name}` must be a layer, received {layer!r} ({type(layer).__name__})."
        )


def _copied(layer: Layer, prefix: str, changes: dict) -> Layer:
    """Return a new layer like `layer`, its name with the prefix."""
    config = layer.get_config() | changes | {"name": prefix + layer.name.removeprefix(prefix)}
    return type(layer).from_config(config)
