"""Process-wide settings: float type, epsilon, image layout, verbosity and limits on training runs."""

import jax

_FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
_DATA_FORMATS = ("channels_last", "channels_first")

_settings: dict = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "interactive_logging": True,
    "traceback_filtering": True,
    "flash_attention": None,
    "max_epochs": None,
    "max_steps_per_epoch": None,
}


def floatx() -> str:
    """Return the default float type, `"float32"` unless changed by `set_floatx`."""
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the default float type.

    Args:
        value: one of `"bfloat16"`, `"float16"`, `"float32"`, `"float64"`.

    Raises:
        ValueError: for any other value.
    """
    if value not in _FLOAT_TYPES:
        raise ValueError(f"set_floatx: expected one of {_FLOAT_TYPES}, received value={value!r}.")
    _settings["floatx"] = str(value)


def epsilon() -> float:
    """Return the fuzz factor used in numeric expressions, `1e-7` unless changed."""
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Set the fuzz factor used in numeric expressions."""
    _settings["epsilon"] = value


def image_data_format() -> str:
    """Return the default image layout, `"channels_last"` unless changed."""
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Set the default image layout.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: for any other value.
    """
    _settings["image_data_format"] = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """Return `data_format` in lower case, the default where it is None.

    Raises:
        ValueError: if it is neither `"channels_last"` nor `"channels_first"`.
    """
    if data_format is None:
        return image_data_format()
    lowered = str(data_format).lower()
    if lowered not in _DATA_FORMATS:
        raise ValueError(f"data_format must be one of {_DATA_FORMATS}, received data_format={data_format!r}.")
    return lowered


def backend() -> str:
    """Return the name of the backend, which is always `"jax"`."""
    return "jax"


def enable_interactive_logging() -> None:
    """Print progress and messages to standard output (the default)."""
    _settings["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Send messages to the `logging` module instead of standard output."""
    _settings["interactive_logging"] = False


def is_interactive_logging_enabled() -> bool:
    """Return whether messages go to standard output."""
    return _settings["interactive_logging"]


def enable_traceback_filtering() -> None:
    """Let JAX leave its own frames out of tracebacks (the default); this library adds none to leave out."""
    _set_traceback_filtering(True)


def disable_traceback_filtering() -> None:
    """Show every frame in tracebacks, those of JAX included."""
    _set_traceback_filtering(False)


def is_traceback_filtering_enabled() -> bool:
    """Return whether JAX's own frames are left out of tracebacks."""
    return _settings["traceback_filtering"]


def _set_traceback_filtering(enabled: bool) -> None:
    _settings["traceback_filtering"] = enabled
    jax.config.update("jax_traceback_filtering", "auto" if enabled else "off")


def enable_flash_attention() -> None:
    """Use fused attention kernels where the device has them."""
    _settings["flash_attention"] = True


def disable_flash_attention() -> None:
    """Never use fused attention kernels."""
    _settings["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """Return True or False where it was set, None where the choice is left to the device."""
    return _settings["flash_attention"]


def max_epochs() -> int | None:
    """Return the ceiling that `set_max_epochs` put on the epochs of any `fit`, or None."""
    return _settings["max_epochs"]


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every later `fit`; None lifts the limit."""
    _settings["max_epochs"] = max_epochs


def max_steps_per_epoch() -> int | None:
    """Return the ceiling that `set_max_steps_per_epoch` put on the steps of an epoch, or None."""
    return _settings["max_steps_per_epoch"]


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of every later epoch, evaluation and prediction; None lifts the limit."""
    _settings["max_steps_per_epoch"] = max_steps_per_epoch
