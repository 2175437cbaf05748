"""Convolution for CPUs: each as the plain convolution, matrix product or sum of products that XLA compiles well there.

Measured with jaxlib 0.10 on two busy cores (`benchmarks/platform_forms.py` repeats it), as times faster than lax's own:

- Operands brought into the order (batch, ..., channel) and (..., in, out), the only one for which XLA has fast code
  inside loops: gradients alone 1, there 4 to 125.
- A window of one element, and a window as large as its input (the kernel's gradient of the former), as a matrix
  product: forward 1, gradients 1 to 11; in loops 1 to 100.
- One input channel per group (depthwise) as sum of shifted products: forward 10 to 24, input gradient 15 to 200,
  kernel gradient 2 to 9; in loops forward 6 to 20, input gradient 1, kernel gradient 150 to 1000.
- Other groups one by one: forward 1 to 3, kernel gradient 30 to 400.
- Three axes as two, with the windows' depth as channels: forward 3.6 to 15, input gradient 3.7 to 10, kernel gradient
  3.5 to 14; with stretched inputs as interleaved convolutions of the input that is not stretched: 12 to 50.
- Up to 32,768 numbers in all windows together as one matrix product of them: 1 to 4, along one axis 3.
- The kernel's gradient of a transposed convolution with input and output gradient in each other's place: 50.
- Kernel gradients of operands that are stored before they are brought into order (`stored.py`): 1.2 to 20 in networks,
  where activations and normalizations come before; alone 1.

Tried and dropped: more windows as rows of a matrix (0.4 to 0.8 of lax forward), a matrix product per element of the
window, stretched inputs written out (0.1 to 0.6), interleaving for one and two axes (0.6 to 1.1), groups as one kernel
with zeros (ahead only with many small groups), kernel gradients of depthwise convolutions by matrix products with ones,
kernel gradients in parts of the batch (1 to 0.3) or by matrix products of columns (0.2 to 0.7).
"""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasish.core.platform_forms.compiler import lowering_steps
from kerasish.core.platform_forms.stored import stored_first
from kerasish.core.platform_forms.twins import platform_form, with_forms

Array = Any
# More groups, or elements of a depthwise window, would make programs long; more filters per channel repeat too much.
_MOST_GROUPS, _MOST_TAPS, _MOST_FILTERS = 64, 128, 8
_MOST_IN_COLUMNS, _MOST_DEPTH = 1 << 15, 8
_BATCH_PARTS = 8


def _cpu_convolution(x: Array, kernel: Array, **params: Any) -> Array:
    """Compute a convolution in the best form for a CPU; the parameters are those of JAX's primitive."""
    return _form(x, kernel, params)(x, kernel, params)


def _form(x: Any, kernel: Any, params: dict) -> Callable:
    """Choose the form for operands of these shapes and dtypes."""
    x_spec, kernel_spec, _ = params["dimension_numbers"]
    sizes, spatial = [x.shape[axis] for axis in x_spec[2:]], [kernel.shape[axis] for axis in kernel_spec[2:]]
    sharding = params.get("out_sharding")
    if (
        not 1 <= len(spatial) <= 3
        or not all(isinstance(size, int) for size in (*sizes, *kernel.shape))
        or not jnp.issubdtype(x.dtype, jnp.floating)
        or params["preferred_element_type"] not in (None, x.dtype)
        or not (sharding is None or sharding.mesh.empty)
        or 0 in (*x.shape, *kernel.shape)
    ):
        return _as_it_is
    output = _output_sizes(x, kernel, params)
    groups, channels = params["feature_group_count"], kernel.shape[kernel_spec[1]]
    stretched = any(dilation > 1 for dilation in params["lhs_dilation"])
    plain_steps = all(step == 1 for step in params["window_strides"])
    if params["batch_group_count"] > 1:
        if x.shape[x_spec[0]] == params["batch_group_count"] and math.prod(output) <= _MOST_TAPS and not stretched:
            return _depthwise_kernel_gradient
        return _by_group if params["batch_group_count"] <= _MOST_GROUPS else _as_it_is
    if groups > 1:
        few = kernel.shape[kernel_spec[0]] <= _MOST_FILTERS * groups
        if channels == 1 and few and math.prod(spatial) <= _MOST_TAPS:
            if not stretched:
                return _depthwise
            return _interleaved if plain_steps and max(params["rhs_dilation"]) == 1 else _plain
        return _by_group if groups <= _MOST_GROUPS else _plain
    if math.prod(spatial) == 1 and (not stretched or plain_steps):
        return _one_element
    if math.prod(output) == 1 and not stretched and all(low <= 0 for low, _ in params["padding"]):
        return _whole_input
    if stretched and plain_steps and max(params["rhs_dilation"]) == 1 and math.prod(output) < math.prod(spatial):
        return _swapped
    if stretched and len(spatial) == 3 and plain_steps and max(params["rhs_dilation"]) == 1:
        return _interleaved
    if not stretched and min(output) > 0:
        taps, places = math.prod(spatial), math.prod(output)
        columns = x.shape[x_spec[0]] * places * taps * channels
        if min(taps, places) <= _MOST_TAPS and columns <= _MOST_IN_COLUMNS:
            return _columns
        if len(spatial) == 3 and min(spatial[0], output[0]) <= _MOST_DEPTH:
            return _by_depth
    return _plain


def _is_plain(rank: int, params: dict) -> bool:
    """Return whether XLA has fast code for JAX's own convolution with these parameters in loops on a CPU."""
    last = (0, rank - 1, *range(1, rank - 1))
    order = (rank - 1, rank - 2, *range(rank - 2))
    return tuple(params["dimension_numbers"]) == (last, order, last) and params["batch_group_count"] == 1


def slow_in_loops(primitive: str, operands: Any, params: dict) -> bool:
    """Return whether an equation is a convolution that runs several times slower inside a loop on a CPU.

    Args:
        primitive: name of the equation's primitive.
        operands: its operands, or their abstract values.
        params: its parameters.
    """
    if primitive == "conv_general_dilated":
        return not _is_plain(len(operands[0].shape), params)
    return primitive == convolution_p.name and _form(operands[0], operands[1], params) is _as_it_is


def _output_sizes(x: Array, kernel: Array, params: dict) -> list[int]:
    """Return the sizes of the spatial axes of a convolution's result."""
    x_spec, kernel_spec, _ = params["dimension_numbers"]
    sizes = [
        (x.shape[axis] - 1) * factor + 1 + low + high
        for axis, factor, (low, high) in zip(x_spec[2:], params["lhs_dilation"], params["padding"])
    ]
    window = [kernel.shape[axis] for axis in kernel_spec[2:]]
    return _sizes_after(sizes, window, params["window_strides"], params["rhs_dilation"])


def _as_it_is(x: Array, kernel: Array, params: dict) -> Array:
    return lax.conv_general_dilated_p.bind(x, kernel, **params)


def _put_in_order(x: Array, kernel: Array, params: dict) -> tuple[Array, Array]:
    """Return the operands as (batch, ..., channel) and (..., in, out)."""
    x_spec, kernel_spec, _ = params["dimension_numbers"]
    x = jnp.transpose(x, (x_spec[0], *x_spec[2:], x_spec[1]))
    return x, jnp.transpose(kernel, (*kernel_spec[2:], kernel_spec[1], kernel_spec[0]))


def _put_back(result: Array, params: dict) -> Array:
    """Return a result of order (batch, ..., channel) in the order of the convolution."""
    out = params["dimension_numbers"][2]
    return jnp.transpose(result, np.argsort((out[0], *out[2:], out[1])))


def _plain(x: Array, kernel: Array, params: dict) -> Array:
    """Convolve operands in the order that XLA has fast code for."""

    def convolve(x: Array, kernel: Array) -> Array:
        return _put_back(_lax(*_put_in_order(x, kernel, params), params), params)

    return _with_operands_stored(convolve, x, kernel, params)


def _with_operands_stored(convolve: Callable, x: Array, kernel: Array, params: dict) -> Array:
    """Convolve; in training steps, for the gradient of a kernel, whose operands are transposed, with stored operands.

    Elsewhere XLA computes the gradient of the inputs at the same time, which a branch keeps it from: a network of three
    convolutions with ReLU takes 14 instead of 18 ms without storing, a small residual network 47 instead of 43.
    """
    sums_over_first_axis = params["dimension_numbers"][0][0] != 0  # which is the batch
    return stored_first(convolve, x, kernel) if sums_over_first_axis and lowering_steps.active else convolve(x, kernel)


def _lax(x: Array, kernel: Array, params: dict) -> Array:
    """Call lax with operands (batch, ..., channel) and (..., in, out)."""
    spatial = "DHW"[5 - x.ndim :]
    return lax.conv_general_dilated(
        x,
        kernel,
        params["window_strides"],
        params["padding"],
        params["lhs_dilation"],
        params["rhs_dilation"],
        (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        params["feature_group_count"],
        precision=params["precision"],
    )


def _pad(x: Array, padding: Any, interior: Any = None) -> Array:
    """Pad, cut where negative, and stretch the axes between the first and the last."""
    interior = interior or [1] * len(padding)
    config = [(low, high, step - 1) for (low, high), step in zip(padding, interior)]
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *config, (0, 0, 0)])


def _window(x: Array, starts: Any, sizes: Any, steps: Any) -> Array:
    """Slice the axes between the first and the last: `sizes` elements from `starts` on, in `steps`."""
    ends = [start + (size - 1) * step + 1 for start, size, step in zip(starts, sizes, steps)]
    return lax.slice(x, (0, *starts, 0), (x.shape[0], *ends, x.shape[-1]), (1, *steps, 1))


def _one_element(x: Array, kernel: Array, params: dict) -> Array:
    """Multiply matrices where the window has one element."""
    x, kernel = _put_in_order(x, kernel, params)
    steps, factors = params["window_strides"], params["lhs_dilation"]
    if max(factors) == 1:
        x = _pad(x, params["padding"])
        x = _window(x, (0,) * len(steps), [-(-size // step) for size, step in zip(x.shape[1:-1], steps)], steps)
    matrix = jnp.reshape(kernel, kernel.shape[-2:])
    result = lax.dot(jnp.reshape(x, (-1, x.shape[-1])), matrix, precision=params["precision"])
    result = jnp.reshape(result, (*x.shape[:-1], -1))
    return _put_back(_pad(result, params["padding"], factors) if max(factors) > 1 else result, params)


def _whole_input(x: Array, kernel: Array, params: dict) -> Array:
    """Contract all axes but two where there is a single window, without padding before it."""
    x_spec, kernel_spec, out = params["dimension_numbers"]
    x = jnp.transpose(x, (x_spec[1], *x_spec[2:], x_spec[0]))
    kernel = jnp.transpose(kernel, (kernel_spec[1], *kernel_spec[2:], kernel_spec[0]))
    starts, steps, sizes = [-low for low, _ in params["padding"]], params["rhs_dilation"], kernel.shape[1:-1]
    needed = [start + (size - 1) * step + 1 for start, size, step in zip(starts, sizes, steps)]
    x = _pad(x, [(0, max(need - size, 0)) for need, size in zip(needed, x.shape[1:-1])])
    axes = tuple(range(x.ndim - 1))
    result = lax.dot_general(_window(x, starts, sizes, steps), kernel, ((axes, axes), ((), ())), params["precision"])
    return jnp.expand_dims(result if out[0] < out[1] else result.T, out[2:])


def _columns(x: Array, kernel: Array, params: dict) -> Array:
    """Write each window as a row of a matrix, and multiply."""
    x, kernel = _put_in_order(x, kernel, params)
    x, strides, dilation = _pad(x, params["padding"]), params["window_strides"], params["rhs_dilation"]
    *window, channels, filters = kernel.shape
    sizes = _sizes_after(x.shape[1:-1], window, strides, dilation)
    if math.prod(window) <= math.prod(sizes):
        starts = ([i * d for i, d in zip(place, dilation)] for place in itertools.product(*map(range, window)))
        rows = jnp.concatenate([_window(x, start, sizes, strides) for start in starts], -1)
    else:
        starts = ([i * step for i, step in zip(place, strides)] for place in itertools.product(*map(range, sizes)))
        rows = jnp.stack([_window(x, start, window, dilation) for start in starts], 1)
    length = math.prod(window) * channels
    result = lax.dot(rows.reshape(-1, length), kernel.reshape(length, filters), precision=params["precision"])
    return _put_back(result.reshape(x.shape[0], *sizes, filters), params)


def _by_depth(x: Array, kernel: Array, params: dict) -> Array:
    """Convolve over two axes, with all that a window has along the first as channels: as many times the memory."""

    def convolve(x: Array, kernel: Array) -> Array:
        x, kernel = _put_in_order(x, kernel, params)
        step, dilation, whole = params["window_strides"][0], params["rhs_dilation"][0], [1, 1]
        x = _pad(x, [params["padding"][0], (0, 0), (0, 0)])
        depth, area = kernel.shape[0], x.shape[2:4]
        (count,) = _sizes_after(x.shape[1:2], [depth], [step], [dilation])
        if depth <= count:
            parts = [_window(x, [i * dilation, 0, 0], [count, *area], [step, *whole]) for i in range(depth)]
            x = jnp.concatenate(parts, -1)
        else:
            parts = [_window(x, [i * step, 0, 0], [depth, *area], [dilation, *whole]) for i in range(count)]
            x = jnp.stack([jnp.moveaxis(part, 1, -2) for part in parts], 1)
        flat = {name: params[name][1:] for name in ("window_strides", "padding", "lhs_dilation", "rhs_dilation")}
        kernel = jnp.moveaxis(kernel, 0, -3).reshape(*kernel.shape[1:3], -1, kernel.shape[-1])
        result = _lax(x.reshape(-1, *area, kernel.shape[-2]), kernel, {**params, **flat})
        return _put_back(result.reshape(-1, count, *result.shape[1:]), params)

    return _with_operands_stored(convolve, x, kernel, params)


def _sizes_after(sizes: Any, window: Any, strides: Any, dilation: Any) -> list[int]:
    """Return how many windows fit along each axis."""
    needed = [(width - 1) * d + 1 for width, d in zip(window, dilation)]
    return [(size - need) // step + 1 for size, need, step in zip(sizes, needed, strides)]


def _depthwise(x: Array, kernel: Array, params: dict) -> Array:
    """Sum over the window's elements of the shifted input times the element, for one input channel per group."""
    x, kernel = _put_in_order(x, kernel, params)
    return _put_back(_shifted_products(x, kernel, params), params)


def _shifted_products(x: Array, kernel: Array, params: dict) -> Array:
    strides, dilation, dtype = params["window_strides"], params["rhs_dilation"], x.dtype
    # The barrier keeps padding out of the loop over the elements.
    x, kernel = lax.optimization_barrier((_wide(_pad(x, params["padding"])), _wide(kernel)))
    *window, _, filters = kernel.shape
    sizes, terms = _sizes_after(x.shape[1:-1], window, strides, dilation), []
    for place in itertools.product(*map(range, window)):
        part = _window(x, [i * d for i, d in zip(place, dilation)], sizes, strides)
        terms.append(_repeat_channels(part, filters // x.shape[-1]) * kernel[place][0])
    return functools.reduce(lax.add, terms).astype(dtype)


def _wide(x: Array) -> Array:
    """Return half-precision values as float32, in which sums are made."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _repeat_channels(x: Array, times: int) -> Array:
    return x if times == 1 else jnp.repeat(x, times, axis=-1)


def _depthwise_kernel_gradient(x: Array, kernel: Array, params: dict) -> Array:
    """Sum products of shifted input and output gradient, which is the kernel here, for each element of the window."""
    x_spec, kernel_spec, _ = params["dimension_numbers"]
    sizes, dtype = _output_sizes(x, kernel, params), x.dtype
    x = jnp.transpose(x, (x_spec[1], *x_spec[2:], x_spec[0]))
    kernel = jnp.transpose(kernel, (kernel_spec[1], *kernel_spec[2:], kernel_spec[0]))
    x, kernel = lax.optimization_barrier((_wide(_pad(x, params["padding"])), _wide(kernel)))
    # Sums over parts of the batch are made in one loop with the products, which then need no memory.
    count = next(divisor for divisor in range(_BATCH_PARTS, 0, -1) if x.shape[0] % divisor == 0)
    kernels, rows = jnp.split(kernel, count), []
    for place in itertools.product(*map(range, sizes)):
        starts = [i * step for i, step in zip(place, params["window_strides"])]
        part = _window(x, starts, kernel.shape[1:-1], params["rhs_dilation"])
        part = _repeat_channels(part, kernel.shape[-1] // x.shape[-1])
        rows.append(functools.reduce(lax.add, map(lax.mul, jnp.split(part, count), kernels)))
    rows = lax.optimization_barrier(jnp.reshape(jnp.stack(rows), (len(rows), -1, kernel.shape[-1])))
    return _put_back(jnp.reshape(jnp.sum(rows, 1), (1, *sizes, -1)).astype(dtype), params)


def _swapped(x: Array, kernel: Array, params: dict) -> Array:
    """Convolve a stretched input where the result is smaller than the kernel, with both in each other's place.

    Backwards, `out[t] = sum over j of x[j] kernel[factor * j - t + low]` is a convolution of the kernel with the input.
    """
    x_spec, kernel_spec, out = params["dimension_numbers"]
    sizes, padding = _output_sizes(x, kernel, params), []
    for axis, (size, factor) in enumerate(zip(sizes, params["lhs_dilation"])):
        low = size - 1 - params["padding"][axis][0]
        spread = (x.shape[x_spec[2 + axis]] - 1) * factor
        padding.append((low, size + spread - kernel.shape[kernel_spec[2 + axis]] - low))
    swapped = {
        **params,
        "padding": tuple(padding),
        "lhs_dilation": params["rhs_dilation"],
        "rhs_dilation": params["lhs_dilation"],
        "dimension_numbers": lax.ConvDimensionNumbers(kernel_spec, x_spec, (out[1], out[0], *out[2:])),
    }
    return lax.rev(_cpu_convolution(kernel, x, **swapped), out[2:])


def _by_group(x: Array, kernel: Array, params: dict) -> Array:
    """Convolve the groups, of input channels or of the batch, one by one."""
    x_spec, kernel_spec, out = params["dimension_numbers"]
    by_batch = params["batch_group_count"] > 1
    count = params["batch_group_count"] if by_batch else params["feature_group_count"]
    params = {**params, "batch_group_count": 1, "feature_group_count": 1}
    parts = zip(jnp.split(x, count, x_spec[0 if by_batch else 1]), jnp.split(kernel, count, kernel_spec[0]))
    return jnp.concatenate([_cpu_convolution(x, kernel, **params) for x, kernel in parts], out[1])


def _interleaved(x: Array, kernel: Array, params: dict) -> Array:
    """Convolve a stretched input: for each residue of the output's places by the factors, with a part of the kernel."""
    sizes, factors = _output_sizes(x, kernel, params), params["lhs_dilation"]
    x, kernel = _put_in_order(x, kernel, params)
    rank, counts = len(sizes), [-(-size // factor) for size, factor in zip(sizes, factors)]
    compute = _shifted_products if params["feature_group_count"] > 1 else _lax
    results = []
    for residues in itertools.product(*map(range, factors)):
        part, padding = kernel, []
        for axis, (residue, factor) in enumerate(zip(residues, factors)):
            low = params["padding"][axis][0]
            first = (low - residue) % factor
            part = part[(slice(None),) * axis + (slice(first, None, factor),)]
            start = (residue + first - low) // factor
            padding.append((-start, counts[axis] + part.shape[axis] - 1 + start - x.shape[1 + axis]))
        if 0 in part.shape:
            results.append(jnp.zeros((x.shape[0], *counts, kernel.shape[-1]), x.dtype))
        else:
            steps = {"padding": padding, "lhs_dilation": (1,) * rank}
            results.append(compute(x, part, {**params, **steps}))
    result = jnp.reshape(jnp.stack(results), (*factors, *results[0].shape))
    order = [rank, *itertools.chain(*((rank + 1 + axis, axis) for axis in range(rank))), 2 * rank + 1]
    result = jnp.reshape(
        jnp.transpose(result, order), (x.shape[0], *map(math.prod, zip(counts, factors)), kernel.shape[-1])
    )
    return _put_back(_window(result, (0,) * rank, sizes, (1,) * rank), params)


convolution_p = platform_form("convolution", lax.conv_general_dilated_p, _cpu_convolution)


def convolution(x: Array, kernel: Array, **options: Any) -> Array:
    """Call `lax.conv_general_dilated` in the best form for each platform; options must be hashable."""
    return with_forms(lax.conv_general_dilated, x, kernel, **options)
