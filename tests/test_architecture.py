"""The import contract: who may import whom, how large files and functions may get, and what `import kerasish` costs."""

import ast
import functools
import itertools
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).parent.parent / "kerasish"

# Imports point up this list only. A package that is not named stands on the last floor.
FLOORS = [
    {"core"},
    {"ops"},
    {"initializers", "regularizers", "constraints", "activations", "losses", "metrics", "optimizers", "random"},
    {"layers"},
    {"models"},
    {"training", "saving", "distribution", "callbacks"},
]
RUN_TIME_DEPENDENCIES = {"numpy", "h5py", "jax", "jaxlib", "tqdm"}
# `Model.fit`, `save`, `export`, `summary`, ... are a few lines that hand over when called: the one way upwards.
HAND_OVER = {pathlib.Path("models/files.py"), pathlib.Path("models/trainable.py")}
LONGEST_FILE, LONGEST_FUNCTION = 700, 60
LOADED_ON_USE = [
    "h5py",
    "tqdm",
    "matplotlib",
    "pandas",
    "PIL",
    "scipy",
    "sklearn",
    "tensorflow",
    "torch",
    "keras",
    "optax",
]


class Import(NamedTuple):
    """One import of something: where it stands, what it imports, and whether it stands inside a function."""

    file: pathlib.Path
    line: int
    target: str
    in_function: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.target}"


@functools.cache
def trees() -> dict[pathlib.Path, ast.Module]:
    files = sorted(ROOT.rglob("*.py"))
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8"), path.name) for path in files}


def module_name(path: pathlib.Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(("kerasish", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def imports_in(path: pathlib.Path) -> Iterator[Import]:
    modules = {module_name(other) for other in trees()}

    def visit(node: ast.AST, in_function: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(path, child.lineno, alias.name, in_function)
            elif isinstance(child, ast.ImportFrom):
                package = list(path.parent.parts)[: len(path.parent.parts) - child.level + 1]
                base = ".".join(("kerasish", *package)) if child.level else ""
                source = ".".join(part for part in (base, child.module or "") if part)
                for alias in child.names:
                    full = f"{source}.{alias.name}"
                    yield Import(path, child.lineno, full if full in modules else source, in_function)
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from visit(child, inside)

    yield from visit(trees()[path], False)


@functools.cache
def all_imports() -> tuple[Import, ...]:
    return tuple(itertools.chain.from_iterable(imports_in(path) for path in trees()))


def own_imports() -> list[Import]:
    """Imports of kerasish by kerasish; the front door, `kerasish/__init__.py`, knows everything."""
    front_door = pathlib.Path("__init__.py")
    return [i for i in all_imports() if i.target.split(".")[0] == "kerasish" and i.file != front_door]


def room(module: str) -> str:
    return (module.split(".") + [""])[1]


def floor(name: str) -> int:
    return next((number for number, rooms in enumerate(FLOORS) if name in rooms), len(FLOORS))


def handed_over(statement: Import) -> bool:
    return statement.file in HAND_OVER and statement.in_function


def test_imports_point_to_the_same_or_a_lower_floor():
    upward = [
        str(statement)
        for statement in own_imports()
        if floor(room(statement.target)) > floor(room(module_name(statement.file))) and not handed_over(statement)
    ]
    assert upward == []


def test_the_front_door_is_not_imported_from_inside():
    assert [str(statement) for statement in own_imports() if statement.target == "kerasish"] == []


def test_no_imports_of_the_package_inside_functions():
    assert [str(i) for i in own_imports() if i.in_function and not handed_over(i)] == []


def cycles(edges: dict[str, set[str]]) -> list[str]:
    """One line per edge that closes a circle, found by walking from every node."""
    found, done = [], set()

    def walk(node: str, trail: tuple[str, ...]) -> None:
        if node in trail:
            found.append(" -> ".join((*trail[trail.index(node) :], node)))
        elif node not in done:
            for target in sorted(edges.get(node, ())):
                walk(target, (*trail, node))
            done.add(node)

    for start in sorted(edges):
        walk(start, ())
    return found


@pytest.mark.parametrize("what", [room, str], ids=["packages", "modules"])
def test_no_cycles(what):
    edges: dict[str, set[str]] = {}
    for statement in own_imports():
        source, target = what(module_name(statement.file)), what(statement.target)
        if source != target and not handed_over(statement):
            edges.setdefault(source, set()).add(target)
    assert cycles(edges) == []


def test_only_the_run_time_dependencies_are_imported_at_the_top():
    allowed = RUN_TIME_DEPENDENCIES | {"kerasish"} | set(sys.stdlib_module_names)
    assert [str(i) for i in all_imports() if not i.in_function and i.target.split(".")[0] not in allowed] == []


def test_files_are_short_and_say_what_they_are():
    long = [f"{path}: {n}" for path in trees() if (n := len((ROOT / path).read_text().splitlines())) > LONGEST_FILE]
    bare = [str(path) for path, tree in trees().items() if not ast.get_docstring(tree)]
    assert long == [] and bare == []


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_functions_are_short():
    long = []
    for path, tree in trees().items():
        for function in functions(tree):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            if length > LONGEST_FUNCTION:
                long.append(f"{path}:{function.lineno} {function.name}: {length} lines")
    assert long == []


def test_public_functions_are_typed():
    untyped = []
    for path, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                if not all(argument.annotation for argument in arguments) or not node.returns:
                    untyped.append(f"{path}:{node.lineno} {node.name}")
    assert untyped == []


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, kerasish; print([name for name in {LOADED_ON_USE!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert result.stdout.strip() == "[]"
