"""Models in files, under the names that Keras has for them here; `kerasish.saving` does the work."""

from typing import Any

from kerasish.models.model import Model


def save_model(model: Model, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Write a model to a `.keras` file, as `model.save` does.

    Args:
        model: the model.
        filepath: path that ends in `.keras`, or in `.h5` for Keras's older format; or a binary file.
        overwrite: whether an existing file may be replaced.
        zipped: False writes a directory instead.
        **kwargs: further arguments of `kerasish.saving.save_model`.
    """
    from kerasish.saving import save_model

    save_model(model, filepath, overwrite, zipped, **kwargs)


def load_model(
    filepath: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Model:
    """Make a model from a file that `save_model`, here or in Keras, has written; see `kerasish.saving.load_model`.

    Args:
        filepath: path of a `.keras` or `.h5` file, or a binary file.
        custom_objects: classes and functions by name, where they are not registered.
        compile: whether the model is compiled as it was when saved.
        safe_mode: kept for compatibility; nothing in a file is ever run.

    Returns:
        The model.
    """
    from kerasish.saving import load_model

    return load_model(filepath, custom_objects, compile, safe_mode)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Model:
    """Make a model from what `model.to_json()` returned, here or in Keras, with new weights.

    Args:
        json_string: the description.
        custom_objects: classes and functions by name, where they are not registered.

    Raises:
        ValueError: if it does not describe a model.
    """
    from kerasish.saving.models import model_from_json

    return model_from_json(json_string, custom_objects)
