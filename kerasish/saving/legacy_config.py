"""Configurations as Keras 2 and Keras 3's HDF5 files write them, in the form that is read today."""

from typing import Any

from kerasish import losses, metrics, optimizers
from kerasish.core import registry
from kerasish.core.symbolic import OPS_BY_CLASS
from kerasish.saving.config import InvalidConfigError

# Arguments that layers of Keras 2 had. They may be left out when they have one of these values.
_GONE: dict[str, tuple] = {
    "sparse": (False, None),
    "ragged": (False, None),
    "implementation": (0, 1, 2),
    "time_major": (False,),
    "fused": (True, False, None),
    "renorm": (False,),
    "renorm_clipping": (None, {}),
    "renorm_momentum": (0.99,),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
    "experimental_autocast": (True,),
    "experimental_run_tf_function": (True,),
}
# Names in files that are not those of today's public classes.
_RENAMED_CLASSES = {"Model": "Functional", "GroupedQueryAttention": "GroupQueryAttention"}
_RENAMED_OPTIMIZER_ARGUMENTS = {"lr": "learning_rate", "decay": None, "is_legacy_optimizer": None, "jit_compile": None}


def modern_config(config: Any) -> Any:
    """Return a model's configuration of an older file in today's form.

    Args:
        config: the value of the file's `model_config`.

    Raises:
        InvalidConfigError: if it holds code.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise InvalidConfigError(f"model_config must be a JSON object with a 'class_name', received {config!r:.200}.")
    return _modern_layer(config)


def _modern_layer(entry: dict) -> dict:
    """Return the entry of a layer or model, and of what is inside it, in today's form."""
    class_name, inner = entry.get("class_name"), entry.get("config")
    if class_name == "Sequential" and isinstance(inner, list):  # as before Keras 2.2.3
        inner = {"name": "sequential", "layers": inner}
    if not isinstance(inner, dict):
        return {key: _modern(value) for key, value in entry.items()}
    if class_name == "Lambda":
        _refuse_code(inner)
    class_name = _RENAMED_CLASSES.get(class_name, class_name)
    changed = {**entry, "class_name": class_name}
    if "module" not in entry and _is_op(entry, inner):
        changed |= {"module": OPS_BY_CLASS[class_name].keras_module, "registered_name": class_name}
    elif "module" not in entry and registry.builtin("keras.layers", str(class_name)) is not None:
        changed |= {"module": "keras.layers", "registered_name": None}
    changed["config"] = _modern_arguments({key: _modern(value) for key, value in inner.items()}, str(class_name))
    return {key: value if key == "config" else _modern(value) for key, value in changed.items()}


def _is_op(entry: dict, inner: dict) -> bool:
    """Return whether an entry without a module is an op: ops have no dtype of their own, layers do."""
    return "inbound_nodes" in entry and entry["class_name"] in OPS_BY_CLASS and not {"dtype", "layers"} & set(inner)


def _modern(value: Any) -> Any:
    if isinstance(value, list):
        return [_modern(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__tuple__" and isinstance(value.get("items"), list):
        return [_modern(item) for item in value["items"]]
    if value.get("class_name") in ("Policy", "PolicyV1") and isinstance(value.get("config"), dict):
        return value["config"].get("name")
    if isinstance(value.get("class_name"), str) and "config" in value:
        return _modern_layer(value)
    return {key: _modern(item) for key, item in value.items()}


def _modern_arguments(config: dict, class_name: str) -> dict:
    """Return the arguments of a layer without those that are gone, and renamed ones by today's name."""
    builtin = registry.builtin("keras.layers", class_name)
    if builtin is None:
        return config
    arguments = dict(config)
    shape = arguments.pop("batch_input_shape", None)
    if shape is not None and class_name == "InputLayer":
        arguments["batch_shape"] = shape
    elif shape is not None and isinstance(shape, list):
        arguments["input_shape"] = shape[1:]
    axis = arguments.get("axis")
    if class_name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        arguments["axis"] = axis[0]
    if class_name.startswith("Depthwise"):
        for name in ("filters", "kernel_initializer", "kernel_regularizer", "kernel_constraint"):
            arguments.pop(name, None)
    if class_name in ("DepthwiseConv1D", "DepthwiseConv2D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"):
        if arguments.get("groups") == 1:
            del arguments["groups"]
    return {
        name: value
        for name, value in arguments.items()
        if name not in _GONE or value not in _GONE[name] or (class_name == "InputLayer" and value)
    }


def _refuse_code(inner: dict) -> None:
    function = inner.get("function")
    is_code = isinstance(function, list) or inner.get("function_type") == "lambda"
    if is_code or (isinstance(function, dict) and function.get("class_name") == "__lambda__"):
        raise InvalidConfigError(
            "The file holds a Lambda layer with a Python lambda as bytecode. Code in files is never run, whatever "
            "`safe_mode` says. Make the model again with a registered function and load only its weights."
        )


def compile_arguments(training: Any) -> dict:
    """Return the arguments of `compile` that an older file's `training_config` describes.

    Args:
        training: the value of `training_config`.

    Raises:
        TypeError, ValueError: if something in it is unknown.
    """
    if not isinstance(training, dict):
        raise TypeError(f"training_config must be a JSON object, received {type(training).__name__}.")
    return {
        "optimizer": _optimizer(training.get("optimizer_config")),
        "loss": _nested(training.get("loss"), losses.get, ()),
        "metrics": _nested(training.get("metrics"), metrics.get, ("accuracy", "acc", "crossentropy", "ce")),
        "weighted_metrics": _nested(
            training.get("weighted_metrics"), metrics.get, ("accuracy", "acc", "crossentropy", "ce")
        ),
        "loss_weights": training.get("loss_weights"),
    }


def older_training_config(compile_config: dict) -> dict:
    """Return the `training_config` of an older file for the `compile_config` of a `.keras` file.

    Args:
        compile_config: what `Model.get_compile_config` returned, as plain data.
    """

    def older(value: Any) -> Any:
        if isinstance(value, list):
            return [older(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "class_name" not in value:
            return {key: older(item) for key, item in value.items()}
        if value["class_name"] == "function":
            return value["config"]
        return {"class_name": value.get("registered_name") or value["class_name"], "config": value["config"]}

    training = {key: older(value) for key, value in compile_config.items()}
    training["optimizer_config"] = training.pop("optimizer", None)
    return training


def _optimizer(config: Any) -> Any:
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return optimizers.get(config)
    arguments = {}
    for name, value in config["config"].items():
        new_name = _RENAMED_OPTIMIZER_ARGUMENTS.get(name, name)
        if new_name is not None and not (name in ("weight_decay",) and value in (0, 0.0)):
            arguments[new_name] = _modern(value)
    class_name = str(config.get("class_name", "")).rpartition(">")[2]
    return optimizers.get({**config, "class_name": class_name, "config": arguments})


def _nested(config: Any, get: Any, special: tuple[str, ...]) -> Any:
    """Return a nest of names and configurations with the objects they mean in their place."""
    if isinstance(config, str):
        return config if config in special or get(config) is not None else None
    if isinstance(config, dict) and "class_name" in config:
        inner = config.get("config")
        if config["class_name"] == "MeanMetricWrapper" and isinstance(inner, dict) and isinstance(inner.get("fn"), str):
            return _wrapped_metric(inner, special)
        return get(_modern(config))
    if isinstance(config, dict):
        return {key: _nested(value, get, special) for key, value in config.items()}
    if isinstance(config, list):
        return [_nested(value, get, special) for value in config]
    if config is None:
        return None
    raise TypeError(f"expected names and configurations, received {config!r}.")


def _wrapped_metric(config: dict, special: tuple[str, ...]) -> Any:
    """Return what `compile` was given when Keras 2 made a metric from the name of a function."""
    name = config.get("name")
    if name in special:
        return name
    metric = metrics.get(config["fn"])
    if not isinstance(metric, metrics.Metric):
        metric = metrics.MeanMetricWrapper(metric, name=name if isinstance(name, str) else None)
    elif isinstance(name, str):
        metric.name = name
    return metric
