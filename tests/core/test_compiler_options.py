"""Options for XLA's compiler: used where they are understood, and nowhere else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import kerasish
from kerasish import layers
from kerasish.core.platform_forms import compiler
from kerasish.core.platform_forms.stored import stored, stored_first

on_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="the options are for CPUs")


@pytest.fixture(autouse=True)
def asked_again():
    compiler.compiler_options.cache_clear()
    yield
    compiler.compiler_options.cache_clear()


def convolve(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@on_cpu
def test_convolutions_leave_ynnpack():
    options = compiler.compiler_options()
    if not options:
        pytest.skip("this jaxlib does not have the option")
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 8, 8, 32)).astype("float32"), rng.normal(size=(3, 3, 32, 32)).astype("float32")
    compiled = jax.jit(convolve, compiler_options=options).lower(x, kernel).compile()
    assert "__ynn_fusion" not in compiled.as_text()
    np.testing.assert_allclose(compiled(x, kernel), convolve(x, kernel), rtol=1e-5, atol=1e-4)


@on_cpu
def test_an_option_that_is_not_known_is_left_out(monkeypatch):
    monkeypatch.setattr(compiler, "_WITHOUT_CONVOLUTIONS", {"xla_cpu_option_that_nobody_has": "1"})
    assert compiler.compiler_options() is None


def test_flags_of_the_user_go_first(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_REDUCE")
    assert compiler.compiler_options() is None


def test_other_platforms_get_none(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler.compiler_options() is None


@on_cpu
def test_training_and_prediction_are_compiled_with_them(monkeypatch):
    asked, jit = [], jax.jit
    monkeypatch.setattr(
        jax, "jit", lambda *args, **options: asked.append(options.get("compiler_options")) or jit(*args, **options)
    )
    options = {"xla_cpu_enable_fast_min_max": False}
    monkeypatch.setattr("kerasish.training.step.compiler_options", lambda: options)
    model = kerasish.Sequential([kerasish.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=1, verbose=0)
    trained = asked.count(options)
    model.predict(np.ones((4, 2)), verbose=0)
    assert 0 < trained < asked.count(options)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("first", [0.0, -0.0, 1.5, np.nan, -np.inf])
def test_what_is_stored_first_is_computed_always(dtype, first):
    x = jnp.asarray([[first, 2.0], [3.0, 4.0]], dtype)
    turned = jax.jit(lambda x: stored_first(jnp.transpose, x))(x)
    np.testing.assert_array_equal(turned.astype("float32"), x.T.astype("float32"))
    mapped = jax.vmap(lambda x: stored_first(jnp.negative, x))(x)
    np.testing.assert_array_equal(mapped.astype("float32"), -x.astype("float32"))


@on_cpu
def test_what_is_stored_first_is_not_fused():
    def function(x, scale):
        shifted = jnp.tanh(x * scale)
        return stored_first(lambda a: a.T * 2.0, shifted) + shifted.T

    text = jax.jit(function).lower(jnp.ones((64, 32)), jnp.ones(32)).compile().as_text()
    assert "conditional(" in text


def test_stored_arrays_are_as_they_were():
    arrays = [jnp.zeros((0, 2)), jnp.asarray([True, False]), jnp.arange(3), jnp.asarray(np.nan)]
    for ours, theirs in zip(jax.jit(stored)(arrays), arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert stored([]) == []
    mapped = jax.vmap(lambda x: stored([x, 2 * x])[1])(jnp.arange(3.0))
    np.testing.assert_array_equal(mapped, [0, 2, 4])
