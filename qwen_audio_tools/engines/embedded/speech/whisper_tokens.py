"""Whisper's vocabulary: from token ids to text with times, and the prompts that start decoding.

It reads the vocabulary of the model folder by itself: the tokenizers package would add 80 ms to
every start, for nothing that decoding needs.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qwen_audio_tools.errors import WeightsMissing

# Told that Mandarin sentences come, in simplified characters, Whisper goes on in that script;
# untold it mixes simplified and traditional.
_OPENING = {"zh": "以下是普通话的句子。"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Text between two timestamp tokens, in seconds of the window; `end` None: never closed."""

    start: float
    end: float | None
    text: str


class Vocabulary:
    """The tokens of one model folder; the order of the file is the token id."""

    def __init__(self, folder: Path) -> None:
        self.tokens = _read(folder)
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self.end = self.ids["<|endoftext|>"]
        self.first_time = self.ids["<|notimestamps|>"] + 1

    @cached_property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes (a few are longer) that have a token."""
        first, last = self.ids["<|startoftranscript|>"], self.ids.get("<|translate|>", 0)
        return frozenset(token[2:-2] for token in self.tokens[first + 1 : last])

    def prompt(self, language: str | None, *, translate: bool = False) -> list[int]:
        """Return the ids that start a window; the language None is for English-only models."""
        start = self.ids["<|startoftranscript|>"]
        if language is None:
            return [start]
        task = self.ids["<|translate|>" if translate else "<|transcribe|>"]
        opening = "" if translate else _OPENING.get(language, "")
        before = [self.ids["<|startofprev|>"], *self._encode(opening)] if opening else []
        return [*before, start, self.ids[f"<|{language}|>"], task]

    def is_opening(self, text: str) -> bool:
        """Tell whether the text is but the words that were put into the prompt."""
        return text.strip(" 。") in (opening.strip("。") for opening in _OPENING.values())

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of token ids; special tokens and times are left out."""
        letters = "".join(self.tokens[number] for number in ids if number < self.end)
        return bytes(_BYTES[letter] for letter in letters).decode("utf-8", "replace")

    def pieces(self, ids: Sequence[int]) -> list[Piece]:
        """Return what was said between each two timestamp tokens, empty texts left out."""
        found: list[Piece] = []
        start, words = 0.0, list[int]()
        for number in ids:
            if number < self.first_time:
                words.append(number)
                continue
            time = (number - self.first_time) * 0.02
            if words:
                found.append(Piece(start, time, self.text(words).strip()))
                words = []
            start = time
        if words:
            found.append(Piece(start, None, self.text(words).strip()))
        return [piece for piece in found if piece.text]

    def _encode(self, text: str) -> list[int]:
        """Return token ids for a text: longest match, which suffices for a prompt."""
        letters = "".join(_LETTERS[byte] for byte in text.encode())
        ids, at = list[int](), 0
        while at < len(letters):
            size = next(
                n for n in range(len(letters) - at, 0, -1) if letters[at : at + n] in self.ids
            )
            ids.append(self.ids[letters[at : at + size]])
            at += size
        return ids


def _read(folder: Path) -> list[str]:
    listed, lines = folder / "vocabulary.json", folder / "vocabulary.txt"
    try:
        if listed.exists():
            return [str(token) for token in json.loads(listed.read_text("utf-8"))]
        return lines.read_text("utf-8").removesuffix("\n").split("\n")
    except (OSError, ValueError) as error:
        raise WeightsMissing(
            f"{str(folder)!r} has no readable vocabulary.json or vocabulary.txt: {error}",
            hint="the folder of a CTranslate2 Whisper holds one; check QWA_WHISPER",
        ) from error


def _letters() -> dict[int, str]:
    """Return the printable letter that byte-level BPE (as in GPT-2) writes for each byte."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {
        byte: chr(256 + number) for number, byte in enumerate(others)
    }


_LETTERS = _letters()
_BYTES = {letter: byte for byte, letter in _LETTERS.items()}
