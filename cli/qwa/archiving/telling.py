"""What `qwa archive sync` says while it works, and at its end."""

import json
from typing import TYPE_CHECKING, TextIO

from qwa.exits import PART
from qwa.manners import Manners, printable, write_line
from qwa.progress import Bar

if TYPE_CHECKING:
    from qwen_audio_tools.archive.syncing import Event, Report
    from qwen_audio_tools.archive.visiting import Visit
    from qwen_audio_tools.archive.work import Outcome


class Teller:
    """Told of each event: a line on stderr for each that matters, a bar where a person sees it."""

    def __init__(self, manners: Manners, out: TextIO, *, as_json: bool) -> None:
        from qwen_audio_tools.archive.syncing import Report

        self.bar = Bar(manners)
        self._manners, self._out, self._as_json = manners, out, as_json
        self._so_far = Report()
        self._running: dict[str, tuple[float, float]] = {}

    def __enter__(self) -> "Teller":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.clear()

    def __call__(self, event: "Event") -> None:
        """Tell of an event."""
        from qwen_audio_tools.archive.syncing import Planned
        from qwen_audio_tools.archive.visiting import Visit
        from qwen_audio_tools.archive.work import Outcome

        if isinstance(event, Visit):
            self._visited(event)
        elif isinstance(event, Planned):
            self._so_far.planned = event
            self._so_far.start()
            self.bar.clear()
            self._manners.tell(self._manners.counted("{count} episodes to hear", event.episodes))
        elif isinstance(event, Outcome):
            self._running.pop(event.id, None)
            self._so_far.count(event)
            self._worked(event)
        else:
            self._running[event.id] = (event.done, event.total)
            total = max(self._so_far.planned.seconds, event.total)
            done = self._so_far.heard_seconds + sum(d for d, _ in self._running.values())
            self.bar("listening", min(done, total), total)

    def end(self, report: "Report") -> int:
        """Say what came of it on stdout, and return the exit code."""
        value = {
            "heard": report.heard,
            "seconds_heard": round(report.heard_seconds, 3),
            "audio_hours_per_hour": round(report.speed, 2),
            "same": report.same,
            "left_to_others": report.busy,
            "failed": [
                {"id": each.id, "show": each.show, "title": each.title, "error": each.error}
                for each in report.failed
            ],
            "shows_failed": [
                {"id": show.id, "title": show.title or show.source, "error": show.error}
                for show in report.shows_failed
            ],
        }
        if self._as_json:
            write_line(self._out, json.dumps(value, ensure_ascii=False, indent=2))
        else:
            hours = f"{report.heard_seconds / 3600:.2f}"
            words = "{count} episodes heard, {hours} h"
            write_line(self._out, self._manners.counted(words, report.heard, hours=hours))
        failed = len(report.failed) + len(report.shows_failed)
        if failed:
            self._manners.tell("qwa archive status", kind="hint")
        return PART if failed else 0

    def _visited(self, visit: "Visit") -> None:
        show = visit.show
        title = printable(show.title or show.source)
        if show.error:
            self._warn(f"{title}: {show.error}")
        elif visit.new or visit.changed:
            new = self._manners.counted("{count} new episodes", visit.new)
            self._manners.tell(f"{title}: {new}")

    def _worked(self, outcome: "Outcome") -> None:
        from qwen_audio_tools.archive.records import State
        from qwen_audio_tools.subtitles import short_clock

        name = printable(" · ".join(filter(None, (outcome.show, outcome.title))) or outcome.id)
        if outcome.state is State.FAILED:
            self._warn(f"{name}: {outcome.error}")
            return
        self.bar.clear()
        if outcome.state is State.HEARD:
            times = (short_clock(outcome.seconds), short_clock(outcome.took))
            parts = [f"{name}: {times[0]} ({times[1]})", *self._pace()]
            self._manners.tell("  ".join(parts))
        elif outcome.state is State.SAME:
            self._say("{name}: the same audio as another episode", name=name)

    def _pace(self) -> list[str]:
        so_far = self._so_far
        found = [f"[{so_far.done}/{so_far.planned.episodes}]"]
        speed = self._manners.words("{speed} h of audio an hour")
        found.append(speed.format(speed=f"{so_far.speed:.1f}"))
        if so_far.left:
            left = self._manners.words("{time} left")
            found.append(left.format(time=_rough(so_far.left)))
        return found

    def _say(self, words: str, **values: object) -> None:
        self.bar.clear()
        self._manners.tell(self._manners.words(words).format(**values))

    def _warn(self, text: str) -> None:
        self.bar.clear()
        self._manners.tell(printable(text), kind="warning")


def _rough(seconds: float) -> str:
    """Return a time that is still to come, no finer than anyone can know it."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
