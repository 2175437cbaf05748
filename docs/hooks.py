"""MkDocs hook: one page of API reference per package of kerasish, made from the packages that exist."""

import ast
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PACKAGE = Path(__file__).parent.parent / "kerasish"

# What is public at the top, `kerasish.Variable` and so on, and lives in the core.
TOP = ["kerasish.core.variable.Variable", "kerasish.core.variable.Scope"] + [
    f"kerasish.core.lifted.{name}" for name in ("jit", "grad", "value_and_grad", "vmap")
]


def listed_names(package: Path) -> list[str]:
    """Return what a package lists in `__all__`, empty where it lists nothing."""
    init = package / "__init__.py"
    if not init.is_file():
        return []
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__all__":
            return [element.value for element in getattr(node.value, "elts", []) if isinstance(element, ast.Constant)]
    return []


def public_packages(package: Path = PACKAGE) -> list[Path]:
    """Return the public packages below this one; a deeper one is public if its parent lists it."""
    found = []
    for child in sorted(path for path in package.iterdir() if path.is_dir() and listed_names(path)):
        if package == PACKAGE or child.name in listed_names(package):
            found += [child, *public_packages(child)]
    return found


def dotted(path: Path) -> str:
    """Return the name under which a package is imported."""
    return ".".join(path.relative_to(PACKAGE.parent).parts)


def pages() -> dict[str, tuple[str, str]]:
    """Return title -> (file, text) of all reference pages."""
    result = {"kerasish": ("api/kerasish.md", "\n".join(f"::: {target}\n" for target in TOP))}
    for package in public_packages():
        names = listed_names(package)
        modules = [name for name in names if (package / f"{name}.py").is_file()]
        if modules == names:
            # A package that is a list of modules, as `datasets` is, shows each of them.
            text = "\n".join(f"::: {dotted(package)}.{name}\n" for name in modules)
        else:
            text = f"::: {dotted(package)}\n    options:\n      show_root_heading: false\n"
        result[dotted(package)] = (f"api/{dotted(package).removeprefix('kerasish.').replace('.', '-')}.md", text)
    return result


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the reference pages into the navigation."""
    config.nav.append({"API": [{title: file} for title, (file, _) in pages().items()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference pages to the site."""
    for title, (file, text) in pages().items():
        files.append(File.generated(config, file, content=f"# {title}\n\n{text}"))
    return files
