"""Short files with names that say something, and short functions."""

import ast
from pathlib import Path
from statistics import median

LONGEST_FILE = 300
LONGEST_TEST_FILE = 400
MEDIAN_FILE = 150
LONGEST_FUNCTION = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _functions(path: Path) -> list[tuple[str, int]]:
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_source_file_is_long(root, sources):
    long = {str(path.relative_to(root)): _lines(path) for path in sources}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FILE} == {}


def test_no_test_benchmark_or_example_is_long(root):
    paths = [
        path for folder in ("tests", "benchmarks", "examples") for path in _under(root, folder)
    ]
    long = {str(path.relative_to(root)): _lines(path) for path in paths}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_TEST_FILE} == {}


def test_half_of_the_source_files_are_short(sources):
    assert median(_lines(path) for path in sources) <= MEDIAN_FILE


def test_no_function_is_long(root, sources):
    long = [
        f"{path.relative_to(root)}:{name} {lines} lines"
        for path in sources
        for name, lines in _functions(path)
        if lines > LONGEST_FUNCTION
    ]
    assert long == []


def test_every_file_and_folder_has_a_name_that_says_something(root, sources):
    empty = {
        str(path.relative_to(root))
        for path in sources
        for part in path.relative_to(root).with_suffix("").parts
        if EMPTY_NAMES & set(part.split("_"))
    }
    assert empty == set()


def test_every_folder_of_sources_is_a_package(root, sources):
    # But not the LlamaIndex namespace, where an __init__.py would hide its other packages.
    folders = {path.parent for path in sources if "llama_index" not in path.parts}
    assert [str(f.relative_to(root)) for f in folders if not (f / "__init__.py").exists()] == []


def _under(root: Path, folder: str) -> list[Path]:
    return sorted((root / folder).rglob("*.py"))
