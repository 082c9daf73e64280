"""Fields of a JSON object, read as what they should be; each mistake names its field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qwen_audio_tools.serving.http.refusals import Refused, invalid


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of an object that a client sent; `place` is where it stands in the request.

    A field that is missing or null is None.
    """

    values: Mapping[str, Any]
    place: str = ""

    def name(self, field: str) -> str:
        """Return how a message names a field."""
        return f"{self.place}.{field}" if self.place else field

    def wrong(self, field: str, wanted: str) -> Refused:
        """Return the refusal of a field's value."""
        name = self.name(field)
        return invalid(f"{name} cannot be {self.values[field]!r:.80}: {wanted}", param=name)

    def text(self, field: str) -> str | None:
        """Return a text."""
        value = self.values.get(field)
        if value is not None and not isinstance(value, str):
            raise self.wrong(field, "a text is needed")
        return value

    def switch(self, field: str) -> bool:
        """Return a switch; off where it is missing."""
        value = self.values.get(field)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(field, "it is true or false")
        return bool(value)

    def whole(self, field: str, least: int, most: int) -> int | None:
        """Return a whole number between two bounds."""
        value = self.values.get(field)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(field, f"a whole number from {least} to {most} is needed")
        return value

    def number(self, field: str, least: float, most: float) -> float | None:
        """Return a number between two bounds."""
        value = self.values.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(field, "a number is needed")
        if not least <= value <= most:
            raise self.wrong(field, f"it is from {least:g} to {most:g}")
        return float(value)

    def inner(self, field: str) -> "Fields | None":
        """Return the fields of an object inside this one."""
        value = self.values.get(field)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.wrong(field, "an object is needed")
        return Fields(value, self.name(field))
