"""A process that listens: `python -m qwen_audio_tools.archive.worker`, started by `workers`.

It reads one JSON object a line on stdin: first how to listen, then the ids of episodes. Each line
that it writes is {"progress": …}, {"outcome": …} or {"fatal": …}. It ends with its stdin: when
whoever started it is killed, it doesn't go on alone.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import IO, Any

from qwen_audio_tools.archive import fatal
from qwen_audio_tools.archive.archive import opened
from qwen_audio_tools.archive.work import hear_episode
from qwen_audio_tools.engines import open_engine
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import QwenAudioError

_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who listens: the engine that writes words and, if it is another, the one with the ears.

    `settings` are those of `open_engine`; `writing` are values of `Options`, for engines that write
    freely; `language` is that of the speech, if it is known.
    """

    engine: str = "embedded"
    ears: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    writing: dict[str, Any] = field(default_factory=dict)
    language: str | None = None

    @property
    def options(self) -> Options:
        """How they are asked."""
        return Options(language=self.language, **self.writing)

    def opened(self) -> tuple[Engine, Engine | None]:
        """Open both; weights load when they are first needed.

        Raises:
            SettingsError, EngineError: as `open_engine`.
        """
        ears = open_engine(self.ears, **self.settings) if self.ears else None
        return open_engine(self.engine, **self.settings), ears


@lru_cache(maxsize=1)
def opened_once(listeners: str) -> tuple[Listeners, Engine, Engine | None]:
    """Return listeners, told as JSON, opened: a process hears many episodes, and loads models once.

    Raises:
        SettingsError, EngineError: as `open_engine`.
    """
    given = Listeners(**json.loads(listeners))
    return given, *given.opened()


def main() -> None:
    """Listen to the episodes that stdin names."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not come between our lines
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(sys.stdin, lines), daemon=True).start()

    def tell(kind: str, value: object) -> None:
        told.write(json.dumps({kind: value}, ensure_ascii=True) + "\n")
        told.flush()

    start = json.loads(lines.get())
    archive = opened(start["folder"])
    listeners = Listeners(**start["listeners"])
    try:
        engine, ears = listeners.opened()
        while True:
            id = json.loads(lines.get())["id"]
            options = replace(listeners.options, progress=_progress(id, tell))
            tell("outcome", hear_episode(archive, id, engine, ears, options).to_dict())
    except (QwenAudioError, OSError) as error:
        tell("fatal", fatal.told(error))


def _read(stdin: IO[str], lines: "queue.Queue[str]") -> None:
    for line in stdin:
        lines.put(line)
    os._exit(0)  # in the middle of an episode too: the ledger never holds half a record


def _progress(id: str, tell: Callable[[str, object], None]) -> Callable[[str, float, float], None]:
    last = [0.0]

    def progress(what: str, done: float, total: float) -> None:
        if time.monotonic() - last[0] >= _EVERY_S:
            last[0] = time.monotonic()
            tell("progress", {"id": id, "done": done, "total": total})

    return progress


if __name__ == "__main__":
    main()
