"""InputSpec: what rank, shape and dtype a layer accepts, checked before the layer runs."""

from typing import Any

from kerasish.core import tree
from kerasish.core.dtypes import standardize_dtype
from kerasish.core.variable import standardize_shape


class InputSpec:
    """The rank, dtype and axis sizes of one input of a layer.

    Args:
        dtype: expected dtype.
        shape: expected shape, None where any size will do.
        ndim: expected rank.
        max_ndim: largest accepted rank.
        min_ndim: smallest accepted rank.
        axes: axis to expected size.
        allow_last_axis_squeeze: accept a missing or an extra last axis of size 1.
        name: key of the input where inputs come as a dict.
        optional: whether the input may be None.

    Example:
        >>> self.input_spec = InputSpec(ndim=4, axes={-1: 3})
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: tuple[int | None, ...] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = standardize_dtype(dtype) if dtype is not None else None
        self.shape = None if shape is None else standardize_shape(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.name = name
        self.optional = optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        try:
            self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        except (TypeError, ValueError):
            raise TypeError(f"InputSpec: the keys of `axes` must be integers, received axes={axes!r}.") from None
        limit = self.ndim if self.ndim is not None else max_ndim
        if self.axes and limit is not None and max(self.axes) > limit - 1:
            raise ValueError(f"InputSpec: axis {max(self.axes)} is beyond the largest axis, {limit - 1}.")

    def __repr__(self) -> str:
        parts = [f"{name}={getattr(self, name)}" for name in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")]
        return "InputSpec(" + ", ".join(part for part in parts if not part.endswith(("=None", "={}"))) + ")"

    def get_config(self) -> dict:
        """Return the arguments that make the same spec again."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict) -> "InputSpec":
        """Make a spec from what `get_config` returned."""
        return cls(**config)

    def problem(self, shape: tuple[int | None, ...], dtype: Any) -> str | None:
        """Return what is wrong with an input of this shape and dtype, as `expected ..., found ...`, or None."""
        rank = len(shape)
        if self.ndim is not None and not self.allow_last_axis_squeeze and rank != self.ndim:
            return f"expected ndim={self.ndim}, found ndim={rank}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={rank}"
        if self.dtype is not None and standardize_dtype(dtype) != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={standardize_dtype(dtype)}"
        for axis, size in self.axes.items():
            if size is not None and -rank <= axis < rank and shape[axis] not in (size, None):
                return f"expected axis {axis} of input shape to have value {size}, but received shape {shape}"
        if self.shape is not None:
            expected, found = self.shape, shape
            if self.allow_last_axis_squeeze:
                expected = expected[:-1] if expected and expected[-1] == 1 else expected
                found = found[:-1] if len(found) > len(expected) and found[-1] == 1 else found
            sizes = zip(expected, found, strict=False)
            if len(expected) != len(found) or any(a != b for a, b in sizes if a is not None and b is not None):
                return f"expected shape={self.shape}, found shape={shape}"
        return None


def check_inputs(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Compare the inputs of a layer with its spec.

    Raises:
        ValueError: naming the layer, what was expected and what was found.
    """
    if isinstance(input_spec, InputSpec) and hasattr(inputs, "shape"):
        pairs = [(input_spec, inputs)]
    else:
        pairs = _pair(input_spec, inputs, layer_name)
    for index, (spec, x) in enumerate(pairs):
        if spec is None or (x is None and spec.optional):
            continue
        shape = getattr(x, "shape", None)
        if shape is None:
            raise ValueError(f"Layer {layer_name!r} expected a tensor as input {index}, received {x!r} ({type(x)}).")
        problem = spec.problem(tuple(shape), x.dtype)
        if problem is not None:
            raise ValueError(
                f"Input {index} of layer {layer_name!r} is incompatible with the layer: {problem}. "
                f"Full shape received: {tuple(shape)}"
            )


def _pair(input_spec: Any, inputs: Any, layer_name: str) -> list[tuple[InputSpec, Any]]:
    specs = tree.flatten(input_spec)
    if isinstance(inputs, dict) and all(spec is not None and spec.name is not None for spec in specs):
        missing = [spec.name for spec in specs if spec.name not in inputs and not spec.optional]
        if missing:
            raise ValueError(f"Missing data for inputs {missing} of layer {layer_name!r}; received {sorted(inputs)}.")
        return [(spec, inputs.get(spec.name)) for spec in specs]
    flat = tree.flatten(inputs)
    if len(flat) != len(specs):
        raise ValueError(
            f"Layer {layer_name!r} expects {len(specs)} input(s), but it received {len(flat)}: "
            f"shapes {[getattr(x, 'shape', x) for x in flat]}."
        )
    return list(zip(specs, flat, strict=True))
