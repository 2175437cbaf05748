"""Platform forms: the same mathematics written the way one platform compiles well, chosen when a program is lowered.

A platform form is a twin of one of JAX's primitives, with the same parameters. Its derivatives, transposes and batches
are JAX's own, with every primitive in them replaced by its twin; so `jvp`, `vjp`, `linearize`, `hessian`, `vmap`, `jit`
and `scan` work as they do without it. When a twin is lowered for a CPU, the CPU form is compiled; for every other
platform JAX's primitive itself, so that programs for GPU and TPU are the same as without this module.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core
from jax.interpreters import ad, batching, mlir

_TWINS: dict[Any, Any] = {}


@functools.lru_cache(4096)
def _traceable(make: Callable, *key: Any) -> Any:
    """Return the compiled form of `make(*key)`; JAX keeps what it traced for each structure of arguments with it."""
    return jax.jit(make(*key))


def _run(make: Callable, key: Sequence, arrays: Sequence) -> list:
    """Call `make(*key)(*arrays)`, a composition of JAX's functions, with twins in place of primitives."""
    closed = _traceable(make, *key).trace(*arrays).jaxpr
    equations = [e.replace(primitive=_TWINS.get(e.primitive, e.primitive)) for e in closed.jaxpr.eqns]
    return core.jaxpr_as_fun(closed.replace(jaxpr=closed.jaxpr.replace(eqns=equations)))(*arrays)


def _call(function: Callable, options: tuple) -> Callable:
    return functools.partial(function, **dict(options))


def with_forms(function: Callable, *arrays: Any, **options: Any) -> Any:
    """Call one of JAX's functions that returns one array, with platform forms in place of its primitives.

    Args:
        function: function such as `lax.conv_general_dilated`.
        *arrays: its tensors.
        **options: its other arguments, which must be hashable.
    """
    return _run(_call, (function, tuple(options.items())), arrays)[0]


def _fill(fixed: Sequence[bool], first: Sequence, second: Sequence) -> list:
    """Merge two sequences: items of `first` where `fixed`, of `second` elsewhere."""
    first, second = iter(first), iter(second)
    return [next(first) if is_fixed else next(second) for is_fixed in fixed]


def _derivative(bind: Callable, params: tuple, fixed: tuple[bool, ...]) -> Callable:
    def derivative(constants: list, moving: list, tangents: list) -> Any:
        return jax.jvp(lambda *values: bind(*_fill(fixed, constants, values), **dict(params)), moving, tangents)

    count = fixed.count(False)
    return lambda *arrays: derivative(arrays[: -2 * count], arrays[-2 * count : -count], arrays[-count:])


def _transposed(bind: Callable, params: tuple, fixed: tuple[bool, ...], linear: tuple) -> Callable:
    def transposed(*arrays: Any) -> Any:
        *constants, cotangent = arrays
        function = lambda *values: bind(*_fill(fixed, constants, values), **dict(params))  # noqa: E731
        return jax.linear_transpose(function, *linear)(cotangent)

    return transposed


def _batched(bind: Callable, params: tuple, dims: tuple) -> Callable:
    return jax.vmap(_call(bind, params), in_axes=dims)


def _select(items: Sequence, chosen: Sequence[bool]) -> list:
    return [item for item, is_chosen in zip(items, chosen) if is_chosen]


def platform_form(name: str, reference: Any, cpu: Callable, transpose: Callable | None = None) -> Any:
    """Return a primitive that is compiled as `cpu` on CPUs and as `reference` elsewhere.

    Args:
        name: name of the new primitive in jaxprs.
        reference: one of JAX's primitives, whose twin the new one becomes; or a function of arrays and parameters.
        cpu: function of the same arguments and parameters that returns the same array.
        transpose: for a linear function of one argument, function of the cotangent, the argument's abstract value and
            the parameters; None for the transpose of `reference` with twins in place of primitives.
    """
    primitive = core.Primitive(name)
    bind = getattr(reference, "bind", reference)
    if bind is not reference:
        _TWINS[reference] = primitive

    def execute(*arrays: Any, **params: Any) -> Any:
        return _traceable(_call, primitive.bind, tuple(params.items()))(*arrays)

    def abstract(*avals: Any, **params: Any) -> Any:
        return _traceable(_call, bind, tuple(params.items())).trace(*avals).jaxpr.out_avals[0]

    def jvp(primals: Sequence, tangents: Sequence, **params: Any) -> Any:
        fixed = tuple(type(tangent) is ad.Zero for tangent in tangents)
        moving = [not item for item in fixed]
        arrays = [*_select(primals, fixed), *_select(primals, moving), *_select(tangents, moving)]
        return _run(_derivative, (bind, tuple(params.items()), fixed), arrays)

    def transposed(cotangent: Any, *values: Any, **params: Any) -> list:
        fixed = tuple(not ad.is_undefined_primal(value) for value in values)
        linear = [value.aval for value, is_fixed in zip(values, fixed) if not is_fixed]
        if type(cotangent) is ad.Zero:
            results = [ad.Zero(aval) for aval in linear]
        elif transpose is not None:
            results = [transpose(cotangent, *linear, **params)]
        else:
            arrays = [*_select(values, fixed), cotangent]
            results = _run(_transposed, (bind, tuple(params.items()), fixed, tuple(linear)), arrays)
        return _fill(fixed, [None] * len(values), results)

    def batch(arrays: Sequence, dims: Sequence, **params: Any) -> tuple:
        return _run(_batched, (bind, tuple(params.items()), tuple(dims)), arrays)[0], 0

    primitive.def_impl(execute)
    primitive.def_abstract_eval(abstract)
    ad.primitive_jvps[primitive] = jvp
    ad.primitive_transposes[primitive] = transposed
    batching.primitive_batchers[primitive] = batch
    mlir.register_lowering(primitive, mlir.lower_fun(bind, multiple_results=False))
    mlir.register_lowering(primitive, mlir.lower_fun(cpu, multiple_results=False), platform="cpu")
    return primitive
