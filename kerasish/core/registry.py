"""Names of serializable objects: built-ins, what users registered, and configs that refer to both by name."""

import difflib
import inspect
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from kerasish.core.dtypes import DTypePolicy, FloatDTypePolicy, standardize_dtype

_PLAIN_TYPES = (str, int, float, bool)

# (module as in Keras's configs, public name) -> object, and the way back for serialization.
_builtins: dict[tuple[str, str], Any] = {}
_builtin_names: dict[int, tuple[str, str]] = {}
_custom_objects: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}


class _Local(threading.local):
    scope: dict[str, Any] = {}
    shared: dict[Any, Any] | None = None
    # While a model is serialized: number and layer by the id of the layer.
    serialized: dict[int, tuple[int, Any]] | None = None


_local = _Local()


def builtins(module: str, objects: dict[str, Any]) -> None:
    """Enter a package's public classes and functions under the module name that Keras's configs use.

    Args:
        module: for example `"keras.layers"`.
        objects: public name to object. The first entry of an object is the name it is serialized under.
    """
    for name, obj in objects.items():
        _builtins[module, name] = obj
        _builtin_names.setdefault(id(obj), (module, name))


def builtin_name(obj: Any) -> tuple[str, str] | None:
    """Return `(module, name)` of a built-in class or function, or None."""
    entry = _builtin_names.get(id(obj))
    return entry if entry is not None and _builtins[entry] is obj else None


def builtin(module: str, name: str) -> Any:
    """Return the built-in that `builtins` entered under `module` and `name`, or None."""
    return _builtins.get((module, name))


def get_custom_objects() -> dict[str, Any]:
    """Return the live table of objects registered for every load, name to object."""
    return _custom_objects


class CustomObjectScope:
    """Lets configs refer to `custom_objects` by name inside a `with` block.

    Args:
        custom_objects: classes and functions by name.

    Example:
        >>> with CustomObjectScope({"MyLayer": MyLayer}):
        ...     model = Model.from_config(config)
    """

    def __init__(self, custom_objects: dict[str, Any] | None) -> None:
        self._custom_objects = dict(custom_objects or {})
        self._before: list[dict[str, Any]] = []

    def __enter__(self) -> "CustomObjectScope":
        self._before.append(_local.scope)
        _local.scope = {**_local.scope, **self._custom_objects}
        return self

    def __exit__(self, *exception: object) -> None:
        _local.scope = self._before.pop()


# Keras's other name for it.
custom_object_scope = CustomObjectScope


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Return a decorator that enters a class or function under `package>name`, so that saved files can name it.

    Args:
        package: first part of the registered name.
        name: second part; by default the object's own name.

    Raises:
        ValueError: if a class has no `get_config`.
    """

    def decorator(obj: Any) -> Any:
        registered = f"{package}>{name or obj.__name__}"
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError(f"Cannot register {obj.__name__}: the class has no `get_config()` method; add one.")
        _custom_objects[registered] = obj
        _custom_names[obj] = registered
        return obj

    return decorator


def get_registered_name(obj: Any) -> str:
    """Return the name `obj` was registered under, else its own name."""
    try:
        return _custom_names.get(obj, obj.__name__)
    except TypeError:
        return obj.__name__


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None
) -> Any:
    """Return what is registered under `name`, or None: open scopes first, then the registry, then the arguments."""
    for table in (_local.scope, _custom_objects, custom_objects, module_objects):
        if table and name in table:
            return table[name]
    return None


def serialize_keras_object(obj: Any) -> Any:
    """Return plain data (JSON types) that `deserialize_keras_object` turns into an equal object.

    Raises:
        TypeError: for an object without `get_config`.
        ValueError: for a lambda, which has no name that a file could hold.
    """
    if obj is None or isinstance(obj, _PLAIN_TYPES):
        return obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(item) for item in obj]
        return tuple(items) if isinstance(obj, tuple) else items
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    special = _serialize_special(obj)
    if special is not None:
        return special
    if isinstance(obj, (np.generic, np.ndarray)):
        return obj.item()
    if isinstance(obj, types.FunctionType) or inspect.isclass(obj) or not hasattr(obj, "get_config"):
        return _serialize_function(obj)
    return _serialize_instance(obj)


def _serialize_special(obj: Any) -> dict | None:
    """Return the tagged form of bytes, slices, tensors and symbolic tensors; None for anything else."""
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        parts = {name: serialize_keras_object(getattr(obj, name)) for name in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    history = getattr(obj, "_keras_history", None)
    if history is not None:
        names = [history.operation.name, history.node_index, history.tensor_index]
        config = {"shape": obj.shape, "dtype": obj.dtype, "keras_history": names}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(obj, jax.Array):
        config = {"value": np.asarray(obj).tolist(), "dtype": standardize_dtype(obj.dtype)}
        return {"class_name": "__tensor__", "config": config}
    if isinstance(obj, np.ndarray) and obj.ndim > 0:
        config = {"value": obj.tolist(), "dtype": standardize_dtype(obj.dtype)}
        return {"class_name": "__numpy__", "config": config}
    return None


def _serialize_function(obj: Any) -> dict:
    name = getattr(obj, "__name__", None)
    if name is None:
        raise TypeError(f"Cannot serialize {obj!r} of type {type(obj)}: its class has no `get_config()`; add one.")
    if name == "<lambda>":
        raise ValueError(
            "A lambda cannot be serialized: files never hold code. Use a named function and register it with "
            "`@kerasish.saving.register_keras_serializable()`."
        )
    builtin = builtin_name(obj)
    if builtin is not None:
        return {"module": "builtins", "class_name": "function", "config": builtin[1], "registered_name": "function"}
    registered = get_registered_name(obj)
    return {"module": "builtins", "class_name": "function", "config": registered, "registered_name": "function"}


def _serialize_instance(obj: Any) -> dict:
    cls = type(obj)
    config = obj.get_config()
    if not isinstance(config, dict):
        raise TypeError(f"`get_config()` of {obj!r} must return a dict, received {config!r}.")
    builtin = builtin_name(cls)
    if builtin is not None:
        module, class_name = builtin
        # Keras leaves the registered name out for classes of its public modules only.
        registered = class_name if module.startswith("keras.src.") else None
    else:
        module = None if cls.__module__ == "__main__" else cls.__module__
        class_name, registered = cls.__name__, get_registered_name(cls)
    serialized = {
        "module": module,
        "class_name": class_name,
        "config": serialize_keras_object(config),
        "registered_name": registered,
    }
    for part in ("build_config", "compile_config"):
        getter = getattr(obj, f"get_{part}", None)
        value = getter() if getter is not None else None
        if value is not None:
            serialized[part] = serialize_keras_object(value)
    if _local.serialized is not None and hasattr(obj, "get_build_config"):
        # The object is kept as well, so that no other gets its id.
        serialized["shared_object_id"] = _local.serialized.setdefault(id(obj), (len(_local.serialized), obj))[0]
    return serialized


@contextmanager
def shared_objects() -> Iterator[None]:
    """Let a layer that occurs several times become one object again: configs get and heed a `shared_object_id`."""
    before = _local.shared, _local.serialized
    _local.shared, _local.serialized = {}, {}
    try:
        yield
    finally:
        _local.shared, _local.serialized = before


def serialize_with_shared_objects(obj: Any) -> Any:
    """Return what `serialize_keras_object` does, with a `shared_object_id` for layers that occur twice."""
    with shared_objects():
        config = serialize_keras_object(obj)
    counts: dict[int, int] = {}

    def visit(item: Any, look: Callable[[dict], None]) -> None:
        if isinstance(item, dict):
            if "shared_object_id" in item:
                look(item)
            for value in item.values():
                visit(value, look)
        elif isinstance(item, (list, tuple)):
            for value in item:
                visit(value, look)

    def count(item: dict) -> None:
        counts[item["shared_object_id"]] = counts.get(item["shared_object_id"], 0) + 1

    def drop(item: dict) -> None:
        if counts[item["shared_object_id"]] == 1:
            del item["shared_object_id"]

    visit(config, count)
    visit(config, drop)
    return config


def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """Return the object that `config` describes; names are looked up in tables and nothing is ever imported.

    Args:
        config: what `serialize_keras_object` returned.
        custom_objects: name to class or function, for objects that are not registered.
        safe_mode: accepted for compatibility; code in a config is refused either way.
        **kwargs: `module_objects`, a table to look names up in as well.

    Raises:
        TypeError: if the config is malformed.
        ValueError: if it names something unknown.
    """
    module_objects = kwargs.pop("module_objects", None)
    if kwargs:
        raise TypeError(f"deserialize_keras_object: unknown arguments {sorted(kwargs)}.")
    with custom_object_scope(custom_objects):
        return _deserialize(config, module_objects)


def _deserialize(config: Any, module_objects: dict[str, Any] | None = None) -> Any:
    if config is None:
        return None
    if isinstance(config, str) and get_registered_object(config, None, module_objects) is not None:
        return get_registered_object(config, None, module_objects)
    if isinstance(config, _PLAIN_TYPES):
        return config
    if isinstance(config, (list, tuple)):
        items = [_deserialize(item) for item in config]
        return tuple(items) if isinstance(config, tuple) else items
    if not isinstance(config, dict):
        raise TypeError(f"Cannot deserialize {config!r} of type {type(config)}: expected plain data.")
    if "class_name" not in config or "config" not in config:
        return {key: _deserialize(value) for key, value in config.items()}
    class_name, inner = config["class_name"], config["config"]
    inner = {} if inner is None else inner
    if isinstance(class_name, str) and class_name in _SPECIAL:
        return _SPECIAL[class_name](inner)
    if class_name == "function":
        if not isinstance(inner, str):
            raise TypeError(f"The config of a function must be its name, received {inner!r}.")
        return _find(inner, inner, config, module_objects)
    if not isinstance(inner, dict):
        raise TypeError(f"The 'config' of {class_name!r} must be a dict, received {inner!r}.")
    shared_id = config.get("shared_object_id")
    if shared_id is not None and _local.shared is not None and shared_id in _local.shared:
        return _local.shared[shared_id]
    cls = _find(class_name, config.get("registered_name") or class_name, config, module_objects)
    instance = _instantiate(cls, config, inner)
    if shared_id is not None and _local.shared is not None:
        _local.shared[shared_id] = instance
    return instance


def _instantiate(cls: Any, config: dict, inner: dict) -> Any:
    if isinstance(cls, types.FunctionType):
        return cls
    if not hasattr(cls, "from_config"):
        raise TypeError(f"Cannot make a {config['class_name']!r} from its config: the class has no `from_config()`.")
    try:
        instance = cls.from_config(inner)
    except TypeError as error:
        raise TypeError(f"Cannot make a {config['class_name']!r} from config {inner!r}: {error}") from error
    build_config = config.get("build_config")
    if build_config and not getattr(instance, "built", True):
        instance.build_from_config(build_config)
        instance.built = True
    if config.get("compile_config") and hasattr(instance, "compile_from_config"):
        instance.compile_from_config(config["compile_config"])
    return instance


def _find(name: str, registered: str, config: dict, module_objects: dict[str, Any] | None) -> Any:
    """Return the class or function a config means, custom objects before built-ins; raises with advice."""
    for key in (registered, name):
        found = get_registered_object(key, None, module_objects)
        if found is not None:
            return found
    module = config.get("module")
    if (module, name) in _builtins:
        return _builtins[module, name]
    if module in ("builtins", None) or str(module).startswith("keras"):
        for (_, builtin), obj in _builtins.items():
            if builtin == name and (config["class_name"] == "function") == isinstance(obj, types.FunctionType):
                return obj
    raise ValueError(
        f"Unknown object {name!r} (module {module!r}) in a config. If it is your own, register it with "
        "`@kerasish.saving.register_keras_serializable()` before loading, or pass "
        f"`custom_objects={{{name!r}: ...}}`."
    )


def unknown_names(config: Any, custom_objects: dict[str, Any] | None = None) -> list[str]:
    """Return the names in a config that `deserialize_keras_object` would not find, each once and at most a thousand.

    Args:
        config: plain data.
        custom_objects: name to class or function.
    """
    unknown: dict[str, None] = {}
    seen: set[tuple] = set()
    stack = [config]
    with custom_object_scope(custom_objects):
        while stack and len(unknown) < 1000:
            item = stack.pop()
            if isinstance(item, dict):
                name = item.get("config") if item.get("class_name") == "function" else item.get("class_name")
                key = (name, item.get("registered_name", 0), item.get("module"))
                named = isinstance(name, str) and all(part is None or isinstance(part, str) for part in key)
                if named and name not in _SPECIAL and key not in seen:
                    seen.add(key)
                    try:
                        _find(name, key[1] or name, item, None)
                    except ValueError:
                        unknown[name] = None
                stack.extend(reversed(item.values()))
            elif isinstance(item, (list, tuple)):
                stack.extend(reversed(item))
    return list(unknown)


def _refuse_lambda(inner: dict) -> Any:
    raise ValueError(
        "The config holds a Python lambda as bytecode. Code in files is never run, whatever `safe_mode` says. Make the "
        "layer again with a registered function and load only its weights."
    )


def _tensor(inner: dict) -> jax.Array:
    return jax.numpy.asarray(inner["value"], dtype=standardize_dtype(inner["dtype"]))


_SPECIAL: dict[str, Callable[[dict], Any]] = {
    "__tensor__": _tensor,
    "__numpy__": lambda inner: np.array(inner["value"], dtype=standardize_dtype(inner["dtype"])),
    "__bytes__": lambda inner: inner["value"].encode("utf-8"),
    "__ellipsis__": lambda inner: Ellipsis,
    "__slice__": lambda inner: slice(*(_deserialize(inner[part]) for part in ("start", "stop", "step"))),
    "__lambda__": _refuse_lambda,
}


def add_special(class_name: str, make: Callable[[dict], Any]) -> None:
    """Enter the maker of a tagged value such as `__keras_tensor__`."""
    _SPECIAL[class_name] = make


def resolve(identifier: Any, table: dict[str, Any], what: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the object that an identifier stands for: the shared body of every `get()`.

    Args:
        identifier: None, a name in `table` or of a registered object, a config dict, a class, or a callable.
        table: name (aliases included) to class or function.
        what: what is looked for, for the error text, such as `"loss"`.
        custom_objects: further names.

    Returns:
        None for None; classes are instantiated without arguments; callables are returned as they are.

    Raises:
        ValueError: if nothing is found; the text lists close names.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        obj = deserialize_keras_object(identifier, custom_objects, module_objects=table)
    elif isinstance(identifier, str):
        obj = get_registered_object(identifier, custom_objects, table)
        if obj is None:
            close = difflib.get_close_matches(identifier, table, n=5, cutoff=0.4)
            hint = f" Did you mean one of {close}?" if close else f" Known names: {sorted(table)}."
            raise ValueError(f"Unknown {what}: {identifier!r}.{hint}")
    else:
        obj = identifier
    if inspect.isclass(obj):
        obj = obj()
    if obj is not identifier or callable(obj):
        return obj
    raise ValueError(f"Could not interpret {what} identifier: {identifier!r} (type {type(identifier).__name__}).")


# Part of every layer's config, under the module that Keras gives it.
builtins("keras", {"DTypePolicy": DTypePolicy, "FloatDTypePolicy": FloatDTypePolicy})
