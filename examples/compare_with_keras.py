"""Runs each example as it is and with its import changed to Keras; docs/examples.md is written from what they print.

`python examples/compare_with_keras.py [--data FOLDER]`, in an environment that has Keras 3 as well.
"""

import argparse
import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
NAMES = [
    "softmax_regression", "mnist_convnet", "mlp_sgd", "adult_income", "custom_layer", "image_and_text", "new_head",
]  # fmt: skip

# Keras has no `value_and_grad` and no `jit` for code with Variables: loops written by hand get this, uncompiled.
SHIM = """
import jax


def value_and_grad(fn, variables, has_aux=False):
    class Recording(keras.StatelessScope):
        def add_update(self, update):
            super().add_update(update)
            written[id(update[0])] = update[0]

    written = {}

    def wrapped(*args):
        def pure(values):
            with Recording(list(zip(variables, values))) as scope:
                result = fn(*args)
            new_values = {key: scope.get_current_value(variable) for key, variable in written.items()}
            return (result[0] if has_aux else result), (result, new_values)

        (_, (result, new_values)), gradients = jax.value_and_grad(pure, has_aux=True)([v.value for v in variables])
        for key, value in new_values.items():
            written[key].assign(value)
        return result, gradients

    return wrapped


keras.value_and_grad, keras.jit = value_and_grad, lambda fn: fn
"""

HEAD = """# Examples

The scripts in `examples/` run on kerasish as they are, and on Keras with only the import changed: `import keras` for
`import kerasish as keras`, `from keras` for `from kerasish`. Below is what both printed. Initial weights, shuffles and
dropout masks are drawn differently, so the figures agree up to that. Keras has no `value_and_grad` and no `jit` for
code with Variables; the loop written by hand in `adult_income.py` got a small substitute there.

`--data FOLDER`, or the environment variable `KERASISH_DATA`, says where `mnist.npz` (or `mnist_12k.npz`, its first
10,000 images for training and first 2,000 for testing, as used here) and `adult.csv.gz` (UCI Adult with a header line;
the column `split` says `train` or `test`) are; without it the download cache is searched. What is not found is replaced
by the digits and penguins of the package, and the script says so. `python examples/compare_with_keras.py` writes this
page again.

"""


def run(script: Path, options: list[str]) -> str:
    """Return what a script prints."""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": f"{FOLDER}{os.pathsep}{ROOT}"}
    command = [sys.executable, str(script), *options]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{script} failed:\n{result.stdout}\n{result.stderr}")
    return result.stdout.strip()


def for_keras(script: Path, folder: Path) -> Path:
    """Write a copy of a script that imports Keras; return its path."""
    source = (
        script.read_text().replace("import kerasish as keras", "import keras").replace("from kerasish", "from keras")
    )
    if "keras.value_and_grad" in source:
        source = re.sub(r"^import keras$", f"import keras\n{SHIM}", source, flags=re.MULTILINE)
    copy = folder / script.name
    copy.write_text(source)
    return copy


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=os.environ.get("KERASISH_DATA"))
    folder = parser.parse_args().data
    options = ["--data", folder] if folder else []
    page = HEAD
    with tempfile.TemporaryDirectory() as copies:
        for name in NAMES:
            script = FOLDER / f"{name}.py"
            title = script.read_text().split('"""')[1].strip().split("\n")[0]
            ours, theirs = run(script, options), run(for_keras(script, Path(copies)), options)
            print(f"== {name}\n-- kerasish\n{ours}\n-- keras\n{theirs}", flush=True)
            page += f"## {name}.py\n\n{title}\n\nkerasish:\n\n```text\n{ours}\n```\n\n"
            page += f"Keras {importlib.metadata.version('keras')}:\n\n```text\n{theirs}\n```\n\n"
    (ROOT / "docs" / "examples.md").write_text(page.rstrip() + "\n")


if __name__ == "__main__":
    main()
