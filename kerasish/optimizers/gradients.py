"""What optimizers do to gradients: clipping, the dtype of updates, and updates under a traced condition."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.variable import Scope, Variable


def compute_dtype(x: Any) -> Any:
    """Return the dtype to compute an update of `x` in: its own, but float32 for half precision.

    In bfloat16 `1 - 0.999 ** step` is 0 and Adam would stand still.
    """
    return jnp.promote_types(x.dtype, "float32")


def _squared_norm(gradient: jax.Array) -> jax.Array:
    return jnp.sum(jnp.square(gradient.astype(compute_dtype(gradient))))


def clip_each_by_norm(grads: Sequence[jax.Array], limit: float) -> list[jax.Array]:
    """Scale each gradient down to a norm of at most `limit`."""
    # Bounded below before the root, which has no finite slope at 0.
    return [grad * (limit / jnp.sqrt(jnp.maximum(_squared_norm(grad), limit**2))) for grad in grads]


def clip_by_global_norm(grads: Sequence[jax.Array], limit: float) -> list[jax.Array]:
    """Scale all gradients down by one factor, so that together they have a norm of at most `limit`."""
    squared = jnp.sum(jnp.stack([_squared_norm(grad) for grad in grads]))
    # The last term is 0, or NaN if a gradient is not finite: then no weight may look trained.
    scale = limit / jnp.sqrt(jnp.maximum(squared, limit**2)) + (squared - squared)
    return [grad * scale for grad in grads]


def conditional(
    predicate: Any, on_true: Callable[[], None], on_false: Callable[[], None], variables: Sequence[Variable]
) -> None:
    """Run one of two functions that assign `variables`; both are traced if the predicate is traced."""
    if not isinstance(predicate, jax.core.Tracer):
        (on_true if predicate else on_false)()
        return
    variables = list(dict.fromkeys(variables))

    def run(branch: Callable[[], None], values: list) -> list:
        with Scope.of(variables, values) as scope:
            branch()
        return [scope.read(variable) for variable in variables]

    values = [variable.value for variable in variables]
    new_values = jax.lax.cond(predicate, lambda v: run(on_true, v), lambda v: run(on_false, v), values)
    for variable, value in zip(variables, new_values, strict=True):
        variable.assign(value)
