"""How models write down who said what when, read into Segments.

What a model wrote may be cut short or malformed. No word of it is dropped for that: what has no
time of its own gets the time between its neighbours, and no time lies outside the clip.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qwen_audio_tools.transcript import Segment

_MARKED = re.compile(r"\[(?P<start>\d[\d:.]*)\]\s*\[S(?P<speaker>\d+)\]")
_ENDED = re.compile(r"\[(?P<end>\d[\d:.]*)\]\s*\Z")
_REPLY = re.compile(r"\A\s*assistant\s*\n")
_LANGUAGE = re.compile(r"\A\s*(?:language\s+)?(?P<name>[^\n<]*?)\s*(?:\n.*)?<asr_text>", re.DOTALL)
_VALUE = re.compile(
    r'"(?P<name>Start|End|Speaker|Content)"\s*:\s*(?P<value>-?[\d.]+|"(?:[^"\\]|\\.)*"?)', re.DOTALL
)

# The languages of Qwen3-ASR by the names that it writes (its model card), as ISO 639 codes.
_CODES = {
    "arabic": "ar",
    "cantonese": "yue",
    "chinese": "zh",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "filipino": "fil",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "macedonian": "mk",
    "malay": "ms",
    "persian": "fa",
    "polish": "pl",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "spanish": "es",
    "swedish": "sv",
    "thai": "th",
    "turkish": "tr",
    "vietnamese": "vi",
}


@dataclass(frozen=True, slots=True)
class _Turn:
    """What was read of one turn; None where the model wrote no such thing."""

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None


def read_language(text: str, seconds: float) -> tuple[Segment, ...]:
    """Read Qwen3-ASR: `language English<asr_text>words`. All words are one Segment."""
    found = _LANGUAGE.match(_reply(text))
    words = _reply(text)[found.end() :] if found else _reply(text)
    name = found["name"].split(",")[0].strip().lower() if found else ""
    return tuple(
        Segment(start=0.0, end=seconds, text=part, language=_CODES.get(name))
        for part in [words.strip()]
        if part
    )


def read_json_turns(text: str, seconds: float) -> tuple[Segment, ...]:
    """Read VibeVoice-ASR: `[{"Start": 0, "End": 5.2, "Speaker": 0, "Content": "words"}, …]`."""
    reply = _reply(text).strip()
    if not reply.startswith("["):
        return _timed([_Turn(reply)], seconds)
    return _timed([_json_turn(each) for each in _objects(reply)], seconds)


def read_marked_turns(text: str, seconds: float) -> tuple[Segment, ...]:
    """Read MOSS-Transcribe-Diarize: `[0.00][S01]words[5.20][5.20][S02]words[7.56]`."""
    reply = _reply(text).strip()
    marks = list(_MARKED.finditer(reply))
    turns = [_Turn(reply[: marks[0].start()] if marks else reply)]
    for mark, after in zip(marks, [*marks[1:], None], strict=False):
        words = reply[mark.end() : after.start() if after else len(reply)]
        ended = _ENDED.search(words)
        turns.append(
            _Turn(
                words[: ended.start()] if ended else words,
                _seconds(mark["start"]),
                _seconds(ended["end"]) if ended else None,
                f"S{int(mark['speaker'])}",
            )
        )
    return _timed(turns, seconds)


def _reply(text: str) -> str:
    return _REPLY.sub("", text)


def _objects(reply: str) -> Iterator[Any]:
    """Yield the elements of a JSON list, the last one as text if it is cut short."""
    decoder, place = json.JSONDecoder(), 1
    while True:
        while place < len(reply) and reply[place] in ", \t\r\n":
            place += 1
        if place >= len(reply) or reply[place:].strip() == "]":
            return
        try:
            found, place = decoder.raw_decode(reply, place)
        except ValueError:
            yield reply[place:]
            return
        yield found


def _json_turn(element: Any) -> _Turn:
    if isinstance(element, str):
        pairs = {found["name"]: found["value"] for found in _VALUE.finditer(element)}
        if "Content" not in pairs:
            return _Turn("" if element.lstrip().startswith("{") and not pairs else element)
        element = {name: _plain(value) for name, value in pairs.items()}
    if not isinstance(element, dict):
        return _Turn(json.dumps(element, ensure_ascii=False))
    speaker = element.get("Speaker")
    return _Turn(
        str(element.get("Content", "")),
        _number(element.get("Start")),
        _number(element.get("End")),
        f"S{speaker + 1}" if isinstance(speaker, int) and speaker >= 0 else None,
    )


def _plain(value: str) -> Any:
    for whole in (value, f'{value}"', f'{value[:-1]}"'):
        try:
            return json.loads(whole)
        except ValueError:
            continue
    return value.strip('"')


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return _seconds(value)
    return float(value) if isinstance(value, int | float) and value == value else None


def _seconds(value: str) -> float | None:
    """Read `7.56`, `1:23` or `01:02:03`."""
    try:
        parts = [float(part) for part in value.split(":")[::-1]]
    except ValueError:
        return None
    return sum(part * 60.0**place for place, part in enumerate(parts))


def _timed(turns: list[_Turn], seconds: float) -> tuple[Segment, ...]:
    """Return the turns that have words; a time that is missing is that of its neighbour."""
    spoken = [turn for turn in turns if turn.text.strip()]
    segments: list[Segment] = []
    for index, turn in enumerate(spoken):
        before = segments[-1].end if segments else 0.0
        starts = (later.start for later in spoken[index + 1 :] if later.start is not None)
        start = _within(before if turn.start is None else turn.start, 0.0, seconds)
        end = next(starts, seconds) if turn.end is None else turn.end
        segments.append(
            Segment(
                start=start,
                end=_within(end, start, seconds),
                text=turn.text.strip(),
                speaker=turn.speaker,
            )
        )
    return tuple(segments)


def _within(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
