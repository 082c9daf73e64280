"""One reply in the making: its tokens as text, and at its end all that is known of it."""

from typing import TYPE_CHECKING, Any

from qwen_audio_tools.answer import Coverage, Evidence, Usage
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.engines.telling import evidence, told
from qwen_audio_tools.engines.transformers.heard import Reading
from qwen_audio_tools.engines.transformers.telling import Tell

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.generating.requests import Request


class Reply:
    """The text of one request as its tokens come; `model` is the label in its evidence.

    With `tell`, what the model writes is no text to show: all of it is read at the end. Of several
    clips nobody could tell which word belongs to which, so there the text stays as it is.
    """

    def __init__(
        self,
        *,
        reading: Reading,
        request: "Request",
        options: Options,
        tokenizer: Any,
        model: str,
        tell: Tell | None = None,
    ) -> None:
        from qwen_audio_tools.engines.transformers.generating.text_stream import TextStream

        self.reading, self.request = reading, request
        self._most, self._model = options.max_tokens, model
        self._stream = TextStream(tokenizer, options.stop)
        self._count = 0
        self._tell, self._written = tell if len(reading.sounds) == 1 else None, ""
        self._untold = tell is not None and len(reading.sounds) > 1

    @property
    def stopped(self) -> bool:
        """Whether a stop string is complete."""
        return self._stream.stopped

    def push(self, token: int) -> str:
        """Return the text that is certain with one more token."""
        self._count += 1
        text = self._stream.push(token)
        if self._tell is None:
            return text
        self._written += text
        return ""

    def last(self, finished: str | None) -> Delta:
        """Return the delta that ends the reply; `finished` is why the model ended it, if it did."""
        reading = self.reading
        seconds = sum(sound.seconds for sound in reading.sounds)
        text, heard = self._stream.finish(), self._heard()
        if self._tell is not None:
            clip, sound = reading.clips[0], reading.sounds[0]
            segments = self._tell(self._written + text, sound)
            text = told(segments)
            heard += evidence(segments, start=clip.start or 0.0, model=self._model, clip=clip.name)
        return Delta(
            text=text,
            evidence=heard,
            coverage=Coverage(seconds, seconds) if reading.sounds else None,
            usage=Usage(
                input_tokens=len(reading.prompt.ids),
                audio_tokens=reading.prompt.audio_tokens,
                output_tokens=self._count,
                seconds_heard=seconds,
            ),
            warnings=self._warnings(finished),
            finish="length" if finished == "length" else "stop",
        )

    def _warnings(self, finished: str | None) -> tuple[str, ...]:
        warnings = self.reading.warnings + self.request.sampling.warnings
        if self.request.constraint is not None:
            warnings += self.request.constraint.warnings
        if self._untold:
            warnings += ("words of several clips at once get no times",)
        if finished == "length":
            why = "max_tokens" if self._count >= self._most else "the model's context ends"
            warnings += (f"the answer was cut after {self._count} tokens: {why}",)
        return warnings

    def _heard(self) -> tuple[Evidence, ...]:
        """Return that each clip was heard: its span, and how many tokens of audio were read."""
        reading = self.reading
        return tuple(
            Evidence(
                kind="heard",
                text=f"{span.count} audio tokens",
                start=clip.start or 0.0,
                end=(clip.start or 0.0) + sound.seconds,
                model=self._model,
                clip=clip.name,
            )
            for clip, sound, span in zip(
                reading.clips, reading.sounds, reading.prompt.spans, strict=True
            )
        )
