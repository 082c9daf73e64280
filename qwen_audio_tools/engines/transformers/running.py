"""A loaded model at work: clips and turns in, pieces of replies out, and what is kept between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.answer import Coverage, Evidence, Usage
from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.engines.base import Delta, Options, Progress
from qwen_audio_tools.engines.transformers import rendering
from qwen_audio_tools.engines.transformers.failures import failures
from qwen_audio_tools.engines.transformers.heard import Features, check
from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint, fetched
from qwen_audio_tools.engines.transformers.prompt import Prompt, Sound
from qwen_audio_tools.engines.transformers.wording import worded
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.settings import Settings

if TYPE_CHECKING:
    import torch

    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.transformers.adapter import Adapter
    from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded


def start(checkpoint: Checkpoint, settings: Settings, progress: Progress | None) -> "Running":
    """Load the model, fetched from its hub first if it isn't here.

    Raises:
        EngineOutOfMemory: it doesn't fit.
        EngineError: the weights are damaged or of another model.
    """
    from qwen_audio_tools.engines.transformers.loading import memory, model_loading, placement

    here = fetched(checkpoint, settings, progress)
    place = placement.place(settings, here.config)
    memory.check(here, place)
    loaded = model_loading.load(here, place, progress)
    if not settings.exact:
        from qwen_audio_tools.engines.transformers.generating.packed_linear import pack

        pack(loaded.model)
    return Running(loaded, settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One conversation as the model reads it; `clips` and `sounds` are its audio, in order."""

    clips: "tuple[Clip, ...]"
    sounds: tuple[Sound, ...]
    prompt: Prompt
    warnings: tuple[str, ...]


class Running:
    """A model in memory, with one bounded store of all that may be asked for again."""

    def __init__(self, loaded: "Loaded", settings: Settings) -> None:
        from qwen_audio_tools.engines.transformers.generating.constrained import Forms
        from qwen_audio_tools.engines.transformers.reuse.kept import Kept
        from qwen_audio_tools.engines.transformers.reuse.prefixes import Prefixes

        self.checkpoint = loaded.checkpoint
        self._family, self._exact = loaded.checkpoint.family, settings.exact
        self.chats = self._family.chats and not self.checkpoint.base
        module, _, name = self._family.adapter.partition(":")
        self.adapter: Adapter = getattr(import_module(module), name)(loaded, exact=settings.exact)
        self._stop_ids = _stop_ids(self.adapter)
        self._forms = Forms(self.adapter.tokenizer, self._stop_ids)
        self._kept = Kept(settings.reuse_mb * 1_000_000)
        self._prefixes = Prefixes(self._kept)
        self._label = f"transformers:{loaded.checkpoint.name}"
        self._context = int(loaded.model.config.get_text_config().max_position_embeddings)
        self.device = str(loaded.placement.device)
        # Rows share the weights that a step reads, which is what a GPU waits for. On a CPU more
        # than some thousand tokens only wait for each other.
        self.most_tokens = 4096 if self.device == "cpu" else 32_768

    def forget(self) -> None:
        """Drop all that is kept."""
        self._kept.clear()

    def encode(self, clip: "Clip") -> "torch.Tensor":
        """Return what the language model hears of a clip: (audio tokens, width)."""
        with failures(self._kept):
            return self.adapter.encode([self._listen(clip)])[0]

    def deltas(
        self, conversations: Sequence[Conversation], options: Options
    ) -> Iterator[tuple[int, Delta]]:
        """Yield (row, delta) as tokens come; the last delta of a row has its usage.

        Closing the iterator stops all rows at the next token.
        """
        from qwen_audio_tools.engines.transformers.generating.decoding import generate

        with failures(self._kept):
            readings = [self._read(each, options) for each in conversations]
            rows = [_Row(self, reading, options) for reading in readings]
            features = Features(self.adapter, self._kept, [r.sounds for r in readings])
            generation = generate(
                self.adapter,
                [row.request for row in rows],
                prefixes=self._prefixes,
                sounds=features,
                exact=self._exact,
            )
            try:
                for step in generation:
                    row = rows[step.row]
                    if text := row.push(step.token):
                        yield step.row, Delta(text=text)
                    if row.stopped:
                        generation.stop(step.row)
                    if row.stopped or step.finished:
                        yield step.row, row.last(step.finished)
            finally:
                generation.close()

    def _listen(self, clip: "Clip") -> Sound:
        from qwen_audio_tools.engines.transformers.hearing.listening import listen

        key = ("sound", clip.fingerprint)
        sound: Sound | None = self._kept.get(key)
        if sound is None:
            sound = listen(clip, window=self._family.window)
            self._kept.put(key, sound, sound.samples.nbytes)
        return sound

    def _read(self, conversation: Conversation, options: Options) -> Reading:
        heard = clips(conversation)
        most = self._family.clips
        if most is not None and len(heard) > most:
            raise EngineUnsupported(
                f"{len(heard)} clips in one conversation; {self._label} takes {most} at most",
                hint="ask about each clip on its own, or take Qwen2-Audio",
            )
        sounds = tuple(self._listen(clip) for clip in heard)
        asked = worded(conversation, options) if self.chats else conversation
        prompt = self.adapter.prompt(asked, sounds, options.task or "")
        check(prompt, sounds, self.adapter)
        warnings = [warning for sound in sounds for warning in sound.warnings]
        warnings += self.adapter.warnings(conversation)
        return Reading(clips=heard, sounds=sounds, prompt=prompt, warnings=tuple(warnings))

    def request(self, reading: Reading, options: Options) -> Any:
        """Return what the loop is asked for.

        Raises:
            EngineRefused: the conversation fills the model's context.
            SettingsError: an option that cannot be.
        """
        from qwen_audio_tools.engines.transformers.generating.decoding import Request
        from qwen_audio_tools.engines.transformers.generating.sampling import Sampling

        return Request(
            prompt=reading.prompt,
            max_tokens=min(options.max_tokens, rendering.room(reading.prompt, self._context)),
            sampling=Sampling.of(self.adapter.generation_config, options),
            stop_ids=self._stop_ids,
            constraint=self._forms.form(options.schema) if options.schema is not None else None,
        )

    def evidence(self, reading: Reading) -> tuple[Evidence, ...]:
        """Return that each clip was heard: its span, and how many tokens of audio were read."""
        return tuple(
            Evidence(
                kind="heard",
                text=f"{span.count} audio tokens",
                start=clip.start or 0.0,
                end=(clip.start or 0.0) + sound.seconds,
                model=self._label,
                clip=clip.name,
            )
            for clip, sound, span in zip(
                reading.clips, reading.sounds, reading.prompt.spans, strict=True
            )
        )


def _stop_ids(adapter: "Adapter") -> frozenset[int]:
    ends = adapter.generation_config.eos_token_id
    if ends is None:
        ends = adapter.tokenizer.eos_token_id
    return frozenset(ends if isinstance(ends, list | tuple) else [ends])


class _Row:
    """One reply in the making."""

    def __init__(self, running: Running, reading: Reading, options: Options) -> None:
        from qwen_audio_tools.engines.transformers.generating.text_stream import TextStream

        self.request = running.request(reading, options)
        self._running, self._reading, self._options = running, reading, options
        self._stream = TextStream(running.adapter.tokenizer, options.stop)
        self._count = 0

    @property
    def stopped(self) -> bool:
        return self._stream.stopped

    def push(self, token: int) -> str:
        self._count += 1
        return self._stream.push(token)

    def last(self, finished: str | None) -> Delta:
        """Return the delta that ends the reply: the text held back, and all that is known."""
        reading = self._reading
        seconds = sum(sound.seconds for sound in reading.sounds)
        warnings = reading.warnings + self.request.sampling.warnings
        if self.request.constraint is not None:
            warnings += self.request.constraint.warnings
        if finished == "length":
            warnings += (
                f"the answer was cut after {self._count} tokens: "
                + ("max_tokens" if self._count >= self._options.max_tokens else "the context ends"),
            )
        return Delta(
            text=self._stream.finish(),
            evidence=self._running.evidence(reading),
            coverage=Coverage(seconds, seconds) if reading.sounds else None,
            usage=Usage(
                input_tokens=len(reading.prompt.ids),
                audio_tokens=reading.prompt.audio_tokens,
                output_tokens=self._count,
                seconds_heard=seconds,
            ),
            warnings=warnings,
        )
