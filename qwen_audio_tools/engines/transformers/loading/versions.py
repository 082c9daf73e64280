"""Whether the transformers that is installed runs a family: told by its number, without torch."""

from importlib.metadata import version

from qwen_audio_tools.engines.families import Family
from qwen_audio_tools.errors import MissingExtra


def older_than(needed: str) -> str:
    """Return the number of the installed transformers if it is older, an empty string if not."""
    found = version("transformers")
    return found if _numbers(found) < _numbers(needed) else ""


def check(family: Family, model: str) -> None:
    """Make sure that a model of that family would be run right.

    Raises:
        MissingExtra: transformers is older than what the family needs.
    """
    if found := older_than(family.since):
        raise MissingExtra(
            f"{model!r} is of the family {family.model_type}, which transformers {found} does not "
            f"run right; {family.since} and later do",
            hint=f"pip install --upgrade 'transformers>={family.since}'",
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
