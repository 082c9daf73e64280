"""The repository as the structure tests see it: its root and its Python files."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("qwen_audio_tools", "cli/qwa", "integrations")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources() -> tuple[Path, ...]:
    """Every Python file that is shipped."""
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert found, f"no sources under {ROOT}"
    return tuple(sorted(found))
