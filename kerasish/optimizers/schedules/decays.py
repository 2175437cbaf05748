"""The built-in learning rate schedules; each returns a float scalar and works on traced steps."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasish.core.config import floatx
from kerasish.core.variable import unwrap
from kerasish.optimizers.schedules.schedule import LearningRateSchedule


def _dtype() -> Any:
    """`floatx`, but at least float32: half precision cannot count beyond a few hundred steps."""
    return jnp.promote_types("float32", floatx())


def _as_float(step: Any) -> jax.Array:
    return jnp.asarray(unwrap(step)).astype(_dtype())


def _check_positive(name: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")


class ExponentialDecay(LearningRateSchedule):
    """Exponential decay: `initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: number of steps, positive, in which the rate is multiplied by `decay_rate` once.
        decay_rate: factor.
        staircase: round `step / decay_steps` down, so that the rate drops at discrete steps.
        name: kept in the config.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        _check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        periods = _as_float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return self.initial_learning_rate * jnp.power(self.decay_rate, periods)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class InverseTimeDecay(ExponentialDecay):
    """Inverse time decay: `initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: number of steps, positive, that count as one unit of time.
        decay_rate: strength of the decay.
        staircase: round `step / decay_steps` down, so that the rate drops at discrete steps.
        name: kept in the config.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Any) -> jax.Array:
        periods = _as_float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return self.initial_learning_rate / (1.0 + self.decay_rate * periods)


class PiecewiseConstantDecay(LearningRateSchedule):
    """Constant between boundaries: `values[0]` up to and including `boundaries[0]`, then `values[1]`, ...

    Args:
        boundaries: strictly increasing steps.
        values: learning rates, one more than boundaries.
        name: kept in the config.

    Example:
        >>> PiecewiseConstantDecay([1000, 2000], [1.0, 0.5, 0.1])(1500)
        Array(0.5, dtype=float32)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay: `values` must be one longer than `boundaries`, received "
                f"{len(boundaries)} boundaries ({boundaries}) and {len(values)} values ({values})."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        step = jnp.asarray(unwrap(step))
        values = jnp.asarray(self.values, _dtype())
        if not self.boundaries:
            return values[0]
        return values[jnp.sum(step > jnp.asarray(self.boundaries, step.dtype))]

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    """Polynomial decay: `(initial - end) * (1 - step / decay_steps) ** power + end`, constant after `decay_steps`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: number of steps, positive, until `end_learning_rate`.
        end_learning_rate: lowest rate.
        power: exponent; 1 is linear.
        cycle: instead of staying at the end, stretch the decay to the next multiple of `decay_steps`.
        name: kept in the config.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        _check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        step = _as_float(step)
        decay_steps: Any = self.decay_steps
        if self.cycle:
            decay_steps = decay_steps * jnp.where(step == 0, 1.0, jnp.ceil(step / decay_steps))
        else:
            step = jnp.minimum(step, decay_steps)
        # XLA may divide by multiplying with a rounded reciprocal: never take a root of -1e-7.
        remaining = jnp.power(jnp.maximum(1 - step / decay_steps, 0.0), self.power)
        return (self.initial_learning_rate - self.end_learning_rate) * remaining + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class CosineDecay(LearningRateSchedule):
    """Linear warmup, then half a cosine wave down to a fraction `alpha` of the peak.

    With `warmup_target=None` there is no warmup and the peak is `initial_learning_rate`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: number of steps, positive, of the cosine part.
        alpha: final rate as a fraction of the peak.
        name: kept in the config.
        warmup_target: rate at the end of the warmup: the peak.
        warmup_steps: number of steps of the warmup.

    Reference:
        [Loshchilov & Hutter, 2016](https://arxiv.org/abs/1608.03983),
        [Goyal et al., 2017](https://arxiv.org/abs/1706.02677) for the warmup.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        _check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> jax.Array:
        step = _as_float(step)
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        # At least one step, so that no warmup at all is no division by zero.
        share = step / max(self.warmup_steps, 1)
        warming = self.initial_learning_rate + share * (self.warmup_target - self.initial_learning_rate)
        return jnp.where(step < self.warmup_steps, warming, self._decayed(step - self.warmup_steps, self.warmup_target))

    def _decayed(self, step: jax.Array, peak: float) -> jax.Array:
        share = jnp.minimum(step, self.decay_steps) / self.decay_steps
        cosine = 0.5 * (1.0 + jnp.cos(math.pi * share))
        return peak * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay that starts anew, each time `t_mul` times longer and from `m_mul` times the rate.

    Args:
        initial_learning_rate: rate at step 0.
        first_decay_steps: number of steps, positive, of the first period.
        t_mul: factor from one period's length to the next.
        m_mul: factor from one period's initial rate to the next.
        alpha: lowest rate as a fraction of `initial_learning_rate`.
        name: kept in the config.

    Reference:
        [Loshchilov & Hutter, 2016](https://arxiv.org/abs/1608.03983)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        _check_positive("first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        elapsed = _as_float(step) / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = jnp.floor(elapsed)
            share = elapsed - restarts
        else:
            # Periods are 1, t, t^2, ... long: after i restarts (1 - t^i) / (1 - t) has gone by.
            growth = jnp.asarray(self.t_mul, elapsed.dtype)
            restarts = jnp.floor(jnp.log(1.0 - elapsed * (1.0 - growth)) / jnp.log(growth))
            length = jnp.power(growth, restarts)
            share = (elapsed - (1.0 - length) / (1.0 - growth)) / length
        cosine = 0.5 * jnp.power(self.m_mul, restarts) * (1.0 + jnp.cos(math.pi * share))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
