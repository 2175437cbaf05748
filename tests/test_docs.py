"""Every Python block of the manual runs, page by page from top to bottom, as a reader would type it."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md"))


def blocks(path: pathlib.Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [path for path in PAGES if blocks(path)], ids=lambda path: path.stem)
def test_page(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    for number, source in enumerate(blocks(page)):
        exec(compile(source, f"{page.name}, block {number + 1}", "exec"), namespace)


def test_readme_names_the_commands_that_are_checked():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for mark in ("install-and-run", "install-and-test", "example"):
        assert re.search(rf"^<!-- ci: {mark} -->\n```\w+\n", text, re.MULTILINE), mark
