"""JaxLayer and FlaxLayer, which make a layer of a plain JAX function or of a Flax module."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import registry, tree
from kerasish.core.dtypes import is_float_dtype, standardize_dtype
from kerasish.core.random import variable_key
from kerasish.core.variable import Variable
from kerasish.layers import arguments
from kerasish.layers.layer import Layer


class JaxLayer(Layer):
    """A layer that computes with a JAX function and keeps the function's parameters and state as weights.

    `call_fn` is called with those of these arguments that it has, by position: `params` (trainable), `state`
    (non-trainable), `rng` (a key in training, None otherwise), `inputs` (an array or a nest of arrays), `training`. It
    returns the outputs, or `(outputs, new_state)` if it has a `state`.

    `init_fn` has some of the arguments `rng`, `inputs` (ones in the shape of the inputs) and `training` (always True)
    and returns the initial `params`, or `(params, state)` if `call_fn` has a `state`.

    Args:
        call_fn: the function that computes the outputs.
        init_fn: the function that makes the initial parameters; called when the layer is built unless `params` or
            `state` is given.
        params: nest of initial trainable parameters: arrays and numbers; other objects are handed on as they are.
        state: nest of initial non-trainable state.
        seed: seed of the keys given to `call_fn`.
        native_serialization_platforms: kept in the configuration for Keras, otherwise without meaning.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for functions with missing or unknown arguments, and if there is nothing to make the parameters of.

    Example:
        >>> def linear(params, inputs):
        ...     return inputs @ params["w"] + params["b"]
        >>> JaxLayer(linear, params={"w": np.ones((3, 2)), "b": np.zeros(2)})(np.ones((4, 3))).shape
        (4, 2)
    """

    # The weights are found in `tracked_params` and `tracked_state`; these hold the same ones in the functions' nests.
    _untracked = Layer._untracked | {"params", "state"}

    def __init__(
        self,
        call_fn: Callable,
        init_fn: Callable | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.call_fn = call_fn
        self.init_fn = init_fn
        self.native_serialization_platforms = native_serialization_platforms
        allowed = ("params", "state", "rng", "inputs", "training")
        self.call_fn_arguments = self._arguments_of(call_fn, "call_fn", allowed)
        self.init_fn_arguments = [] if init_fn is None else self._arguments_of(init_fn, "init_fn", allowed[2:])
        self._needs_weights = "params" in self.call_fn_arguments or "state" in self.call_fn_arguments
        if init_fn is None and params is None and state is None and self._needs_weights:
            raise ValueError(
                f"{type(self).__name__}: `call_fn` takes a `params` or a `state`, so one of `init_fn`, `params` and "
                "`state` must be given; received None for all of them."
            )
        self.seed_generator = arguments.seed_generator(self, seed) if "rng" in self.call_fn_arguments else None
        self.tracked_params: list[Variable] = []
        self.tracked_state: list[Variable] = []
        self.params, self.state = params, state
        if params is not None or state is not None:
            self._make_weights(params, state)

    def _arguments_of(self, function: Callable, what: str, allowed: Sequence[str]) -> list[str]:
        """Return the names of the function's parameters, which must be among `allowed`, `inputs` one of them."""
        names = list(inspect.signature(function).parameters)
        unknown = [name for name in names if name not in allowed]
        if "inputs" not in names or unknown:
            raise ValueError(
                f"{type(self).__name__}: `{what}` must have an argument `inputs` and no others than {list(allowed)}; "
                f"received a function of {names}. Wrap it in one of these arguments."
            )
        return names

    def _make_weights(self, params: Any, state: Any) -> None:
        """Replace arrays and numbers by weights."""

        def make(value: Any, trainable: bool) -> Any:
            if not isinstance(value, (jax.Array, np.ndarray, np.generic, bool, int, float)):
                return value
            dtype = value.dtype if hasattr(value, "dtype") else standardize_dtype(type(value))
            dtype = None if is_float_dtype(dtype) else standardize_dtype(dtype)
            return self.add_weight(
                np.shape(value), lambda shape, dtype=None: jnp.asarray(value, dtype), dtype, trainable=trainable
            )

        # JAX's own nests: these may hold classes registered there.
        self.params = jax.tree.map(lambda value: make(value, True), params)
        self.state = jax.tree.map(lambda value: make(value, False), state)
        self.tracked_params = [leaf for leaf in jax.tree.leaves(self.params) if isinstance(leaf, Variable)]
        self.tracked_state = [leaf for leaf in jax.tree.leaves(self.state) if isinstance(leaf, Variable)]

    def build(self, input_shape: Any) -> None:
        """Make the weights with `init_fn` unless they were given."""
        if self.params is not None or self.state is not None or not self._needs_weights:
            return

        def ones(shape: tuple[int | None, ...]) -> jax.Array:
            return jnp.ones([1 if size is None else size for size in shape])

        makers: dict[str, Callable[[], Any]] = {
            "rng": self._get_init_rng,
            "inputs": lambda: tree.map_shape_structure(ones, input_shape),
            "training": lambda: True,
        }
        with jax.ensure_compile_time_eval():  # weights hold values, also where the layer is built while tracing
            result = self.init_fn(*(makers[name]() for name in self.init_fn_arguments))  # type: ignore[misc]
            params, state = result if "state" in self.call_fn_arguments else (result, None)
            self._make_weights(params, state)

    def _get_init_seed(self) -> jax.Array:
        """Return a new key for `init_fn`, for use in `_get_init_rng`."""
        return jnp.asarray(variable_key(self.path or self.name))

    def _get_init_rng(self) -> Any:
        """Return the argument `rng` of `init_fn`: a key; to be overridden where it must be a nest of keys."""
        return self._get_init_seed()

    def _get_call_seed(self) -> jax.Array:
        """Return a new key for `call_fn`, for use in `_get_call_rng`."""
        return self.seed_generator.next()  # type: ignore[union-attr]

    def _get_call_rng(self, training: bool | None) -> Any:
        """Return the argument `rng` of `call_fn`: a key in training, else None; to be overridden for other needs."""
        return self._get_call_seed() if training else None

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Return the outputs of `call_fn`, and keep its new state.

        Raises:
            ValueError: if the new state is nested otherwise than the initial one.
        """

        def value(leaf: Any) -> Any:
            return leaf.value if isinstance(leaf, Variable) else leaf

        makers: dict[str, Callable[[], Any]] = {
            "params": lambda: jax.tree.map(value, self.params),
            "state": lambda: jax.tree.map(value, self.state),
            "rng": lambda: self._get_call_rng(training),
            "inputs": lambda: inputs,
            "training": lambda: training,
        }
        result = self.call_fn(*(makers[name]() for name in self.call_fn_arguments))
        if "state" not in self.call_fn_arguments:
            return result
        outputs, new_state = result
        new, old = (jax.tree.flatten(nest) for nest in (new_state, self.state))
        if new[1] != old[1]:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `call_fn` returned a state nested as {new[1]}, but the initial "
                f"state is nested as {old[1]}. Both must be the same."
            )
        for leaf, variable in zip(new[0], old[0], strict=True):
            if isinstance(variable, Variable):
                variable.assign(leaf)
        return outputs

    def get_config(self) -> dict:
        """Return the functions; they must be registered with `register_keras_serializable` to be loaded again."""
        return super().get_config() | {
            "call_fn": registry.serialize_keras_object(self.call_fn),
            "init_fn": registry.serialize_keras_object(self.init_fn),
            "native_serialization_platforms": self.native_serialization_platforms,
        }

    @classmethod
    def from_config(cls, config: dict) -> "JaxLayer":
        """Make a layer from what `get_config` returned; weights are not part of it."""
        functions = {name: registry.deserialize_keras_object(config[name]) for name in ("call_fn", "init_fn")}
        return super().from_config(config | functions)  # type: ignore[return-value]


class FlaxLayer(JaxLayer):
    """A layer that computes with a `flax.linen` module and keeps the module's variables as weights.

    The collection `params` is trainable; all others are state. In training the module gets a key named `dropout`.

    Args:
        module: the module. Its method takes `inputs` and, if it likes, `training`.
        method: the method to call, by default `__call__`: a method of the module, or a function that takes the module
            first.
        variables: the variables of the module, as its `init` returns them; by default that is called when the layer is
            built.
        **kwargs: arguments of `JaxLayer` (`seed`) and of `Layer`.

    Raises:
        ImportError: if Flax is not installed.

    Example:
        >>> FlaxLayer(flax.linen.Dense(4))(np.ones((2, 3))).shape
        (2, 4)
    """

    def __init__(
        self, module: Any, method: Callable | None = None, variables: dict | None = None, **kwargs: Any
    ) -> None:
        try:
            from flax.core import DenyList
        except ImportError as error:
            raise ImportError("FlaxLayer needs Flax: `pip install flax`.") from error
        self.module = module
        self.method = method
        mutable = DenyList(("params",))
        has_training = "training" in inspect.signature(method or module.__call__).parameters

        def call_fn(params: Any, state: Any, rng: Any, inputs: Any, training: Any) -> tuple:
            options = {"training": training} if has_training else {}
            variables = {**(params or {}), **(state or {})}
            outputs, new_state = module.apply(variables, inputs, rngs=rng, method=method, mutable=mutable, **options)
            return outputs, dict(new_state)

        def init_fn(rng: Any, inputs: Any) -> tuple:
            options = {"training": True} if has_training else {}
            return _split(module.init(rng, inputs, method=method, **options))

        params, state = _split(variables)
        super().__init__(call_fn, init_fn, params=params, state=state, **kwargs)

    def _get_init_rng(self) -> dict[str, jax.Array]:
        return {"params": self._get_init_seed(), "dropout": self._get_init_seed()}

    def _get_call_rng(self, training: bool | None) -> dict[str, jax.Array]:
        return {"dropout": self._get_call_seed()} if training else {}

    def get_config(self) -> dict:
        """Return the module and the method, which must be registered with `register_keras_serializable`."""
        config = super().get_config()
        del config["call_fn"], config["init_fn"]
        of_module = getattr(self.method, "__self__", None) is self.module
        method = self.method.__name__ if of_module and self.method is not None else self.method
        return config | {
            "module": registry.serialize_keras_object(self.module),
            "method": registry.serialize_keras_object(method),
        }

    @classmethod
    def from_config(cls, config: dict) -> "FlaxLayer":
        """Make a layer from what `get_config` returned; weights are not part of it."""
        module = registry.deserialize_keras_object(config["module"])
        method = config["method"]
        method = getattr(module, method) if isinstance(method, str) else registry.deserialize_keras_object(method)
        return cls(**config | {"module": module, "method": method})


def _split(variables: dict | None) -> tuple[dict | None, dict | None]:
    """Return the trainable variables of a module and the others."""
    if variables is None:
        return None, None
    params = {name: value for name, value in variables.items() if name == "params"}
    return params, {name: value for name, value in variables.items() if name != "params"}
