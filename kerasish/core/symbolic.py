"""Symbolic tensors, the nodes that record how they were made, and the decorator that makes a function an op."""

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from kerasish.core import naming, registry, tree
from kerasish.core.dtypes import _TO_32_BIT, standardize_dtype
from kerasish.core.masks import mask_frame
from kerasish.core.variable import Scope, Variable, standardize_shape

# Sizes tried for unknown dimensions, as (first axis, other axes), two of each so that a dimension is known where both
# agree. Composite sizes survive reshapes into factors; the later pairs serve functions with more particular needs.
_PROBES = (
    ((192, 64), (320, 224)),
    ((192, 8), (320, 16)),
    ((192, 33600), (320, 67200)),
    ((192, 192), (384, 384)),
    ((3603600, 64), (7207200, 224)),
)


class _Local(threading.local):
    probe: int | None = None  # size that stands for the unknown first axis while shapes are being inferred


_local = _Local()

# name -> op, and Keras's class name -> op, for operators and for configs of functional models.
OPS: dict[str, Callable] = {}
OPS_BY_CLASS: dict[str, Callable] = {}


# Arguments of Operation and Layer, which their own `get_config` takes care of.
_OWN_ARGUMENTS = frozenset({"name", "trainable", "dtype", "activity_regularizer", "autocast"})


class KerasHistory(NamedTuple):
    """Where a symbolic tensor comes from."""

    operation: "Operation"
    node_index: int
    tensor_index: int


class KerasTensor:
    """A tensor with a shape and a dtype but no values, from which functional models are made.

    Args:
        shape: tuple of integers and None (unknown).
        dtype: name of the dtype.
        sparse: kept for compatibility.
        ragged: kept for compatibility.
        record_history: kept for compatibility.
        name: name of the tensor; by default unique.

    Example:
        >>> x = KerasTensor((None, 3))
        >>> kerasish.ops.matmul(x, x.T).shape
    """

    __array_priority__ = 200  # NumPy arrays and Variables leave operators to the symbolic tensor

    def __init__(
        self,
        shape: tuple[int | None, ...],
        dtype: str = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> None:
        self.shape = standardize_shape(shape)
        self.dtype = standardize_dtype(dtype)
        self.sparse = bool(sparse)
        self.ragged = bool(ragged)
        self.name = name or naming.auto_name(type(self).__name__)
        self._keras_history: KerasHistory | None = None

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def reshape(self, newshape: tuple[int, ...]) -> "KerasTensor":
        """Return a symbolic tensor of another shape."""
        return OPS["reshape"](self, newshape)

    def squeeze(self, axis: Any = None) -> "KerasTensor":
        """Return a symbolic tensor without axes of size 1."""
        return OPS["squeeze"](self, axis)

    @property
    def T(self) -> "KerasTensor":
        """The transpose."""
        return OPS["transpose"](self)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, name={self.name}>"

    def __getitem__(self, key: Any) -> "KerasTensor":
        return OPS["get_item"](self, key)

    def __round__(self, ndigits: int | None = None) -> "KerasTensor":
        return OPS["round"](self, ndigits or 0)

    def __neg__(self) -> "KerasTensor":
        return OPS["negative"](self)

    def __abs__(self) -> "KerasTensor":
        return OPS["absolute"](self)

    def __invert__(self) -> "KerasTensor":
        return OPS["logical_not"](self)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{self!r} has no values: it is a symbolic input or output of layers. Use functions of `kerasish.ops` or "
            "layers on it; NumPy and JAX functions, iteration, `len`, `if` and `float()` need a model called on data. "
            "Inside a model, wrap such code in a Layer's `call`."
        )

    __array__ = __bool__ = __iter__ = __len__ = __float__ = __int__ = __index__ = _refuse


def _add_operators() -> None:
    """Give KerasTensor its binary operators, looked up among the ops by name when used."""
    names = {
        "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
        "mod": "mod", "pow": "power", "matmul": "matmul", "and": "logical_and", "or": "logical_or",
        "xor": "logical_xor",
    }  # fmt: skip
    for symbol, name in names.items():
        setattr(KerasTensor, f"__{symbol}__", lambda self, other, name=name: OPS[name](self, other))
        setattr(KerasTensor, f"__r{symbol}__", lambda self, other, name=name: OPS[name](other, self))
    comparisons = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "ne": "not_equal"}
    for symbol, name in comparisons.items():
        setattr(KerasTensor, f"__{symbol}__", lambda self, other, name=name: OPS[name](self, other))
    KerasTensor.__hash__ = object.__hash__  # type: ignore[method-assign]


_add_operators()


def is_symbolic(x: Any) -> bool:
    """Return whether `x` is a KerasTensor."""
    return isinstance(x, KerasTensor)


def any_symbolic(structure: Any) -> bool:
    """Return whether a KerasTensor is among the leaves of `structure`."""
    return any(isinstance(leaf, KerasTensor) for leaf in tree.flatten(structure))


class Operation:
    """Something with a name that symbolic tensors go through: a layer, a model, one call of an op, or one's own.

    A subclass writes `call`, and `compute_output_spec` where tracing `call` does not tell the outputs' shapes.

    Args:
        name: by default a unique name made from the class name.

    Raises:
        ValueError: if `name` is no string or holds a '/'.
    """

    _init_arguments: tuple[tuple, dict]

    def __new__(cls, *args: Any, **kwargs: Any) -> "Operation":
        instance = super().__new__(cls)
        instance._init_arguments = (args, kwargs)
        return instance

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = naming.auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                f"{type(self).__name__}: `name` must be a string without '/', received name={name!r} "
                f"(type {type(name).__name__})."
            )
        self.name = name
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the operation to values, or record a node on symbolic tensors."""
        if any_symbolic((args, kwargs)):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Infer the outputs on symbolic arguments and record the call in the graph."""
        given = {id(leaf) for leaf in tree.flatten([args, kwargs])}

        def made_here(x: Any) -> Any:
            return KerasTensor(x.shape, x.dtype) if isinstance(x, KerasTensor) and id(x) in given else x

        # A spec that hands an input on must not change where that comes from.
        outputs = tree.map_structure(made_here, self.compute_output_spec(*args, **kwargs))
        Node(self, args, kwargs, outputs)
        return outputs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; to be overridden."""
        raise NotImplementedError(f"{type(self).__name__} has no `call()` method; write one.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic arguments, by default by tracing `call`."""
        return compute_output_spec(self.call, *args, **kwargs)

    def get_config(self) -> dict:
        """Return what `from_config` needs to make the same operation again: the constructor's arguments.

        Raises:
            NotImplementedError: if one of them cannot be serialized.
        """
        return self._named_config({"name": self.name} | self._remembered_arguments())

    def _named_config(self, config: dict) -> dict:
        """Return a config without the name if the constructor takes none: Keras passes everything on to it."""
        parameters = inspect.signature(type(self).__init__).parameters
        if "name" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return config
        return {key: value for key, value in config.items() if key != "name"}

    get_config._remembers_arguments = True  # type: ignore[attr-defined]

    def _remembered_arguments(self) -> dict:
        """Return the arguments that the constructor was called with, defaults included, as plain data."""
        args, kwargs = self._init_arguments
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(list(bound.arguments.items())[1:])
        for name, parameter in bound.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                arguments |= arguments.pop(name, {})
            elif parameter.kind is parameter.VAR_POSITIONAL and arguments.pop(name, ()):
                raise NotImplementedError(
                    f"{type(self).__name__} was made with arguments for `*{name}`, which have no names to remember "
                    "them by. Give the class a `get_config()` and a `from_config()` method."
                )
        try:
            own = ("name", "trainable", "dtype")  # which change
            return {name: registry.serialize_keras_object(v) for name, v in arguments.items() if name not in own}
        except (TypeError, ValueError) as error:
            raise NotImplementedError(
                f"{type(self).__name__} has constructor arguments that cannot be serialized ({error}). Give the class "
                "a `get_config()` method that returns plain values."
            ) from error

    @classmethod
    def from_config(cls, config: dict) -> "Operation":
        """Make an operation from what `get_config` returned."""
        if not getattr(cls.get_config, "_remembers_arguments", False):
            return cls(**config)
        parameters = inspect.signature(cls.__init__).parameters
        is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        arguments, rest = {}, {}
        for name, value in config.items():
            nested = isinstance(value, (dict, list, tuple))
            value = registry.deserialize_keras_object(value) if nested else value
            # A constructor need not take `name` and the like; they are set afterwards then.
            taken = is_open or name in parameters or name not in _OWN_ARGUMENTS
            (arguments if taken else rest)[name] = value
        operation = cls(**arguments)
        for name, value in rest.items():
            setattr(operation, "dtype_policy" if name == "dtype" else name, value)
        return operation

    def _node_tensors(self, attribute: str) -> Any:
        if not self._inbound_nodes:
            raise AttributeError(f"{self.name!r} has no defined `{attribute}`: it was not called on symbolic tensors.")
        tensors = getattr(self._inbound_nodes[0], f"{attribute}_tensors")
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def input(self) -> Any:
        """The symbolic input of the first call, or a list of several."""
        return self._node_tensors("input")

    @property
    def output(self) -> Any:
        """The symbolic output of the first call, or a list of several."""
        return self._node_tensors("output")

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


class Node:
    """One symbolic call: an operation, its arguments, and the tensors that came out.

    Args:
        operation: what was called.
        args: positional arguments, KerasTensors among them.
        kwargs: keyword arguments.
        outputs: nest of KerasTensors.
    """

    def __init__(self, operation: Operation, args: tuple, kwargs: dict, outputs: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.input_tensors = [leaf for leaf in tree.flatten([args, kwargs]) if isinstance(leaf, KerasTensor)]
        self.output_tensors = [leaf for leaf in tree.flatten(outputs) if isinstance(leaf, KerasTensor)]
        index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for position, tensor in enumerate(self.output_tensors):
            tensor._keras_history = KerasHistory(operation, index, position)

    @property
    def is_input(self) -> bool:
        """Whether the node made its tensors from nothing."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> "list[Node]":
        """The nodes that made the inputs, without repetition."""
        parents: dict[int, Node] = {}
        for tensor in self.input_tensors:
            node = node_of(tensor)
            if node is not None:
                parents[id(node)] = node
        return list(parents.values())


def node_of(tensor: KerasTensor) -> Node | None:
    """Return the node that made a symbolic tensor, or None."""
    history = tensor._keras_history
    return None if history is None else history.operation._inbound_nodes[history.node_index]


def source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """Return the symbolic tensors that a tensor was computed from and that nothing made, in the order they are met."""
    found: dict[int, KerasTensor] = {}
    visited: set[int] = set()
    stack = [tensor]
    while stack:
        tensor = stack.pop()
        node = node_of(tensor)
        if node is None or node.is_input:
            found.setdefault(id(tensor), tensor)
        elif id(node) not in visited:
            visited.add(id(node))
            stack.extend(reversed(node.input_tensors))
    return list(found.values())


class OpCall(Operation):
    """One symbolic call of an op, with a name of its own in the graph.

    Args:
        fn: the op.
        name: by default made from the name Keras gives the operation.
    """

    def __init__(self, fn: Callable, name: str | None = None) -> None:
        super().__init__(name or naming.auto_name(fn.keras_class))
        self.fn = fn

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the op to values."""
        return self.fn(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic arguments."""
        return compute_output_spec(self.fn, *args, **kwargs)


# Types that an op takes as they are, checked first because nearly every eager argument has one of them. The array
# types of JAX are added when they are first met: `isinstance(x, jax.Array)` costs as much as a small operation.
_PLAIN = {type(None), bool, int, float, str, complex, np.ndarray, np.float32, np.int32}


def _kind(values: Any) -> int:
    """Return 2 if a KerasTensor is among the values or nested in them, else 1 for a Variable, else 0."""
    found = 0
    for value in values:
        if type(value) in _PLAIN:
            continue
        if isinstance(value, KerasTensor):
            return 2
        if isinstance(value, Variable):
            found = 1
        elif isinstance(value, jax.Array):
            _PLAIN.add(type(value))
        elif isinstance(value, (list, tuple, dict)):
            found = max(found, _kind(value.values() if isinstance(value, dict) else value))
            if found == 2:
                return 2
    return found


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Variable):
        return value.value
    if isinstance(value, (list, tuple, dict)) and _kind((value,)):
        return tree.map_structure(lambda leaf: leaf.value if isinstance(leaf, Variable) else leaf, value)
    return value


def op(
    fn: Callable | None = None,
    *,
    tensors: tuple[str, ...] | None = None,
    named: tuple[str, ...] = (),
    keras_class: str | None = None,
    keras_module: str | None = None,
    saved: Callable[[dict], dict] = dict,
) -> Callable:
    """Make a function of arrays an op: it then takes Variables and, recording a node, symbolic tensors too.

    Args:
        fn: the function.
        tensors: names of the parameters that are tensors; by default those without a default value. The others are
            configuration in the configs of functional models.
        named: names of those tensors that Keras's operation takes by name.
        keras_class: name of Keras's operation class, by default the function's name in camel case.
        keras_module: Keras's module of that class, by default made from the function's module.
        saved: makes the configuration that Keras writes from the arguments, by name, that are configuration.

    Returns:
        The op, with attributes `keras_class`, `keras_module`, `tensors`, `named`, `saved` and `signature`.
    """
    if fn is None:
        return functools.partial(
            op, tensors=tensors, named=named, keras_class=keras_class, keras_module=keras_module, saved=saved
        )

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        kind = _kind(args)
        if kwargs and kind != 2:
            kind = max(kind, _kind(kwargs.values()))
        if kind == 0:
            return fn(*args, **kwargs)
        if kind == 2:
            return OpCall(wrapper)(*args, **kwargs)
        return fn(*map(_unwrapped, args), **{name: _unwrapped(value) for name, value in kwargs.items()})

    signature = inspect.signature(fn)
    if tensors is None:
        empty = inspect.Parameter.empty
        tensors = tuple(name for name, parameter in signature.parameters.items() if parameter.default is empty)
    wrapper.signature = signature
    wrapper.tensors = tensors
    wrapper.named = named
    wrapper.saved = saved
    wrapper.keras_class = keras_class or "".join(part.capitalize() for part in fn.__name__.split("_"))
    # kerasish.ops.numpy.unary, part of the package kerasish.ops.numpy, stands for the module keras.src.ops.numpy.
    wrapper.keras_module = keras_module or ".".join(["keras.src", *fn.__module__.split(".")[1:3]])
    OPS.setdefault(fn.__name__, wrapper)
    OPS_BY_CLASS.setdefault(wrapper.keras_class, wrapper)
    return wrapper


def compute_output_spec(fn: Callable, *args: Any, **kwargs: Any) -> Any:
    """Return the symbolic outputs of `fn` on symbolic arguments, by tracing it without computing anything.

    Unknown dimensions are given concrete sizes, twice; a dimension of the result is known where both traces agree.

    Args:
        fn: a function of arrays.
        *args: arguments; KerasTensors stand for arrays.
        **kwargs: likewise.

    Returns:
        What `fn` returns, with a KerasTensor in the place of every array.
    """
    leaves = tree.flatten([args, kwargs])
    positions = [index for index, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
    if not any(None in leaves[index].shape for index in positions):
        try:
            return _as_keras_tensors(_trace(fn, args, kwargs, leaves, positions, None))
        except jax.errors.ConcretizationTypeError:
            # A size depends on values: with probes, ops like `nonzero` say so through `unknown_size`.
            pass
    first_error: Exception | None = None
    for small, large in _candidates(leaves):
        try:
            a, b = (_trace(fn, args, kwargs, leaves, positions, sizes) for sizes in (small, large))
        except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
            first_error = first_error or error
            continue
        return _merge(a, b)
    assert first_error is not None
    raise first_error


class _Sizes(NamedTuple):
    """What stands for unknown dimensions: sizes by axis counted from the end, else one for the first axis or others."""

    first: int
    others: int
    by_axis: dict[int, int] = {}

    def of(self, shape: tuple[int | None, ...]) -> tuple[int, ...]:
        return tuple(
            self.by_axis.get(axis - len(shape), self.others if axis else self.first) if size is None else size
            for axis, size in enumerate(shape)
        )


def _candidates(leaves: list) -> Iterator[tuple[_Sizes, _Sizes]]:
    """Yield pairs of sizes to try: the general ones, then those that other arguments of the call suggest."""
    yield from ((_Sizes(*small), _Sizes(*large)) for small, large in _PROBES)
    shapes = [leaf.shape for leaf in leaves if hasattr(leaf, "shape")]
    # Broadcasting: an unknown dimension beside a known one has its size.
    by_axis = {axis - len(shape): size for shape in shapes for axis, size in enumerate(shape) if size not in (None, 1)}
    small, large = _PROBES[0]
    yield _Sizes(*small, by_axis), _Sizes(*large, by_axis)
    yield from ((_Sizes(1, 1), _Sizes(size, size)) for size in sorted(set(by_axis.values())))


def _trace(fn: Callable, args: tuple, kwargs: dict, leaves: list, positions: list[int], sizes: _Sizes | None) -> Any:
    """Trace `fn` with `sizes` in the place of unknown dimensions; return its abstract results."""
    specs = []
    for index in positions:
        tensor = leaves[index]
        dtype = _TO_32_BIT.get(tensor.dtype, tensor.dtype)
        specs.append(jax.ShapeDtypeStruct(tensor.shape if sizes is None else sizes.of(tensor.shape), dtype))

    def call(values: list) -> Any:
        filled = list(leaves)
        for index, value in zip(positions, values, strict=True):
            filled[index] = value
        new_args, new_kwargs = tree.pack_sequence_as([args, kwargs], filled)
        with mask_frame(), Scope():
            return fn(*new_args, **new_kwargs)

    before, _local.probe = _local.probe, None if sizes is None else sizes.first
    try:
        return jax.eval_shape(call, specs)
    finally:
        _local.probe = before


def unknown_size() -> int | None:
    """Return what stands for a size that depends on values while shapes are being inferred; None at other times."""
    return _local.probe


def without_probe(shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """Return a shape met while shapes are inferred, with the size that stands for the unknown first axis as None."""
    if _local.probe is not None and shape and shape[0] == _local.probe:
        return (None, *shape[1:])
    return tuple(shape)


def _as_keras_tensors(outputs: Any) -> Any:
    return jax.tree.map(lambda leaf: KerasTensor(leaf.shape, str(leaf.dtype)), outputs)


def _merge(a: Any, b: Any) -> Any:
    def merge(x: Any, y: Any) -> KerasTensor:
        if len(x.shape) != len(y.shape):
            raise ValueError(f"The rank of the result depends on unknown dimensions: {x.shape} or {y.shape}.")
        return KerasTensor(tuple(m if m == n else None for m, n in zip(x.shape, y.shape, strict=True)), str(x.dtype))

    return jax.tree.map(merge, a, b)


def iterate_nodes(outputs: list[KerasTensor], inputs: list[KerasTensor]) -> Iterator[Node]:
    """Yield the nodes that lead from `inputs` to `outputs`, each after those that it depends on.

    Raises:
        ValueError: if an output depends on a tensor that comes from none of the inputs.
    """
    boundary = {id(tensor) for tensor in inputs}
    done: set[int] = set()
    # Depth first with an explicit stack: graphs may be deeper than Python's recursion limit.
    stack: list[tuple[Any, bool]] = [(tensor, False) for tensor in reversed(outputs)]
    while stack:
        item, finished = stack.pop()
        if finished:
            if id(item) not in done:
                done.add(id(item))
                yield item
            continue
        if id(item) in boundary:
            continue
        node = node_of(item)
        if node is None or node.is_input:
            raise ValueError(
                f"The output depends on {item!r}, which is not made from the model's inputs. Pass it among them."
            )
        if id(node) in done:
            continue
        stack.append((node, True))
        stack.extend((tensor, False) for tensor in reversed(node.input_tensors) if id(tensor) not in boundary)


def _restore_keras_tensor(config: dict) -> KerasTensor:
    tensor = KerasTensor(config["shape"], config["dtype"])
    tensor._saved_history = config["keras_history"]  # type: ignore[attr-defined]
    return tensor


registry.add_special("__keras_tensor__", _restore_keras_tensor)
