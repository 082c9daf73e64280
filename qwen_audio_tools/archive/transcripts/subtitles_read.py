"""SubRip and WebVTT read into cues: any line with an arrow begins one, a blank line ends it."""

import html
import re
from collections.abc import Iterator

from qwen_audio_tools.archive.transcripts.cues import Cue

_TIME = r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2})(?:[.,](\d{1,3}))?"
_ARROW = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[\w.-]*)?\s+([^>]{1,100})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>|\{\\[^{}]{0,100}\}")


def read_subtitles(text: str) -> Iterator[Cue]:
    """Yield the cues in the order of the file."""
    times: tuple[float, float] | None = None
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        arrow = _ARROW.match(line)
        if times and (arrow or not line.strip()):
            # Before the next arrow without a blank line stands that cue's number.
            body = lines[:-1] if arrow and lines and lines[-1].strip().isdigit() else lines
            yield _cue(times, "\n".join(body))
            times = None
        if arrow:
            times, lines = (_seconds(arrow.groups()[:4]), _seconds(arrow.groups()[4:])), []
        elif times:
            lines.append(line)


def _cue(times: tuple[float, float], body: str) -> Cue:
    voice = _VOICE.search(body)
    words = html.unescape(_TAG.sub("", body))
    speaker = html.unescape(voice[1]).strip() if voice else ""
    return Cue(start=times[0], end=times[1], text=words, speaker=speaker)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0)
    return whole + int((fraction or "0").ljust(3, "0")) / 1000
