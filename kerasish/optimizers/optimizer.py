"""The base class of optimizers: clipping, weight decay, gradient accumulation, averaging, and applying updates."""

import functools
import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from kerasish.core import naming, registry
from kerasish.core.lifted import jit
from kerasish.core.variable import Scope, Variable, current_scope, unwrap
from kerasish.optimizers.gradients import clip_by_global_norm, clip_each_by_norm, compute_dtype, conditional
from kerasish.optimizers.schedules.schedule import LearningRateSchedule
from kerasish.optimizers.state import LearningRate, OptimizerState

_Init = TypeVar("_Init", bound=Callable[..., None])


class OptimizerOptions(TypedDict, total=False):
    """The keyword arguments that every optimizer takes; `Optimizer` explains them."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Optimizer(OptimizerState):
    """Base class of optimizers.

    To write one, define `update_step(gradient, variable, learning_rate)`, which assigns the variable and its slots,
    and `build(variables)`, which first calls `super().build(variables)` and then makes the slots with
    `add_optimizer_variables`. Building again with more variables keeps the slots that exist.

    Args:
        learning_rate: number, `LearningRateSchedule`, or a function without arguments that returns the rate.
        weight_decay: weights are multiplied by `1 - learning_rate * weight_decay` before each update.
        clipnorm: largest norm of each variable's gradient.
        clipvalue: largest absolute value of each element of the gradients.
        global_clipnorm: largest norm of all gradients together; at most one of the three may be given.
        use_ema: keep an exponential moving average of the weights.
        ema_momentum: weight of the old average, in [0, 1].
        ema_overwrite_frequency: overwrite the weights with their average every so many steps; None leaves that to
            `finalize_variable_values`, which `fit` calls at its end.
        loss_scale_factor: factor on the loss, divided out of the gradients.
        gradient_accumulation_steps: update once in so many calls (at least 2) with the mean of their gradients.
        name: first part of the paths of the optimizer's variables.

    Raises:
        ValueError: if an argument is unknown or out of range.

    Example:
        >>> class Sign(Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         self.assign_sub(variable, learning_rate * ops.sign(gradient))
    """

    def __init__(
        self,
        learning_rate: LearningRate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        object.__setattr__(self, "_variables", {})
        # Compiled updates for use outside training loops, one per list of variables; see `_apply_eagerly`.
        object.__setattr__(self, "_compiled", {})
        if kwargs.pop("decay", None) is not None:
            warnings.warn("Argument `decay` is no longer supported and is ignored.", stacklevel=2)
        if kwargs:
            raise ValueError(f"Argument(s) not recognized: {kwargs}")
        if gradient_accumulation_steps and gradient_accumulation_steps < 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer >= 2. "
                f"Received: gradient_accumulation_steps={gradient_accumulation_steps}"
            )
        _check_averaging(use_ema, ema_momentum, ema_overwrite_frequency)
        if sum(limit is not None for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. "
                f"Received: clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        self.name = name or naming.auto_name(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._excluded: dict[Variable, None] = {}
        self._excluded_names: tuple[str, ...] = ()
        self._init_state(learning_rate)

    def assign(self, variable: Variable, value: Any) -> None:
        """Assign `value` to a variable or slot."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add `value` to a variable or slot."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract `value` from a variable or slot."""
        variable.assign_sub(value)

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: Any) -> None:
        """Assign one variable, and its slots, their values after a step along `gradient`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `update_step(gradient, variable, learning_rate)`."
        )

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Update variables given pairs `(gradient, variable)`; returns the iteration counter."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(grads, variables)
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update variables.

        Outside of `kerasish.jit` and training loops the whole update is compiled once for each list of variables.

        Args:
            grads: one gradient for each variable; None leaves that variable alone.
            trainable_variables: the variables; by default those the optimizer was built with. Variables that are new
                get slots, and count their steps from now on.

        Raises:
            ValueError: if lengths or shapes differ, or there is no gradient at all.
        """
        grads = list(grads)
        if not grads:
            return
        grads, variables = self._match(grads, trainable_variables)
        if self._is_eager(grads):
            self._apply_eagerly(grads, variables)
        else:
            self._apply(grads, variables)

    def _match(self, grads: list, variables: Sequence[Variable] | None) -> tuple[list, list[Variable]]:
        """Return the gradients that exist and their variables, checked; build slots as needed."""
        if variables is None:
            if not self.built:
                raise ValueError(
                    f"Optimizer {self.name!r}: `apply(grads)` without `trainable_variables` needs a built optimizer. "
                    "Call `optimizer.build(trainable_variables)` first, or pass `trainable_variables`."
                )
            variables = self._trainable_variables
        variables = list(variables)
        if len(grads) != len(variables):
            raise ValueError(
                f"Optimizer {self.name!r}: expected one gradient for each of {len(variables)} variables, received "
                f"{len(grads)} gradients."
            )
        self.ensure_built(variables)
        missing = [variable.path for variable, grad in zip(variables, grads, strict=True) if grad is None]
        if missing:
            if len(missing) == len(grads):
                raise ValueError("No gradients provided for any variable.")
            warnings.warn(f"Gradients do not exist for variables {missing}; they are left as they are.", stacklevel=4)
        pairs = [pair for pair in zip(grads, variables, strict=True) if pair[0] is not None]
        for grad, variable in pairs:
            if np.shape(unwrap(grad)) != variable.shape:
                raise ValueError(
                    f"Optimizer {self.name!r}: the gradient for variable {variable.path!r} has shape "
                    f"{np.shape(unwrap(grad))}, expected {variable.shape}."
                )
        return [unwrap(grad) for grad, _ in pairs], [variable for _, variable in pairs]

    def _is_eager(self, grads: list) -> bool:
        """Whether to compile: outside any trace, for built-in rules, whose Python code has no effects of its own."""
        return (
            current_scope() is None
            and isinstance(self._learning_rate, (Variable, LearningRateSchedule))
            and registry.builtin_name(type(self)) is not None
            and not any(isinstance(grad, jax.core.Tracer) for grad in grads)
        )

    def _apply_eagerly(self, grads: list, variables: list[Variable]) -> None:
        key = tuple((id(variable), id(variable.constraint)) for variable in variables)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = jit(lambda grads: self._apply(grads, variables))
        compiled(grads)

    def _apply(self, grads: list, variables: list[Variable]) -> None:
        """One step, pure under a Scope and traceable."""
        grads, variables = self._overwrite_with_gradients([jnp.asarray(grad) for grad in grads], variables)
        if grads:
            if self.loss_scale_factor is not None:
                grads = [grad / self.loss_scale_factor for grad in grads]
            if self.gradient_accumulation_steps:
                self._accumulate(grads, variables)
            else:
                self._update(grads, variables)
            if self.use_ema:
                self._update_averages()
            for variable in variables:
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable.value))
        self._iterations.assign_add(1)

    def _update(self, grads: list[jax.Array], variables: list[Variable]) -> None:
        grads = self._clip_gradients(grads)
        self._apply_weight_decay(variables)
        self._backend_update_step(grads, variables, self.learning_rate)

    def _backend_update_step(self, grads: list[jax.Array], variables: list[Variable], learning_rate: Any) -> None:
        for grad, variable in zip(grads, variables, strict=True):
            self.update_step(grad, variable, learning_rate)

    def _is_update_step(self) -> jax.Array:
        return (self._iterations.value + 1) % self.gradient_accumulation_steps == 0

    def _accumulate(self, grads: list[jax.Array], variables: list[Variable]) -> None:
        """Add the gradients up; on every n-th call update with their mean and start again from zero."""
        sums = [self._slots[variable]["gradient_accumulator"] for variable in variables]
        totals = [total.value + grad for total, grad in zip(sums, grads, strict=True)]

        def update() -> None:
            self._update([total / self.gradient_accumulation_steps for total in totals], variables)
            for accumulator in sums:
                accumulator.assign(jnp.zeros_like(accumulator.value))

        def store() -> None:
            for accumulator, total in zip(sums, totals, strict=True):
                accumulator.assign(total)

        conditional(self._is_update_step(), update, store, [*variables, *self.variables])

    def _overwrite_with_gradients(
        self, grads: list[jax.Array], variables: list[Variable]
    ) -> tuple[list[jax.Array], list[Variable]]:
        """Assign the gradient itself to variables that ask for it (float8 scales); return the other pairs."""
        others = []
        for grad, variable in zip(grads, variables, strict=True):
            if not self._overwrite_variable_with_gradient(variable):
                others.append((grad, variable))
            elif self.gradient_accumulation_steps:
                # Scales that come as gradients are accumulated by their maximum.
                accumulator = self._slots[variable]["gradient_accumulator"]
                highest = jnp.maximum(grad, accumulator.value)
                is_update = self._is_update_step()
                variable.assign(jnp.where(is_update, highest, variable.value))
                accumulator.assign(jnp.where(is_update, 0, highest))
            else:
                variable.assign(grad)
        return [grad for grad, _ in others], [variable for _, variable in others]

    def _clip_gradients(self, grads: list[jax.Array]) -> list[jax.Array]:
        if self.clipnorm and self.clipnorm > 0:
            return clip_each_by_norm(grads, self.clipnorm)
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clip_by_global_norm(grads, self.global_clipnorm)
        if self.clipvalue and self.clipvalue > 0:
            return [jnp.clip(grad, -self.clipvalue, self.clipvalue) for grad in grads]
        return grads

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Exclude variables from weight decay.

        Args:
            var_list: variables.
            var_names: regular expressions; variables whose name contains a match are excluded, as `["bias"]`.
        """
        self._excluded = dict.fromkeys(var_list or ())
        self._excluded_names = tuple(var_names or ())

    def _use_weight_decay(self, variable: Variable) -> bool:
        if variable in self._excluded:
            return False
        return not any(re.search(pattern, variable.name) for pattern in self._excluded_names)

    def _weight_decay_of(self, variable: Variable) -> float | None:
        return self.weight_decay if self._use_weight_decay(variable) else None

    def _apply_weight_decay(self, variables: list[Variable]) -> None:
        factors: dict[Any, jax.Array] = {}
        for variable in variables:
            decay = self._weight_decay_of(variable)
            if decay is not None:
                key = decay, compute_dtype(variable)
                if key not in factors:
                    factors[key] = 1 - jnp.asarray(unwrap(self.learning_rate), key[1]) * decay
                variable.assign(variable.value * factors[key])

    def _update_averages(self) -> None:
        """Move the averages of all weights, and overwrite the weights with them when it is time."""
        iterations, momenta = unwrap(self.iterations), {}
        for variable in self._trainable_variables:
            average = self._slots.get(variable, {}).get("average")
            if average is None:
                continue
            first = self._first_iteration.get(variable, 0)
            if first not in momenta:
                # The first value is the average of itself.
                momenta[first] = jnp.where(iterations == first, 0.0, self.ema_momentum).astype("float32")
            weight = variable.value
            moved = weight + momenta[first] * (average.value - weight)
            average.assign(moved)
            if self.ema_overwrite_frequency:
                is_due = (iterations + 1) % self.ema_overwrite_frequency == 0
                variable.assign(jnp.where(is_due, average.value, weight))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Overwrite variables with their moving averages, if averages are kept (`use_ema=True`)."""
        if not self.use_ema:
            return
        for variable in var_list:
            average = self._slots.get(variable, {}).get("average")
            if average is not None:
                variable.assign(average.value)

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Compute an update as a pure function.

        Args:
            optimizer_variables: values of `optimizer.variables`.
            grads: one gradient for each trainable variable.
            trainable_variables: values of the variables that the optimizer was built with.

        Returns:
            `(new trainable values, new optimizer values)`.

        Raises:
            ValueError: if the optimizer is not built or a length differs.
        """
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {type(self).__name__} must be built. Call "
                "`optimizer.build(trainable_variables)` first."
            )
        state, trained = self.variables, self._trainable_variables
        for name, received, expected in (
            ("optimizer_variables", optimizer_variables, state),
            ("trainable_variables", trainable_variables, trained),
        ):
            if len(received) != len(expected):
                raise ValueError(
                    f"Argument `{name}` must hold one value for each of the {len(expected)} variables that "
                    f"optimizer {self.name!r} has; received {len(received)}."
                )
        values = [*zip(trained, trainable_variables, strict=True), *zip(state, optimizer_variables, strict=True)]
        with Scope(state_mapping=values) as scope:
            self.apply(grads)
        return [scope.read(variable) for variable in trained], [scope.read(variable) for variable in state]

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times `loss_scale_factor`: what to take gradients of."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": float(rate) if isinstance(rate, Variable) else registry.serialize_keras_object(rate),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Optimizer":
        """Return an optimizer made from what `get_config` returned."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = registry.deserialize_keras_object(config["learning_rate"], custom_objects)
        return cls(**config)


def _check_averaging(use_ema: bool, momentum: float, frequency: int | None) -> None:
    if not use_ema:
        return
    if not 0 <= momentum <= 1:
        raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={momentum}")
    if frequency and (not isinstance(frequency, int) or frequency < 1):
        raise ValueError(
            f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: ema_overwrite_frequency={frequency}"
        )


def takes_options(init: _Init) -> _Init:
    """Let a constructor with `**options` take them by position too, before its own parameters after `*`."""
    own = list(inspect.signature(init).parameters.values())[:-1]
    options = [
        parameter
        for name, parameter in inspect.signature(Optimizer.__init__).parameters.items()
        if name in OptimizerOptions.__annotations__ and name not in {p.name for p in own}
    ]
    first = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
    last = [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in own if p.kind is p.KEYWORD_ONLY]
    parameters = [*first, *options, *last]
    names = [parameter.name for parameter in parameters[1:]]

    @functools.wraps(init)
    def wrapper(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(names):
            raise TypeError(
                f"{type(self).__name__} takes at most {len(names)} arguments, received {len(args)}: {', '.join(names)}."
            )
        init(self, **dict(zip(names, args)), **kwargs)

    rest = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)
    wrapper.__signature__ = inspect.Signature([*parameters, rest])  # type: ignore[attr-defined]
    return wrapper  # type: ignore[return-value]
