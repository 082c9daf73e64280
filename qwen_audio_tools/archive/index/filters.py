"""Which passages may be found: by show, episode, speaker, date, language or sound.

Filters become expressions of the index's own library: no text from outside is ever part of SQL.
"""

import re
from dataclasses import dataclass, fields
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from qwen_audio_tools.archive.index.rows import EPISODE, marked
from qwen_audio_tools.errors import SettingsError

if TYPE_CHECKING:
    from lancedb.expr import Expr

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a passage must fit; an empty one fits any. Names are compared without case.

    `since` and `until` are dates such as "2026-11" or "2026-11-25", both included.

    Raises:
        SettingsError: a date is none.
    """

    show: str = ""
    episode: str = ""
    speaker: str = ""
    language: str = ""
    sound: str = ""
    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            value = getattr(self, name)
            if value and not _DATE.fullmatch(value):
                raise SettingsError(
                    f"{name} cannot be {value!r}: a date is 2026, 2026-11 or 2026-11-25"
                )

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def expression(self, *, episodes: bool = False) -> "Expr":
        """Return the filter for the index: of passages, or of whole episodes."""
        from lancedb.expr import col, lit

        whole = col("index") == lit(EPISODE)
        found: list[Expr] = [whole if episodes else col("index") > lit(EPISODE)]
        for name in ("show", "episode", "language"):
            if value := getattr(self, name):
                found.append(col(name).lower() == lit(value.lower()))
        for name, column in (("speaker", "speakers"), ("sound", "sounds")):
            if value := getattr(self, name):
                found.append(col(column).lower().contains(lit(marked([value]).lower())))
        if self.since:
            found.append(col("published") >= lit(self.since))
        if self.until:
            # "2026-11" must let in all of November: the character after "~" sorts after them.
            found.append(col("published") <= lit(f"{self.until}~"))
            found.append(col("published") != lit(""))
        return reduce(and_, found)
