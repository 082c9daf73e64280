"""ARCHITECTURE.md shows the tree: every source file with a line that says what it is for."""

import re
from pathlib import Path

import pytest

LISTED = ("qwen_audio_tools", "cli", "integrations", "benchmarks", "examples")
MADE = {"__pycache__", "py.typed"}
SOURCES = {".py", ".sh", ".npy", ".npz", ".tsv", ".toml", ".html", ".css", ".js"}
LINE = re.compile(r"(?P<indent> *)(?P<name>[\w.-]+/?)(?: +(?P<about>\S.*))?")


@pytest.fixture(scope="module")
def tree(root) -> dict[str, str]:
    """What ARCHITECTURE.md lists: path from the root, and the words beside it."""
    text = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    block = text.partition("```text\n")[2].partition("```")[0]
    folders: list[str] = []
    listed: dict[str, str] = {}
    for line in filter(str.strip, block.splitlines()):
        match = LINE.fullmatch(line)
        assert match, f"not a line of the tree: {line!r}"
        depth = len(match["indent"]) // 2
        del folders[depth:]
        path = "".join(folders) + match["name"]
        assert path not in listed, f"{path} is listed twice"
        listed[path] = match["about"] or ""
        if match["name"].endswith("/"):
            folders.append(match["name"])
    return listed


def _source_files(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix()
        for folder in LISTED
        for path in (root / folder).rglob("*")
        if path.is_file() and path.suffix in SOURCES and not MADE & set(path.parts)
    }


def test_every_source_file_is_listed(root, tree):
    assert sorted(_source_files(root) - set(tree)) == []


def test_everything_listed_is_there(root, tree):
    gone = [path for path in tree if not (root / path).exists()]
    assert gone == []
    assert [path for path in tree if (root / path).is_dir() != path.endswith("/")] == []


def test_every_line_says_what_the_file_is_for(tree):
    assert [path for path, about in tree.items() if not about] == []
