"""What happens around `Layer.call`: the running call's context, its arguments, and their conversion to tensors."""

import inspect
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import tree
from kerasish.core.dtypes import is_float_dtype
from kerasish.core.masks import get_mask, set_mask
from kerasish.core.symbolic import KerasTensor, without_probe
from kerasish.core.variable import Variable


class CallContext(threading.local):
    """The outermost layer call that is running in this thread."""

    root: Any = None  # the layer called first
    training: bool | None = None


context = CallContext()


class Signature(NamedTuple):
    """What a layer's `call` accepts."""

    parameters: inspect.Signature
    names: tuple[str, ...]
    tensor_names: tuple[str, ...]  # parameters other than `training`, `mask` and `*_mask`
    has_training: bool
    has_mask: bool
    default_training: bool | None
    open_keywords: bool


def read_signature(call: Callable) -> Signature:
    """Return what the unbound method `call` accepts."""
    parameters = list(inspect.signature(call).parameters.values())[1:]
    names = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    training = next((p for p in parameters if p.name == "training"), None)
    default = training.default if training is not None and training.default is not training.empty else None
    return Signature(
        parameters=inspect.Signature(parameters),
        names=names,
        tensor_names=tuple(name for name in names if name not in ("training", "mask") and not name.endswith("_mask")),
        has_training=training is not None,
        has_mask="mask" in names,
        default_training=default,
        open_keywords=any(p.kind is p.VAR_KEYWORD for p in parameters),
    )


def convert(x: Any, dtype: str | None) -> Any:
    """Return array-like `x` as a JAX array, floats cast to `dtype` unless it is None; other objects as they are."""
    if isinstance(x, KerasTensor):
        return x
    if isinstance(x, Variable):
        x = x.value
    if not isinstance(x, jax.Array):
        if not hasattr(x, "__array__"):
            return x
        array = np.asarray(x)
        if array.dtype.kind in "USO":
            return x
        converted = jnp.asarray(array)
        mask = get_mask(x)
        if mask is not None:
            set_mask(converted, mask)
        x = converted
    if dtype is not None and x.dtype != dtype and is_float_dtype(x.dtype):
        mask = get_mask(x)
        x = x.astype(dtype)
        if mask is not None:
            set_mask(x, mask)
    return x


def check_positional(args: tuple, layer_name: str) -> None:
    """Refuse positional arguments of a layer that are no tensors.

    Raises:
        ValueError: naming the layer and the argument.
    """
    for leaf in tree.flatten(args):
        if leaf is not None and not isinstance(leaf, (jax.Array, KerasTensor)):
            raise ValueError(
                f"Layer {layer_name!r}: only tensors may be passed by position; received {leaf!r} of type "
                f"{type(leaf).__name__}. Turn data into an array (`np.array(...)`), and pass options by name."
            )


def shape_of(x: Any) -> Any:
    """Return the shapes of the tensors in a structure, in the same structure; None for what has no shape."""
    return tree.map_structure(lambda leaf: without_probe(leaf.shape) if hasattr(leaf, "shape") else None, x)


def tensor_arguments(signature: Signature, args: tuple, kwargs: dict) -> dict[str, Any]:
    """Return the arguments of a call that hold tensors, by parameter name."""
    bound = signature.parameters.bind_partial(*args, **kwargs).arguments
    found = {}
    for name, value in bound.items():
        leaves = tree.flatten(value)
        if name in signature.names and any(isinstance(leaf, (jax.Array, KerasTensor)) for leaf in leaves):
            found[name] = value
    return found


def shape_arguments(target: Callable, signature: Signature, args: tuple, kwargs: dict) -> dict[str, Any]:
    """Return the arguments for a layer's `build` or `compute_output_shape`.

    Args:
        target: the bound method. If it has one parameter, that gets the shape of the first tensor, whatever its name;
            else a parameter `<argument>_shape` gets the shape of that argument of `call`.
        signature: what `call` accepts.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.

    Raises:
        ValueError: if no parameter has the name of an argument.
    """
    parameters = inspect.signature(target).parameters.values()
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    tensors = tensor_arguments(signature, args, kwargs)
    shapes = {f"{name}_shape": shape_of(value) for name, value in tensors.items() if name != "mask"}
    if not names:
        return {}
    if len(names) == 1:
        return {names[0]: next(iter(shapes.values()), None)}
    matching = {name: shapes[name] for name in names if name in shapes}
    if shapes and not matching:
        raise ValueError(
            f"`{target.__qualname__}` has parameters {names}, none of which is the shape of an argument of `call`; "
            f"name them after those: {sorted(shapes)}."
        )
    return matching


def add_masks(signature: Signature, args: tuple, kwargs: dict) -> None:
    """Fill in `mask`, or `<argument>_mask` where a call has several tensor arguments, from the tensors' own masks."""
    tensors = {}
    if len(args) != 1 or kwargs:
        found = tensor_arguments(signature, args, kwargs)
        tensors = {name: value for name, value in found.items() if name in signature.tensor_names}
    if len(tensors) <= 1:
        value = args[0] if args else next(iter(tensors.values()), None)
        if signature.has_mask and kwargs.get("mask") is None and "mask" not in signature.names[: len(args)]:
            mask = tree.map_structure(get_mask, value)
            if any(leaf is not None for leaf in tree.flatten(mask)):
                kwargs["mask"] = mask
        return
    for name, value in tensors.items():
        mask_name = f"{name}_mask"
        if mask_name in signature.names and kwargs.get(mask_name) is None:
            mask = tree.map_structure(get_mask, value)
            if any(leaf is not None for leaf in tree.flatten(mask)):
                kwargs[mask_name] = mask


def annotate(error: Exception, layer: Any, args: tuple, kwargs: dict) -> None:
    """Add to an exception which layer was running on which inputs; the innermost layer speaks."""
    if getattr(error, "_names_layer", False):
        return

    def describe(leaf: Any) -> str:
        if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
            return f"{type(leaf).__name__}(shape={tuple(leaf.shape)}, dtype={leaf.dtype})"
        return repr(leaf)

    parts = [str(tree.map_structure(describe, arg)) for arg in args]
    parts += [f"{name}={tree.map_structure(describe, value)}" for name, value in kwargs.items()]
    error.add_note(f"In layer {layer.path or layer.name!r} ({type(layer).__name__}), called with: {', '.join(parts)}")
    error._names_layer = True  # type: ignore[attr-defined]
