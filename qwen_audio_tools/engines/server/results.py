"""What one reply comes to: its text as it comes, and at its end all that is known of it."""

import json
from collections.abc import Iterator, Sequence

from qwen_audio_tools.answer import Coverage, Evidence, Usage
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.engines.server.events import Counts, Piece
from qwen_audio_tools.engines.server.faults import Fault, Where
from qwen_audio_tools.engines.server.learning import Facts
from qwen_audio_tools.engines.server.sounds import Sound
from qwen_audio_tools.engines.server.stops import Stops
from qwen_audio_tools.engines.server.told import Told, told_of
from qwen_audio_tools.engines.telling import evidence, reader, told
from qwen_audio_tools.errors import EngineRefused

_ENDS = {"stop": "stop", "eos": "stop", "length": "length"}


class Result:
    """The reply in the making; `shown` is whether any of its text was handed out.

    `audio` is how many tokens the audio took, if that was counted; `measured` what a second of it
    took on that server, where its model is of no known family.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        sounds: Sequence[Sound],
        facts: Facts,
        label: str,
        options: Options,
    ) -> None:
        self._clips, self._sounds, self._facts = clips, sounds, facts
        self._label, self._options = label, options
        self._read = reader(facts.family) if facts.family and clips else None
        self._stops = Stops(() if facts.dialect.stops else options.stop)
        self._written: list[str] = []
        self._warnings: list[str] = []
        self._finish = ""
        self.told: Told | None = None
        self.counts = Counts()
        self.audio, self.measured = 0, 0.0
        self.shown = False

    def add(self, piece: Piece) -> str:
        """Take a piece, and return the text of it that can be handed out now.

        A model with a notation of its own is read at the end.
        """
        self.counts = self.counts.updated(piece.counts)
        self._finish = piece.finish or self._finish
        if piece.ours is not None and self._facts.dialect.ours:
            self.told = told_of(piece.ours, self._clips)
        text = self._stops.push(piece.text)
        if piece.finish:
            text += self._stops.finish()
        self._written.append(text)
        return text if self._read is None else ""

    def warn(self, warning: str) -> None:
        """Add what the person should know."""
        self._warnings.append(warning)

    def check_form(self, where: Where) -> None:
        """Refuse what is no JSON where a schema was given, unless it was cut short.

        Raises:
            Fault: the server overlooked the schema.
        """
        if self._options.schema is None or self._finish == "length":
            return
        text = "".join(self._written)
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            error = EngineRefused(
                f"{where} did not keep to the JSON schema: its answer begins {text[:80]!r}",
                hint="vLLM, SGLang and llama-server keep to one; server_dialect tells which it is",
            )
            raise Fault(error) from None

    def last(self, warnings: Sequence[str]) -> Iterator[Delta]:
        """Yield what ends the reply: the text that waited, evidence, coverage, usage, warnings."""
        heard, text = self._heard() if self.told is None else self.told.evidence, ""
        if self._read is not None:
            clip, sound = self._clips[0], self._sounds[0]
            segments = self._read("".join(self._written), sound.seconds)
            text = told(segments)
            start = clip.start or 0.0
            heard += evidence(segments, start=start, model=self._label, clip=clip.name)
        seconds = sum(sound.seconds for sound in self._sounds)
        yield Delta(
            text=text,
            evidence=heard,
            coverage=self._coverage(seconds),
            usage=Usage(
                input_tokens=self.counts.prompt or 0,
                audio_tokens=self._audio_tokens(),
                output_tokens=self.counts.output or 0,
                seconds_heard=seconds,
            ),
            warnings=tuple(dict.fromkeys(self._all_warnings(warnings))),
            task=self.told.task if self.told else "",
            finish="stop" if self._stops.stopped else _ENDS.get(self._finish, ""),
        )

    def _coverage(self, seconds: float) -> Coverage | None:
        if not self._sounds:
            return None
        return self.told.coverage if self.told else Coverage(seconds, seconds)

    def _all_warnings(self, warnings: Sequence[str]) -> Iterator[str]:
        yield from warnings
        yield from self._warnings
        yield from self.told.warnings if self.told else self._about_the_end()

    def _audio_tokens(self) -> int:
        """Return the count of the server, else the difference that the audio made, else by rate."""
        if not self._sounds:
            return 0
        if self.counts.audio or self.audio:
            return self.counts.audio or self.audio
        if self.counts.prompt is None:
            return 0
        return sum(self._tokens(sound) for sound in self._sounds)

    def _tokens(self, sound: Sound) -> int:
        seconds = self._facts.dialect.padded(sound.seconds)
        return round(seconds * (self._facts.rate or self.measured))

    def _heard(self) -> tuple[Evidence, ...]:
        counted = self._audio_tokens()
        return tuple(
            Evidence(
                kind="heard",
                text=self._measure(sound, counted),
                start=clip.start or 0.0,
                end=(clip.start or 0.0) + sound.seconds,
                model=self._label,
                clip=clip.name,
            )
            for clip, sound in zip(self._clips, self._sounds, strict=True)
        )

    def _measure(self, sound: Sound, counted: int) -> str:
        alone = counted if len(self._sounds) == 1 else self._tokens(sound)
        return f"{alone} audio tokens" if counted and alone else f"{sound.seconds:g} s of audio"

    def _about_the_end(self) -> Iterator[str]:
        count, most = self.counts.output, self._options.max_tokens
        if self._stops.stopped:
            return
        if self._finish == "length":
            why = "max_tokens" if count is None or count >= most else "the model's context ends"
            after = "" if count is None else f" after {count} tokens"
            yield f"the answer was cut{after}: {why}"
        elif self._finish == "content_filter":
            yield "the server withheld a part of the answer"
        elif self._finish not in (*_ENDS, ""):
            yield f"the server ended the answer for the reason {self._finish!r}"
