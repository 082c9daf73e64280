"""A loaded model at work: clips and turns in, pieces of replies out, and what is kept between."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.engines.base import Delta, Options, Progress
from qwen_audio_tools.engines.families import window
from qwen_audio_tools.engines.telling import reader
from qwen_audio_tools.engines.transformers import rendering, telling
from qwen_audio_tools.engines.transformers.failures import failures
from qwen_audio_tools.engines.transformers.fitting import fitting
from qwen_audio_tools.engines.transformers.heard import Hearing, Reading, check
from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint, fetched
from qwen_audio_tools.engines.transformers.prompt import Sound
from qwen_audio_tools.engines.transformers.replying import Reply
from qwen_audio_tools.engines.turns import check_count
from qwen_audio_tools.engines.wording import checked, worded
from qwen_audio_tools.settings import Settings

if TYPE_CHECKING:
    import torch

    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.transformers.adapter import Adapter
    from qwen_audio_tools.engines.transformers.generating.requests import Request
    from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded
    from qwen_audio_tools.engines.transformers.siblings.alignment import Aligner


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


class Running:
    """A model in memory, with one bounded store of all that may be asked for again."""

    def __init__(self, loaded: "Loaded", settings: Settings) -> None:
        from qwen_audio_tools.engines.transformers.generating.constrained import Forms
        from qwen_audio_tools.engines.transformers.reuse.kept import Kept
        from qwen_audio_tools.engines.transformers.reuse.prefixes import Prefixes

        self.checkpoint, self._settings = loaded.checkpoint, settings
        self._family, self._exact = loaded.checkpoint.family, settings.exact
        self._window = window(self._family, settings.aligner)
        self.chats = self._family.chats and not self.checkpoint.base
        self._fitting = fitting(loaded)
        self._kept = Kept(self._fitting.budget(settings))
        module, _, name = self._family.adapter.partition(":")
        made = getattr(import_module(module), name)
        self.adapter: Adapter = made(loaded, exact=settings.exact, kept=self._kept)
        self._stop_ids = _stop_ids(self.adapter)
        self._forms = Forms(self.adapter.tokenizer, self._stop_ids)
        self.device = str(loaded.placement.device)
        self._prefixes = Prefixes(self._kept)
        self._hearing = Hearing(self.adapter, self._kept, self._prefixes)
        self._aligning = threading.Lock()
        self._aligner: Aligner | None = None
        self._label = f"transformers:{loaded.checkpoint.name}"
        self._context = int(loaded.model.config.get_text_config().max_position_embeddings)
        # Rows share the weights that a step reads, which is what a GPU waits for. On a CPU more
        # than some thousand tokens only wait for each other.
        self.most_tokens = 4096 if self.device == "cpu" else 32_768

    @property
    def held(self) -> int:
        """Bytes that are kept for the next question."""
        return self._kept.held

    def forget(self) -> None:
        """Drop all that is kept."""
        self._kept.clear()

    def encode(self, clip: "Clip") -> "torch.Tensor":
        """Return what the language model hears of a clip: (audio tokens, width)."""
        with failures(self._kept, self.device):
            return self.adapter.encode([self._listen(clip)])[0]

    def deltas(
        self, conversations: Sequence[Conversation], options: Options
    ) -> Generator[tuple[int, Delta], None, None]:
        """Yield (row, delta) as tokens come; the last delta of a row has its usage.

        Closing the iterator stops all rows at the next token.
        """
        options = checked(options)
        with failures(self._kept, self.device):
            wanted = [self._wanted(options) for _ in conversations]
            readings = [self._read(each, options) for each in conversations]
            rows = [
                self._reply(reading, request, options)
                for reading, request in zip(readings, wanted, strict=True)
            ]
            self._fitting.make_room([reading.prompt for reading in readings], self._kept)
            # Each on its own where it shall be as if it were: also its clips are a batch then.
            for group in [[at] for at in range(len(rows))] if self._exact else [range(len(rows))]:
                with closing(self._said([rows[at] for at in group])) as said:
                    for row, delta in said:
                        yield group[row], delta

    def _reply(self, reading: Reading, wanted: "Callable[..., Request]", options: Options) -> Reply:
        room = rendering.room(reading.prompt, self._context)
        request = wanted(prompt=reading.prompt, max_tokens=min(options.max_tokens, room))
        return Reply(
            reading=reading,
            request=request,
            options=options,
            tokenizer=self.adapter.tokenizer,
            model=self._label,
            tell=self._telling(options),
        )

    def _telling(self, options: Options) -> telling.Tell | None:
        """Return what reads a reply that notes who said what when; None if it is plain text."""
        read = reader(self._family)
        if self._settings.aligner and "transcribe" in (options.task or "").split("+"):
            return telling.aligned(read, self._aligned_by(options.progress).align, options.language)
        return None if read is None else lambda text, sound: read(text, sound.seconds)

    def _aligned_by(self, progress: Progress | None) -> "Aligner":
        """Return the aligner; it is loaded before a reply is written that it could not align."""
        with self._aligning:
            if self._aligner is None:
                from qwen_audio_tools.engines.transformers.siblings.alignment import load_aligner

                self._aligner = load_aligner(self._settings.aligner, self._settings, progress)
            return self._aligner

    def _said(self, rows: Sequence[Reply]) -> Generator[tuple[int, Delta], None, None]:
        from qwen_audio_tools.engines.transformers.generating.decoding import generate

        generation = generate(
            self.adapter,
            [row.request for row in rows],
            prefixes=self._prefixes,
            sounds=self._hearing.features([row.reading for row in rows], exact=self._exact),
            exact=self._exact,
        )
        with closing(generation):
            for step in generation:
                row = rows[step.row]
                if text := row.push(step.token):
                    yield step.row, Delta(text=text)
                if row.stopped:
                    generation.stop(step.row)
                    yield step.row, row.last(None)
                elif step.finished:
                    yield step.row, row.last(step.finished)

    def _listen(self, clip: "Clip") -> Sound:
        from qwen_audio_tools.engines.transformers.hearing.listening import listen

        return listen(clip, window=self._window, kept=self._kept)

    def _read(self, conversation: Conversation, options: Options) -> Reading:
        heard = clips(conversation)
        check_count(self._family, heard, self._label)
        sounds = tuple(self._listen(clip) for clip in heard)
        asked = worded(conversation, options) if self.chats else conversation
        prompt = self.adapter.prompt(asked, sounds, options.task or "")
        check(prompt, sounds, self.adapter)
        warnings = [warning for sound in sounds for warning in sound.warnings]
        warnings += self.adapter.warnings(conversation)
        return Reading(clips=heard, sounds=sounds, prompt=prompt, warnings=tuple(warnings))

    def _wanted(self, options: Options) -> "Callable[..., Request]":
        """Return what makes a request of a prompt.

        Raises:
            SettingsError: an option that cannot be. Nothing is decoded by then.
        """
        from qwen_audio_tools.engines.transformers.generating.decoding import Request
        from qwen_audio_tools.engines.transformers.generating.sampling import Sampling

        return partial(
            Request,
            sampling=Sampling.of(self.adapter.generation_config, options),
            stop_ids=self._stop_ids,
            constraint=self._forms.form(options.schema) if options.schema is not None else None,
        )


def _stop_ids(adapter: "Adapter") -> frozenset[int]:
    ends = adapter.generation_config.eos_token_id
    if ends is None:
        ends = adapter.tokenizer.eos_token_id
    return frozenset(ends if isinstance(ends, list | tuple) else [ends])
