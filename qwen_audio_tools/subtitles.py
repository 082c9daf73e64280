"""Writers of a Transcript: txt, srt, vtt, tsv, json and md, each a function to one string."""

import json
import re
from collections.abc import Callable, Iterator
from unicodedata import east_asian_width

from qwen_audio_tools.transcript import Segment, Transcript

COLUMNS = 42  # of a subtitle line, as broadcasters set it; a Chinese character takes two
LINES = 2


def txt(transcript: Transcript) -> str:
    """Return the words, a line for each segment, with the speaker where one is known."""
    return "".join(f"{_prefix(segment)}{_flat(segment.text)}\n" for segment in transcript.segments)


def srt(transcript: Transcript) -> str:
    """Return SubRip subtitles; a long segment becomes several cues that share its time."""
    cues = []
    for number, (start, end, segment, lines) in enumerate(_cues(transcript), start=1):
        lines[0] = _prefix(segment) + lines[0]
        body = "\n".join(_no_arrow(line) for line in lines)
        cues.append(f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{body}\n")
    return "\n".join(cues)


def vtt(transcript: Transcript) -> str:
    """Return WebVTT; speakers are voice tags, and what was heard cannot become markup."""
    cues = ["WEBVTT\n"]
    for start, end, segment, lines in _cues(transcript):
        body = "\n".join(_escaped(line) for line in lines)
        if segment.speaker:
            body = f"<v {_escaped(_flat(segment.speaker))}>{body}"
        cues.append(f"{clock(start, '.')} --> {clock(end, '.')}\n{body}\n")
    return "\n".join(cues)


def tsv(transcript: Transcript) -> str:
    """Return start and end in milliseconds and the text, tab-separated; speakers come last."""
    spoken = any(segment.speaker for segment in transcript.segments)
    rows = ["start\tend\ttext" + ("\tspeaker" if spoken else "")]
    for segment in transcript.segments:
        row = f"{_ms(segment.start)}\t{_ms(segment.end)}\t{_flat(segment.text)}"
        rows.append(row + (f"\t{_flat(segment.speaker or '')}" if spoken else ""))
    return "\n".join(rows) + "\n"


def as_json(transcript: Transcript) -> str:
    """Return the whole transcript as JSON."""
    return json.dumps(transcript.to_dict(), ensure_ascii=False, indent=2) + "\n"


def md(transcript: Transcript) -> str:
    """Return Markdown: a heading, then a paragraph for each segment with its time and speaker."""
    title = _plain(transcript.source or "Transcript")
    parts = [f"# {title}\n"]
    facts = []
    if transcript.language:
        facts.append(f"Language: {transcript.language}")
    if transcript.duration is not None:
        facts.append(f"Duration: {short_clock(transcript.duration)}")
    if facts:
        parts.append(" · ".join(facts) + "\n")
    for segment in transcript.segments:
        speaker = f" **{_plain(_flat(segment.speaker))}:**" if segment.speaker else ""
        parts.append(f"`{short_clock(segment.start)}`{speaker} {_plain(_flat(segment.text))}\n")
    return "\n".join(parts)


WRITERS: dict[str, Callable[[Transcript], str]] = {
    "txt": txt,
    "srt": srt,
    "vtt": vtt,
    "tsv": tsv,
    "json": as_json,
    "md": md,
}


def clock(seconds: float, point: str) -> str:
    """Return hh:mm:ss and milliseconds after `point`, as subtitle formats want it."""
    minutes, ms = divmod(_ms(seconds), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1000:02d}{point}{ms % 1000:03d}"


def short_clock(seconds: float) -> str:
    """Return m:ss, or h:mm:ss from an hour on."""
    minutes, whole = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{whole:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"


def _cues(transcript: Transcript) -> Iterator[tuple[float, float, Segment, list[str]]]:
    """Yield start, end, segment and at most two lines for each cue, in order.

    A segment of more than two lines is shared out by the columns of its parts: the models
    give times to segments, and an even pace within one is the best that is known.
    """
    for segment in transcript.segments:
        room = COLUMNS - _columns(_prefix(segment))
        lines = _even(_flat(segment.text), max(room, COLUMNS // 2))
        cues = [lines[at : at + LINES] for at in range(0, len(lines), LINES)]
        total = sum(_columns(line) for line in lines) or 1
        start = segment.start
        done = 0
        for cue in cues:
            done += sum(_columns(line) for line in cue)
            end = segment.start + (segment.end - segment.start) * done / total
            # A cue of no length is never shown, and some players refuse the file.
            yield start, max(end, start + 0.001), segment, cue
            start = end


def _even(text: str, columns: int) -> list[str]:
    """Return lines of about the same length, in no more cues than the widest lines would need.

    Filling each line to its end would leave a last cue of one word.
    """
    lines = _wrapped(text, columns)
    if len(lines) < 2:
        return lines
    most = -(-len(lines) // LINES) * LINES
    for narrow in range(columns // 2, columns):
        tried = _wrapped(text, narrow)
        if len(tried) <= most:
            return tried
    return lines


def _wrapped(text: str, columns: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for piece in _pieces(text, columns):
        if line and _columns(line + piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str, columns: int) -> Iterator[str]:
    """Yield what must stay together: a word with its space, or one character of CJK.

    Punctuation stays with what it follows, as Chinese typesetting asks for.
    """
    for piece in re.findall(
        r"\s*[^\s⺀-鿿가-힣぀-ヿ]+|\s*[⺀-鿿가-힣぀-ヿ][、。，！？；：”’）》」』]*", text
    ):
        while _columns(piece) > columns:  # a "word" longer than a line, such as an address
            yield piece[:columns]
            piece = piece[columns:]
        yield piece


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _prefix(segment: Segment) -> str:
    return f"{_flat(segment.speaker)}: " if segment.speaker else ""


def _flat(text: str) -> str:
    # A line break or tab in the words would end a cue or a column.
    return " ".join(text.split())


def _no_arrow(text: str) -> str:
    return text.replace("-->", "→")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
