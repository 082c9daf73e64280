"""Arguments of tools: their JSON schema, and what a client wrote read into values.

Models quote numbers and lists that they should not, and write null for what they leave out: where
the meaning is plain it is taken. All else is refused in words that a model can act on.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any

from qwen_audio_tools.errors import SettingsError

Given = Mapping[str, Any]
"""The arguments of a call, checked; those that were left out are not in it."""

LONGEST_NAME = 4_096
LONGEST_QUESTION = 8_000
MOST_CLIPS = 8


class Kind(Enum):
    """What an argument holds."""

    TEXT = "a text"
    SECONDS = "a number of seconds, 0 or more"
    COUNT = "a whole number, 1 or more"
    TEXTS = "a list of texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a tool. `most` is how many characters each of its texts may have."""

    name: str
    about: str
    kind: Kind = Kind.TEXT
    required: bool = False
    most: int = LONGEST_NAME

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema."""
        text = {"type": "string", "maxLength": self.most}
        shapes: dict[Kind, dict[str, Any]] = {
            Kind.TEXT: text,
            Kind.SECONDS: {"type": "number", "minimum": 0},
            Kind.COUNT: {"type": "integer", "minimum": 1},
            Kind.TEXTS: {"type": "array", "items": text, "minItems": 2, "maxItems": MOST_CLIPS},
        }
        return {**shapes[self.kind], "description": self.about}


def schema_of(arguments: Sequence[Argument]) -> dict[str, Any]:
    """Return the JSON schema of all arguments of a tool."""
    return {
        "type": "object",
        "properties": {each.name: each.schema() for each in arguments},
        "required": [each.name for each in arguments if each.required],
        "additionalProperties": False,
    }


def read_arguments(arguments: Sequence[Argument], written: Mapping[str, Any] | None) -> Given:
    """Return the values that a client wrote.

    Raises:
        SettingsError: one is unknown, missing, of the wrong type, or too long.
    """
    given = {name: value for name, value in (written or {}).items() if value is not None}
    known = {each.name: each for each in arguments}
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
            raise SettingsError(f"there is no argument {name[:80]!r}{meant}")
    for each in arguments:
        if each.required and each.name not in given:
            raise SettingsError(f"{each.name} is missing", hint=f"give {each.kind.value}")
    return {name: _read(known[name], value) for name, value in given.items()}


def _read(argument: Argument, value: object) -> Any:
    if argument.kind is Kind.TEXT:
        return _text(argument, value)
    if isinstance(value, str):
        value = _unquoted(value)
    if argument.kind is Kind.TEXTS:
        if not isinstance(value, list):
            raise _wrong(argument, value)
        if len(value) > MOST_CLIPS:
            raise SettingsError(f"{argument.name} has {len(value)} items; at most {MOST_CLIPS}")
        return tuple(_text(argument, item) for item in value)
    number = _number(value)
    if number is None or (argument.kind is Kind.COUNT and (number < 1 or number % 1)):
        raise _wrong(argument, value)
    return int(number) if argument.kind is Kind.COUNT else number


def _number(value: object) -> float | None:
    """Return a finite number that is not negative, None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _text(argument: Argument, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(argument, value)
    if len(value) > argument.most:
        raise SettingsError(
            f"{argument.name} has {len(value):,} characters; at most {argument.most:,} are taken",
            hint="say it shorter",
        )
    return value


def _unquoted(value: str) -> object:
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found


def _wrong(argument: Argument, value: object) -> SettingsError:
    shown = repr(value)
    shown = f"{shown[:80]}…" if len(shown) > 80 else shown
    return SettingsError(f"{argument.name} cannot be {shown}: {argument.kind.value} is needed")
