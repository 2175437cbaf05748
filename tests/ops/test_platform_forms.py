"""Platform forms equal lax's own convolution and pooling, in values and derivatives of every kind, and only on CPUs."""

import functools
import re
from unittest.mock import MagicMock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import kerasish
from kerasish.core.platform_forms import convolution as convolution_module
from kerasish.core.platform_forms.compiler import lowering_steps
from kerasish.core.platform_forms.convolution import convolution, slow_in_loops
from kerasish.core.platform_forms.pooling import reduce_windows

FAST_COMPILE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
TOLERANCE = {"float64": 1e-10, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}


def run(function, *args):
    return jax.jit(function, compiler_options=FAST_COMPILE)(*args)


def assert_close(actual, expected, tolerance=2e-5):
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == e.shape
        assert a.dtype == e.dtype
        a, e = np.asarray(a, "float64"), np.asarray(e, "float64")
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance * max(1, np.abs(e).max(initial=0)))


def lax_reduce(x, initial, combine, window, strides, padding):
    return lax.reduce_window(x, initial, combine, window, strides, padding)


def value_and_gradients(function, x, *others):
    """The value, and gradients by all arguments of a sum with different weights."""
    out, pullback = jax.vjp(function, x, *others)
    return out, pullback(jnp.cos(jnp.arange(out.size, dtype="float32")).reshape(out.shape).astype(out.dtype))


def second_order(function, x, *others):
    """A directional derivative of the gradients: forward over reverse."""
    total = lambda *args: jnp.sum(jnp.tanh(function(*args)))
    args = (x, *others)
    return jax.jvp(jax.grad(total, tuple(range(len(args)))), args, tuple(jnp.cos(a) for a in args))[1]


def layouts(rank, last):
    spatial = "DHW"[3 - rank :]
    layout = f"N{spatial}C" if last else f"NC{spatial}"
    return layout, f"{spatial}IO", layout


def case(rank=2, size=8, window=3, stride=1, dilation=1, stretch=1, groups=1, inputs=4, outputs=6, padding="SAME",
         last=True, dtype="float32"):  # fmt: skip
    options = {
        "window_strides": (stride,) * rank,
        "padding": padding,
        "lhs_dilation": (stretch,) * rank,
        "rhs_dilation": (dilation,) * rank,
        "dimension_numbers": layouts(rank, last),
        "feature_group_count": groups,
    }
    sizes = tuple(size + i for i in range(rank))
    shape = (2, *sizes, inputs) if last else (2, inputs, *sizes)
    return options, shape, ((window,) * rank + (inputs // groups, outputs)), dtype


CASES = {
    "plain": case(),
    "strided": case(stride=2),
    "valid-dilated": case(dilation=2, padding="VALID"),
    "explicit padding": case(padding=((2, 0), (1, 3)), stride=2),
    "negative padding": case(padding=((-1, 0), (1, -2))),
    "channels first": case(last=False, stride=2),
    "one element": case(window=1),
    "one element, strided": case(window=1, stride=2),
    "one element, strided, padded": case(window=1, stride=3, padding=((1, 1), (0, 2))),
    "one element, stretched": case(window=1, stretch=2, padding=((0, 1), (2, 0))),
    "whole input": case(size=3, window=3, rank=1, padding="VALID"),
    "depthwise": case(groups=4, outputs=4),
    "depthwise, strided": case(groups=4, outputs=4, stride=2),
    "depthwise, multiplied": case(groups=4, outputs=8, stride=2, padding="VALID"),
    "depthwise, dilated": case(groups=4, outputs=4, dilation=2, last=False),
    "depthwise, dilated, strided": case(groups=4, outputs=4, dilation=2, stride=2, padding="VALID"),
    "depthwise, stretched": case(groups=4, outputs=4, stretch=2, padding=((1, 2), (2, 2))),
    "groups": case(groups=2),
    "groups, strided": case(groups=2, stride=2, padding="VALID"),
    "transposed": case(stretch=2, padding=((2, 1), (2, 2))),
    "one axis": case(rank=1, stride=2, window=4),
    "one axis, depthwise": case(rank=1, groups=4, outputs=4, dilation=3),
    "three axes": case(rank=3, size=4, stride=2),
    "three axes, dilated": case(rank=3, size=5, dilation=2, padding="VALID"),
    "three axes, channels first": case(rank=3, size=4, window=2, last=False),
    "three axes, stretched": case(rank=3, size=3, stretch=2, window=2, padding=((1, 1), (1, 2), (0, 1))),
    "window of one on a stretched axis": case(rank=3, size=3, stretch=3, window=2, padding=((1, 1),) * 3),
    "bfloat16": case(dtype="bfloat16"),
    "bfloat16, depthwise": case(dtype="bfloat16", groups=4, outputs=4),
    "float16": case(dtype="float16", stride=2),
}


def operands(shape, kernel_shape, dtype, rng):
    return tuple(jnp.asarray(rng.normal(size=s), dtype) for s in (shape, kernel_shape))


@pytest.fixture
def none_in_columns(monkeypatch):
    """Small convolutions take the forms of large ones."""
    monkeypatch.setattr(convolution_module, "_MOST_IN_COLUMNS", 0)


@pytest.mark.parametrize("name", CASES)
def test_convolution(name, rng, none_in_columns):
    compare_convolution(name, rng)


PLAIN = ["plain", "strided", "valid-dilated", "explicit padding", "negative padding", "channels first", "one axis",
         "three axes", "bfloat16", "float16"]  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_convolution_in_steps(name, rng, none_in_columns):
    with lowering_steps:
        compare_convolution(name, rng)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the form is for CPUs")
def test_operands_are_stored_in_steps_alone(monkeypatch):
    inputs = kerasish.Input((8, 8, 16))
    features = kerasish.layers.Conv2D(32, 3)(inputs)
    model = kerasish.Model(inputs, kerasish.layers.GlobalAveragePooling2D()(features))
    model.compile("sgd", "mse")
    x, y = np.ones((64, 8, 8, 16), "float32"), np.ones((64, 32), "float32")
    counted = MagicMock(wraps=convolution_module.stored_first)
    monkeypatch.setattr(convolution_module, "stored_first", counted)
    weights = [variable.value for variable in model.trainable_variables]
    jax.jit(jax.grad(lambda weights: model.stateless_call(weights, [], x)[0].sum()))(weights)
    assert counted.call_count == 0
    model.fit(x, y, verbose=0)
    assert counted.call_count > 0


@pytest.mark.parametrize("name", PLAIN)
def test_convolution_in_columns(name, rng):
    compare_convolution(name, rng)


def test_which_are_written_in_columns():
    def form(batch):
        x = jax.ShapeDtypeStruct((batch, 10, 10, 8), "float32")
        kernel = jax.ShapeDtypeStruct((3, 3, 8, 8), "float32")
        options, *_ = case()
        jaxpr = jax.make_jaxpr(functools.partial(convolution, **options))(x, kernel)
        (equation,) = [e for e in jaxpr.eqns if e.primitive is convolution_module.convolution_p]
        return convolution_module._form(x, kernel, equation.params)

    assert (form(4), form(5)) == (convolution_module._columns, convolution_module._plain)


def compare_convolution(name, rng):
    options, shape, kernel_shape, dtype = CASES[name]
    x, kernel = operands(shape, kernel_shape, dtype, rng)
    ours, theirs = (functools.partial(f, **options) for f in (convolution, lax.conv_general_dilated))

    def both(x, kernel):
        return [value_and_gradients(f, x, kernel) for f in (ours, theirs)]

    assert_close(*run(both, x, kernel), TOLERANCE[dtype])


@pytest.mark.parametrize("seed", range(10))
def test_convolution_of_random_options(seed, monkeypatch):
    if seed % 2:
        monkeypatch.setattr(convolution_module, "_MOST_IN_COLUMNS", 0)
    rng = np.random.default_rng(seed)
    pick = lambda *values: tuple(rng.choice(values, 2).tolist())
    groups = int(rng.choice([1, 1, 2, 4]))
    options = {
        "window_strides": pick(1, 1, 2, 3),
        "padding": (pick(0, 1, 2), pick(0, 1, 3)),
        "lhs_dilation": pick(1, 1, 2),
        "rhs_dilation": pick(1, 1, 2),
        "dimension_numbers": layouts(2, bool(rng.integers(2))),
        "feature_group_count": groups,
    }
    x_shape = (2, 7, 9, 4) if options["dimension_numbers"][0] == "NHWC" else (2, 4, 7, 9)
    x, kernel = operands(x_shape, (*pick(1, 2, 3), 4 // groups, 8), "float32", rng)
    ours, theirs = (functools.partial(f, **options) for f in (convolution, lax.conv_general_dilated))

    def both(x, kernel):
        return [(value_and_gradients(f, x, kernel), second_order(f, x, kernel)) for f in (ours, theirs)]

    assert_close(*run(both, x, kernel))


def test_convolution_of_float64(rng):
    with jax.enable_x64(True):
        options, shape, kernel_shape, _ = case(stride=2)
        x, kernel = operands(shape, kernel_shape, "float64", rng)
        ours, theirs = (functools.partial(f, **options) for f in (convolution, lax.conv_general_dilated))
        assert_close(*run(lambda *a: [value_and_gradients(f, *a) for f in (ours, theirs)], x, kernel), 1e-10)


TRANSFORMED = ["strided", "one element, strided", "depthwise, strided", "groups", "transposed", "three axes"]


@pytest.mark.parametrize("name", TRANSFORMED)
def test_transformations(name, rng, none_in_columns):
    """Second derivatives, forward mode, linearize, and batches over each operand and both."""
    options, shape, kernel_shape, dtype = CASES[name]
    x, kernel = operands(shape, kernel_shape, dtype, rng)
    xs, kernels = jnp.stack([x, x + 1, x * 2]), jnp.stack([kernel, -kernel, kernel + 1])

    def everything(function):
        function = functools.partial(function, **options)
        tangents = jax.linearize(function, x, kernel)[1](x, kernel)
        gradient = lambda x, kernel: value_and_gradients(function, x, kernel)[1]
        return [
            second_order(function, x, kernel),
            jax.jvp(function, (x, kernel), (x, kernel)),
            tangents,
            jax.vmap(gradient, (0, None))(xs, kernel),
            jax.vmap(gradient, (None, 0))(x, kernels),
            jax.vmap(gradient, (0, 0))(xs, kernels),
        ]

    ours, theirs = run(lambda: [everything(f) for f in (convolution, lax.conv_general_dilated)])
    assert_close(ours, theirs, 1e-4)


def tiny_model(conv, reduce):
    dims = ("NHWC", "HWIO", "NHWC")

    def loss(parameters, x):
        kernel, depthwise, pointwise = parameters
        x = jnp.tanh(conv(x, kernel, window_strides=(1, 1), padding="SAME", dimension_numbers=dims))
        x = reduce(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")
        options = {"window_strides": (2, 2), "padding": "SAME", "dimension_numbers": dims}
        x = jnp.tanh(conv(x, depthwise, feature_group_count=3, **options))
        x = conv(x, pointwise, window_strides=(1, 1), padding="VALID", dimension_numbers=dims)
        x = reduce(x, 0.0, lax.add, (1, 2, 2, 1), (1, 1, 1, 1), "VALID")
        return jnp.mean(x**2)

    return loss


def test_a_model_in_hessian_scan_and_checkpoint(rng):
    shapes = (2, 2, 1, 3), (2, 2, 1, 3), (1, 1, 3, 2)
    parameters = [jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes]
    xs = jnp.asarray(rng.normal(size=(3, 2, 7, 7, 1)), "float32")

    def everything(conv, reduce):
        loss = tiny_model(conv, reduce)

        def step(parameters, x):
            value, gradients = jax.value_and_grad(jax.checkpoint(loss))(parameters, x)
            return [p - 0.1 * g for p, g in zip(parameters, gradients)], value

        return jax.hessian(loss)(parameters, xs[0]), lax.scan(step, parameters, xs)

    pairs = (convolution, reduce_windows), (lax.conv_general_dilated, lax_reduce)
    assert_close(*run(lambda: [everything(*pair) for pair in pairs]), 1e-4)


POOLS = {
    "blocks": ((2, 8, 8, 3), (2, 2), (2, 2), "VALID"),
    "remainder": ((2, 7, 9, 3), (2, 2), (2, 2), "VALID"),
    "same": ((2, 7, 8, 3), (3, 3), (2, 2), "SAME"),
    "overlapping": ((1, 6, 7, 2), (3, 2), (1, 1), "SAME"),
    "gaps": ((2, 9, 9, 2), (2, 2), (3, 4), "VALID"),
    "one axis": ((2, 9, 3), (4,), (3,), "SAME"),
    "three axes": ((1, 4, 5, 6, 2), (2, 3, 2), (2, 1, 2), "SAME"),
    "wide": ((1, 40, 3, 2), (35, 1), (1, 1), "VALID"),
    "strides alone": ((1, 7, 7, 2), (1, 1), (2, 2), "VALID"),
}


@pytest.mark.parametrize("kind", ["max", "sum"])
@pytest.mark.parametrize("name", POOLS)
def test_pooling(name, kind, rng):
    shape, window, strides, padding = POOLS[name]
    # Whole numbers: many equal values in a window. In forward mode lax does not always choose the first of them, even
    # where its own reverse mode does, so that forward mode is compared for values that differ.
    equal = jnp.asarray(rng.integers(-3, 3, shape), "float32")
    x = jnp.asarray(rng.permutation(equal.size).reshape(shape) / equal.size, "float32")
    how = (-jnp.inf, lax.max) if kind == "max" else (0.0, lax.add)

    def everything(reduce):
        function = lambda x: reduce(x, *how, (1, *window, 1), (1, *strides, 1), padding)
        return [
            value_and_gradients(function, equal),
            jax.vmap(lambda x: value_and_gradients(function, x))(jnp.stack([equal, -equal])),
            second_order(function, x),
            jax.jvp(function, (x,), (jnp.sin(x),)),
        ]

    ours, theirs = run(lambda: [everything(f) for f in (reduce_windows, lax_reduce)])
    assert_close(ours, theirs, 1e-4)


def test_forward_and_reverse_mode_choose_the_same_of_equal_maxima(rng):
    x = jnp.asarray(rng.integers(-2, 2, (2, 7, 8, 3)), "float32")
    function = lambda x: reduce_windows(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
    out, pullback = jax.vjp(function, x)
    tangent, cotangent = (jnp.asarray(rng.normal(size=shape), "float32") for shape in (x.shape, out.shape))
    forward = jnp.vdot(jax.jvp(function, (x,), (tangent,))[1], cotangent)
    np.testing.assert_allclose(forward, jnp.vdot(tangent, pullback(cotangent)[0]), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_pooling_in_half_precision(dtype, rng):
    x = jnp.asarray(rng.normal(size=(2, 6, 6, 3)), dtype)

    def everything(reduce):
        how = ((-jnp.inf, lax.max), (0.0, lax.add))
        return [value_and_gradients(lambda x: reduce(x, *h, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"), x) for h in how]  # noqa: B023

    ours, theirs = run(lambda: [everything(f) for f in (reduce_windows, lax_reduce)])
    assert_close(ours, theirs, TOLERANCE[dtype])


def test_pooling_of_special_values():
    """Infinities and values that are not numbers are treated as lax treats them; whole numbers too."""
    x = jnp.asarray([[-jnp.inf, -jnp.inf, 1, jnp.nan, 2, jnp.inf, jnp.nan, jnp.nan]]).reshape(1, 8, 1)

    def everything(reduce):
        return value_and_gradients(lambda x: reduce(x, -jnp.inf, lax.max, (1, 2, 1), (1, 2, 1), "VALID"), x)

    ours, theirs = run(lambda: [everything(f) for f in (reduce_windows, lax_reduce)])
    assert_close(ours, theirs)
    whole = jnp.arange(8).reshape(1, 8, 1)
    lowest = np.int32(np.iinfo("int32").min)
    assert_close(*(f(whole, lowest, lax.max, (1, 3, 1), (1, 2, 1), "SAME") for f in (reduce_windows, lax_reduce)))


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_other_platforms_get_the_program_of_lax(platform):
    """The same operations with the same attributes and types, as often."""
    parameters = [jnp.ones(s) for s in ((2, 2, 1, 3), (2, 2, 1, 3), (1, 1, 3, 2))]
    x = jnp.ones((2, 7, 7, 1))
    programs = []
    for functions in ((convolution, reduce_windows), (lax.conv_general_dilated, lax_reduce)):
        traced = jax.jit(jax.value_and_grad(tiny_model(*functions))).trace(parameters, x)
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        interesting = ("stablehlo.convolution", "stablehlo.reduce_window", "stablehlo.select_and_scatter")
        lines = [re.sub(r"%\w+", "", line) for line in text.splitlines() if any(name in line for name in interesting)]
        programs.append(sorted(lines))
    assert programs[0] == programs[1]
    assert len(programs[0]) > 10


def test_which_convolutions_are_slow_in_loops():
    x, kernel = jnp.ones((2, 7, 7, 4)), jnp.ones((3, 3, 4, 4))

    def slow(conv):
        loss = lambda x, k: conv(
            x, k, window_strides=(1, 1), padding="SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ).sum()
        equations = jax.make_jaxpr(jax.grad(loss, (0, 1)))(x, kernel).eqns
        return [slow_in_loops(e.primitive.name, [v.aval for v in e.invars], e.params) for e in equations]

    assert not any(slow(convolution))
    assert sum(slow(lax.conv_general_dilated)) == 2


@pytest.mark.parametrize(("name", "products"), [("depthwise", "multiply"), ("one element, strided", "dot_general")])
def test_forms_are_used_on_cpus(name, products):
    options, shape, kernel_shape, _ = CASES[name]
    text = jax.jit(functools.partial(convolution, **options)).lower(jnp.ones(shape), jnp.ones(kernel_shape)).as_text()
    assert "stablehlo.convolution" not in text
    assert products in text
