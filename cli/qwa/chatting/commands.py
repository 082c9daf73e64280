"""A line of a chat: either words for the engine, or a command that begins with a slash."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from qwa.inputs import Part, is_address, seconds
from qwen_audio_tools.errors import SettingsError

# In the order of the help: the command, what may follow it, and what it does.
COMMANDS = {
    "/audio": ("FILE [START-END]", "hear this in your next turn; Enter alone sends it as it is"),
    "/record": ("[SECONDS]", "hear the microphone, until Ctrl-C where no seconds are given"),
    "/drop": ("", "take back the audio that is not sent yet"),
    "/system": ("[TEXT]", "tell the model how to behave; alone, show what it was told"),
    "/save": ("FILE", "keep the chat, to go on with: qwa chat --load FILE"),
    "/reset": ("", "forget the turns so far"),
    "/help": ("", "show these lines"),
    "/quit": ("", "leave, as Ctrl-D does"),
}
_TIME = r"(?:\d+:){0,2}\d+(?:\.\d+)?"
_SPAN = re.compile(f"(?P<start>{_TIME})?-(?P<end>{_TIME})?")


@dataclass(frozen=True, slots=True)
class Command:
    """A command and what follows it; an empty `name` is a turn of the conversation."""

    name: str
    rest: str


def read(line: str) -> Command:
    """Return what a line asks for. Two slashes stand for words that begin with one.

    Raises:
        SettingsError: no command has that name.
    """
    text = line.strip()
    if not text.startswith("/") or text.startswith("//"):
        return Command("", text.removeprefix("/") if text.startswith("//") else text)
    name, _, rest = text.partition(" ")
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}"
        raise SettingsError(
            f"no command is called {name!r}; {meant}",
            hint=f"/help; words that begin with a slash are sent with two: /{name}",
        )
    return Command(name, rest.strip())


def source_and_part(words: str) -> tuple[str, Part]:
    """Tell the file from its span: "clip.mp3", "my clip.mp3 0:10-0:31.5", "clip.mp3 90-".

    Raises:
        SettingsError: no file is named, or the end is not after the start.
    """
    name, _, last = words.rpartition(" ")
    match = _SPAN.fullmatch(last)
    if not name or match is None or _is_there(words):
        return _source(words), Part()
    start, end = seconds(match["start"], "START"), seconds(match["end"], "END")
    if end is not None and end <= (start or 0.0):
        raise SettingsError(
            f"{last!r} does not end after its start", hint="/audio clip.mp3 0:10-0:20"
        )
    return _source(name), Part(start=start, end=end)


def duration(words: str) -> float | None:
    """Return the seconds that /record is to last, None where it is not said.

    Raises:
        SettingsError: it is no time, or none at all.
    """
    if not words:
        return None
    length = seconds(words, "SECONDS") if re.fullmatch(_TIME, words) else 0.0
    if not length:
        raise SettingsError(f"nothing is recorded for {words!r} seconds", hint="/record 5")
    return length


def plain(words: str) -> str:
    """Return a file's name without what terminals add when one is dropped on them."""
    text = words.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    unescaped = re.sub(r"\\(.)", r"\1", text)
    return unescaped if not _is_there(text) and _is_there(unescaped) else text


def help_lines() -> list[tuple[str, str]]:
    """Return each command as it is typed, and what it does."""
    return [(f"{name} {rest}".strip(), about) for name, (rest, about) in COMMANDS.items()]


def _source(words: str) -> str:
    source = plain(words)
    if not source:
        raise SettingsError("no file was named", hint="/audio clip.mp3")
    if source == "-":
        raise SettingsError("stdin holds the chat, no audio", hint="/audio clip.mp3")
    return source


def _is_there(source: str) -> bool:
    return is_address(source) or Path(source).expanduser().exists()
