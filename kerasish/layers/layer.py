"""The Layer class: state made in `build`, a computation in `call`, and everything that happens around them."""

import functools
import inspect
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kerasish import constraints, initializers, regularizers
from kerasish.core import naming, registry, tree
from kerasish.core import variable as variables_module
from kerasish.core.dtypes import DTypePolicy, get_policy, is_float_dtype, standardize_dtype
from kerasish.core.masks import close_frame, get_mask, open_frame, set_mask
from kerasish.core.policy_map import DTypePolicyMap
from kerasish.core.symbolic import KerasTensor, Operation, any_symbolic, compute_output_spec
from kerasish.core.variable import Scope, Variable, current_scope
from kerasish.layers import arguments
from kerasish.layers import call as calls
from kerasish.layers.spec import check_inputs
from kerasish.layers.state import State
from kerasish.layers.tracking import children

_call_context = calls.context
_variable_state = variables_module._local
_serials = itertools.count(1)  # layers by age: tells in which order lists of layers were filled


def _tracked_build(build: Callable) -> Callable:
    """Wrap `build` so that weights get paths under the layer's name and the layer knows what it was built for."""

    @functools.wraps(build)
    def wrapper(self: "Layer", *args: Any, **kwargs: Any) -> None:
        if self._building:
            return build(self, *args, **kwargs)  # a subclass calling `super().build()`
        self._building = True
        try:
            with naming.name_scope(self.name, self):
                self._path = naming.current_path()
                self._settle_policy()
                build(self, *args, **kwargs)
        finally:
            self._building = False
        bound = inspect.signature(build).bind(self, *args, **kwargs).arguments
        if not self._trainable:
            self.trainable = False  # the new weights too
        self._build_shapes = {name: shape for name, shape in list(bound.items())[1:] if name != "kwargs"}
        self.built = True
        return None

    wrapper._is_tracked = True  # type: ignore[attr-defined]
    return wrapper


class _SetByInit:
    """Stands for an attribute that `Layer.__init__` sets; whoever meets it has not called that."""

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:  # `help` and the like ask the class
            return self
        raise RuntimeError(f"{owner.__name__}: call `super().__init__()` first in the `__init__` method.")


class Layer(State, Operation):
    """A computation with state, the building block of models.

    Write a layer by overriding `__init__` (configuration), `build(input_shape)` (weights, through `add_weight`) and
    `call(inputs)` (the computation). Weights, sublayers, metrics and random generators are found in the layer's
    attributes, also inside lists and dicts.

    Args:
        activity_regularizer: regularizer applied to the layer's outputs.
        trainable: whether training changes the layer's weights.
        dtype: dtype or dtype policy of computations and weights; by default the global policy.
        autocast: whether float inputs are cast to the compute dtype.
        name: name of the layer; by default unique.
        **kwargs: `input_shape` or `input_dim`, the shape of one sample, with which a Sequential model is built at once.

    Raises:
        ValueError: for arguments it does not know.

    Example:
        >>> class Linear(Layer):
        ...     def __init__(self, units, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.units = units
        ...     def build(self, input_shape):
        ...         self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        ...     def call(self, inputs):
        ...         return inputs @ self.kernel
    """

    # Attributes that hold other objects' layers or variables.
    _untracked = frozenset({"_inbound_nodes", "_init_arguments", "_loss_owners"})
    _signature: calls.Signature
    _compute_dtype = _variable_dtype = _trainable = _convert_input_args = _input_shape_arg = input_spec = _SetByInit()

    def __new__(cls, *args: Any, **kwargs: Any) -> "Layer":
        instance = super().__new__(cls, *args, **kwargs)
        instance._serial = next(_serials)
        return instance

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Both may come from a class that is no layer, mixed in.
        if "build" in cls.__dict__ or not (hasattr(cls.build, "_is_default") or hasattr(cls.build, "_is_tracked")):
            cls.build = _tracked_build(cls.build)  # type: ignore[method-assign]
        cls._signature = calls.read_signature(cls.call)

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name)
        arguments.keep(self, activity_regularizer=activity_regularizer)
        input_dim, input_shape = kwargs.pop("input_dim", None), kwargs.pop("input_shape", None)
        self._input_shape_arg = (input_dim,) if input_dim is not None else input_shape
        if kwargs:
            raise ValueError(f"{type(self).__name__}: unknown arguments {sorted(kwargs)}.")
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(f"{type(self).__name__}: `trainable` must be a boolean, received {trainable!r}.")
        self._trainable = bool(trainable)
        self.autocast = autocast
        self._path: str | None = None
        self.dtype_policy = dtype
        self.built = False
        self.input_spec = None
        self.supports_masking = not getattr(type(self).compute_mask, "_is_default", False)
        self.supports_jit = True
        self._convert_input_args = True
        self._allow_non_tensor_positional_args = False
        self._weights: list[Variable] = []
        self._losses: list[Any] = []
        self._loss_owners: list[Layer] = []
        self._build_shapes: dict[str, Any] | None = None
        self._building = False
        self._called = False

    # Building

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape; to be overridden.

        Args:
            input_shape: shape of the first argument of `call` (None for unknown sizes), or a structure of shapes. With
                more parameters, named `<argument>_shape`, those of the other arguments too.
        """
        self.built = True

    build._is_default = True  # type: ignore[attr-defined]

    def _build_for(self, args: tuple, kwargs: dict) -> None:
        """Call `build` with the shapes of the tensors the layer is called with."""
        if getattr(type(self).build, "_is_default", False):
            with naming.name_scope(self.name, self):
                self._path = naming.current_path()
            self._settle_policy()
            if registry.builtin_name(type(self)) is None:  # as Keras, whose own layers are built when made
                self._build_shapes = {"input_shape": calls.shape_of(args[0] if args else next(iter(kwargs.values())))}
        else:
            self.build(**calls.shape_arguments(self.build, self._signature, args, kwargs))
        self.built = True

    def get_build_config(self) -> dict | None:
        """Return the shapes the layer was built with, or None."""
        if not self._build_shapes:
            return None
        if len(self._build_shapes) == 1:
            return {"input_shape": next(iter(self._build_shapes.values()))}
        return {"shapes_dict": self._build_shapes}

    def build_from_config(self, config: dict) -> None:
        """Build the layer with the shapes that `get_build_config` returned."""
        if getattr(type(self).build, "_is_default", False):
            return  # sublayers are built on the first call

        def as_shape(shape: Any) -> Any:
            return tree.map_shape_structure(tuple, shape) if tree.is_nested(shape) else shape

        if "input_shape" in config:
            self.build(as_shape(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{name: as_shape(shape) for name, shape in config["shapes_dict"].items()})

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        *,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight that belongs to the layer.

        Args:
            shape: tuple of integers; by default a scalar.
            initializer: initializer or its name; by default glorot_uniform for floats, else zeros.
            dtype: by default the layer's variable dtype.
            trainable: whether training changes it.
            autocast: whether it is read in the compute dtype.
            regularizer: penalty on its value, added to the loss.
            constraint: projection applied after each update.
            aggregation: how replicas are combined.
            overwrite_with_gradient: whether its gradient replaces its value.
            name: name of the variable.

        Returns:
            The Variable.
        """
        if isinstance(shape, str):
            raise ValueError(f"add_weight: the first argument is the shape; write `name={shape!r}` for the name.")
        dtype = self.variable_dtype if dtype is None else standardize_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if is_float_dtype(dtype) else "zeros"

        with naming.name_scope(self.name, self):
            variable = Variable(
                initializers.get(initializer),
                shape=() if shape is None else shape,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        if not self._trainable:
            variable.trainable = False
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._weights.append(variable)
        return variable

    def add_variable(self, shape: Any, initializer: Any, dtype: Any = None, **kwargs: Any) -> Variable:
        """Make a weight that belongs to the layer: another name of `add_weight`."""
        return self.add_weight(shape, initializer, dtype, **kwargs)

    # Calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer: convert inputs, build on first use, pass `training` and masks down, call `call`."""
        context = _call_context
        if len(args) != 1 or kwargs or not isinstance(args[0], jax.Array) or args[0].dtype != self._compute_dtype:
            if any_symbolic((args, kwargs)):
                return self.symbolic_call(*args, **kwargs)
            args, kwargs = self._converted(args, kwargs)
        signature = self._signature
        first = args[0] if args else next(iter(kwargs.values()), None)
        if not self.built:
            self._prepare(args, kwargs)
            if isinstance(self._dtype_policy, DTypePolicyMap):
                args, kwargs = self._converted(args, kwargs)
        elif self.input_spec is not None:
            check_inputs(self.input_spec, first, self.name)

        # `training`: given here, else by the layer around this one, else the default of `call`.
        outer_training = context.training
        training = kwargs.pop("training", None)
        if training is None:
            training = outer_training if outer_training is not None else signature.default_training
        if signature.has_training and training is not None:
            kwargs["training"] = training
        outermost = context.root is None
        opened = False
        if outermost:
            context.root = self
            opened = open_frame()
            self._forget_losses()
        mask = get_mask(first) if isinstance(first, jax.Array) else tree.map_structure(get_mask, first)
        if signature.has_mask or len(args) + len(kwargs) > 1:
            calls.add_masks(signature, args, kwargs)
            mask = kwargs["mask"] if kwargs.get("mask") is not None else mask
        outer_cast = _variable_state.autocast
        if self._mixed or outer_cast is not None:
            _variable_state.autocast = self._compute_dtype if self.autocast and self._computes_floats else None
        context.training = training
        try:
            if self._called:
                outputs = self.call(*args, **kwargs)
            else:
                with naming.name_scope(self.name, self):
                    outputs = self.call(*args, **kwargs)
                self._called = True
            if self.activity_regularizer is not None:
                self._regularize_activity(outputs)
            if mask is not None or self.supports_masking:
                self._pass_mask(first, outputs, mask)
            return outputs
        except Exception as error:
            calls.annotate(error, self, args, kwargs)
            raise
        finally:
            context.training = outer_training
            _variable_state.autocast = outer_cast
            if outermost:
                context.root = None
                if opened:
                    close_frame()

    def _converted(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Return the arguments with arrays of all kinds as JAX arrays in the compute dtype."""
        if self._convert_input_args:
            args = tuple(map(self._as_arrays, args))
            kwargs = {name: self._as_arrays(value) for name, value in kwargs.items()}
        if not self._allow_non_tensor_positional_args:
            calls.check_positional(args, self.name)
        return args, kwargs

    def _as_arrays(self, structure: Any) -> Any:
        dtype = self._compute_dtype if self.autocast and self._computes_floats else None
        return tree.map_structure(lambda x: calls.convert(x, dtype), structure)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Infer the outputs' shapes, building the layer first, and record the call in the graph."""
        self._prepare(args, kwargs)
        return super().symbolic_call(*args, **kwargs)

    def _prepare(self, args: tuple, kwargs: dict) -> None:
        """Check the first argument against `input_spec` and build the layer if that is still to be done."""
        first = args[0] if args else next(iter(kwargs.values()), None)
        if self.input_spec is not None:
            check_inputs(self.input_spec, first, self.name)
        if not self.built:
            self._build_for(args, kwargs)
            if self.input_spec is not None:
                check_inputs(self.input_spec, first, self.name)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic arguments, by tracing the layer.

        A layer that overrides `compute_output_shape` is believed instead.
        """
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            shapes = calls.shape_arguments(self.compute_output_shape, self._signature, args, kwargs)
            shape = self.compute_output_shape(**shapes)
            if (isinstance(shape, (list, tuple)) and not tree._is_shape(shape)) or isinstance(shape, dict):
                return tree.map_shape_structure(lambda item: KerasTensor(item, self.compute_dtype), shape)
            return KerasTensor(shape, self.compute_dtype)
        return compute_output_spec(self.__call__, *args, **kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shape of the outputs for inputs of these shapes (None for unknown sizes).

        Args:
            *args: shapes, in the order of the arguments of `call`.
            **kwargs: shapes named `<argument>_shape`, or `input_shape` for that of the first.
        """

        def symbolic(shape: Any) -> Any:
            return tree.map_shape_structure(lambda item: KerasTensor(item, self.compute_dtype), shape)

        tensors = tuple(map(symbolic, args))
        named = {name.removesuffix("_shape"): symbolic(shape) for name, shape in kwargs.items()}
        if "input" in named and "input" not in self._signature.names:
            tensors = (named.pop("input"), *tensors)
        layer = self if self.built else type(self).from_config(self.get_config())
        if not layer.built:
            layer._build_for(tensors, named)
        outputs = compute_output_spec(layer.__call__, *tensors, **named)
        return tree.map_structure(lambda tensor: tensor.shape, outputs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; to be overridden.

        Args:
            *args: tensors.
            **kwargs: further arguments; `training` and `mask` are filled in where the method has them.
        """
        raise NotImplementedError(f"Layer {type(self).__name__} has no `call()` method; write one.")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the outputs, given the inputs and their mask; by default the inputs' mask."""
        return previous_mask

    compute_mask._is_default = True  # type: ignore[attr-defined]

    def _pass_mask(self, inputs: Any, outputs: Any, mask: Any) -> None:
        """Give the outputs the masks that `compute_mask` makes of that of the inputs."""
        if not self.supports_masking:
            is_lost = any(leaf is not None for leaf in tree.flatten(mask))
            if is_lost and registry.builtin_name(type(self)) is None:
                warnings.warn(
                    f"Layer {self.name!r} ({type(self).__name__}) received a mask with its input and drops it: later "
                    "layers will not see it. Set `self.supports_masking = True` in `__init__` to pass it on, or "
                    "override `compute_mask`.",
                    stacklevel=3,
                )
            return
        masks = self.compute_mask(inputs, mask)
        if masks is None:
            return
        flat_outputs, flat_masks = tree.flatten(outputs), tree.flatten(masks)
        for tensor, tensor_mask in zip(flat_outputs, flat_masks, strict=False):
            if tensor_mask is not None and get_mask(tensor) is None:
                set_mask(tensor, tensor_mask)

    def stateless_call(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """Call the layer as a pure function of its variables' values.

        Args:
            trainable_variables: values in the order of `layer.trainable_variables`.
            non_trainable_variables: values in the order of `layer.non_trainable_variables`.
            *args: arguments of the layer.
            return_losses: return the losses added during the call as well.
            **kwargs: arguments of the layer.

        Returns:
            `(outputs, new values of the non-trainable variables)`, and the losses if asked for.

        Raises:
            ValueError: if the layer is not built or the numbers of values differ.
        """
        if not self.built:
            raise ValueError(f"stateless_call: layer {self.name!r} is not built; call it on data or build it first.")
        own = ((self.trainable_variables, trainable_variables, "trainable_variables"),
               (self.non_trainable_variables, non_trainable_variables, "non_trainable_variables"))  # fmt: skip
        for variables, values, name in own:
            if len(variables) != len(values):
                raise ValueError(
                    f"stateless_call: layer {self.name!r} has {len(variables)} {name}, received {len(values)} values."
                )
        pairs = [pair for variables, values, _ in own for pair in zip(variables, values, strict=True)]
        with Scope(pairs) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        new_values = [scope.read(variable) for variable in self.non_trainable_variables]
        return (outputs, new_values, losses) if return_losses else (outputs, new_values)

    # Losses

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a list of scalars) to the loss that training minimizes; called from `call`.

        Args:
            loss: a tensor, summed if it is no scalar, or a list of tensors.
        """
        scope = current_scope()
        root = _call_context.root
        for value in tree.flatten(loss):
            if scope is not None:
                scope.losses.append((root, self, value))
            else:
                self._losses.append(value)
                if root is not None:
                    root._loss_owners.append(self)

    def _forget_losses(self) -> None:
        """Drop the losses that the last call of this layer added."""
        scope = current_scope()
        if scope is not None:
            scope.losses[:] = [entry for entry in scope.losses if entry[0] is not self]
            return
        for layer in self._loss_owners:
            layer._losses.clear()
        self._loss_owners.clear()

    def _regularize_activity(self, outputs: Any) -> None:
        for output in tree.flatten(outputs):
            if isinstance(output, jax.Array):
                loss = self.activity_regularizer(output)
                self.add_loss(loss / output.shape[0] if output.ndim else loss)

    @property
    def losses(self) -> list:
        """The losses of the last call (`add_loss`, activity regularizers) and of weight regularizers."""
        layers = self._flatten_layers()
        scope = current_scope()
        if scope is None:
            losses = [loss for layer in layers for loss in layer._losses]
        else:
            members = {id(layer) for layer in layers}
            losses = [loss for _, layer, loss in scope.losses if id(layer) in members]
        regularized = [v for v in self.trainable_weights if v.regularizer is not None]
        return losses + [variable.regularizer(variable) for variable in regularized]

    # State

    def _own_layers(self) -> list["Layer"]:
        return children(self, Layer)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list["Layer"]:
        """Return the sublayers, depth first, each once."""
        found: dict[int, Layer] = {id(self): self}
        stack = list(reversed(self._own_layers()))
        while stack:
            layer = stack.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                if recursive:
                    stack.extend(reversed(layer._own_layers()))
        layers = list(found.values())
        return layers if include_self else layers[1:]

    # Configuration

    @property
    def path(self) -> str | None:
        """Names of the enclosing scopes and of the layer joined by `/`; None before the layer is built."""
        return self._path

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The dtypes of computations and variables."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        with arguments.naming(self, "dtype"):
            self._dtype_policy = get_policy(value)
        self._settle_policy()

    def _settle_policy(self) -> None:
        """Note the dtypes of the policy; one that depends on the layer's path is settled when that is known."""
        policy = self._dtype_policy
        if isinstance(policy, DTypePolicyMap):
            policy = policy[self._path] if self._path else policy.default_policy
        self._compute_dtype, self._variable_dtype = policy.compute_dtype, policy.variable_dtype
        self._mixed = policy.compute_dtype != policy.variable_dtype
        self._computes_floats = is_float_dtype(policy.compute_dtype)

    @property
    def dtype(self) -> str:
        """The dtype of weights."""
        return self._variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of computations."""
        return self._compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype float inputs are cast to."""
        return self._compute_dtype

    def get_config(self) -> dict:
        """Return what `from_config` needs to make the same layer again, without weights.

        A subclass whose constructor takes further arguments may leave this alone: they are remembered and serialized.

        Raises:
            NotImplementedError: if a constructor argument cannot be serialized.
        """
        config: dict = {"name": self.name, "trainable": self.trainable}
        config["dtype"] = registry.serialize_keras_object(self.dtype_policy)
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if getattr(type(self).get_config, "_remembers_arguments", False):
            config = self._named_config(self._remembered_arguments() | config)
        return config

    get_config._remembers_arguments = True  # type: ignore[attr-defined]

    @classmethod
    def from_config(cls, config: dict) -> "Layer":
        """Make a layer from what `get_config` returned."""
        if isinstance(config.get("dtype"), dict):
            is_map = config["dtype"].get("class_name") == "DTypePolicyMap"
            make = DTypePolicyMap.from_config if is_map else get_policy
            config = config | {"dtype": make(config["dtype"]["config"] if is_map else config["dtype"])}
        return super().from_config(config)  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


Layer._signature = calls.read_signature(Layer.call)


class ShapePreserving(Layer):
    """A layer whose outputs have the shape of its inputs, which symbolic calls then need not find out by tracing."""

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a symbolic output for a symbolic input."""
        if isinstance(inputs, KerasTensor) and self.autocast and is_float_dtype(inputs.dtype):
            return KerasTensor(inputs.shape, self.compute_dtype)
        return super().compute_output_spec(inputs, *args, **kwargs)
