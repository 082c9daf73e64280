"""TransformersEngine: fits Qwen2-Audio and its siblings, in this process, to the seam."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.base import (
    ANSWERING,
    Delta,
    EngineInfo,
    Options,
    Progress,
    join,
)
from qwen_audio_tools.engines.families import abilities, window
from qwen_audio_tools.engines.transformers.batches import batches
from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint, find
from qwen_audio_tools.engines.transformers.loading.parameters import text_shape
from qwen_audio_tools.settings import Settings
from qwen_audio_tools.tasks import Ability

if TYPE_CHECKING:
    import torch

    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.transformers.running import Running


class TransformersEngine:
    """One model, loaded at the first question; safe to call from threads.

    What it heard and read is kept by content, up to `settings.reuse_mb` megabytes: a further
    question on a clip, a further turn of a chat and many questions at once neither encode nor
    read anything twice.
    """

    def __init__(self, checkpoint: Checkpoint, settings: Settings) -> None:
        self._checkpoint, self._settings = checkpoint, settings
        self._loading = threading.Lock()
        self._loaded: Running | None = None

    @classmethod
    def around(cls, model: Any, processor: Any, settings: Settings) -> "TransformersEngine":
        """Return an engine around a model that the caller has loaded, a fine-tuned one say.

        Device, number format and attention stay as they are; of `settings` the others count.

        Raises:
            SettingsError: it is no model of a family that this engine knows.
        """
        from qwen_audio_tools.engines.transformers.loading.given_model import given
        from qwen_audio_tools.engines.transformers.running import Running

        loaded = given(model, processor, settings)
        engine = cls(loaded.checkpoint, settings)
        engine._loaded = Running(loaded, settings)
        return engine

    @property
    def info(self) -> EngineInfo:
        """What it is; no weights load for this."""
        family = self._checkpoint.family
        able = abilities(family, base=self._checkpoint.base)
        return EngineInfo(
            name="transformers",
            model=self._checkpoint.name,
            abilities=able | {Ability.TIMES} if self._settings.aligner else able,
            window=window(family, self._settings.aligner),
            audio_tokens_per_second=family.tokens_per_second,
            device=self._loaded.device if self._loaded else self._settings.device,
            prompting="base" if self._checkpoint.base else "chat",
            samples=True,
            context=text_shape(config).context if (config := self._checkpoint.config) else None,
        )

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        """Answer the last turn, token by token; closing the iterator stops at the next one.

        Raises:
            ClipError: a clip can't be decoded, or is longer than the model hears at once.
            EngineError: the weights aren't here or don't fit, or the model can't do it.
            SettingsError: an option that cannot be.
        """
        running = self._running(options.progress)
        with closing(running.deltas([conversation], options)) as deltas:
            for _, delta in deltas:
                yield delta

    def replies(
        self, conversations: Sequence[Conversation], options: Options
    ) -> Iterator[tuple[int, Answer]]:
        """Answer many, those of like length together; yield (index, answer) as they finish.

        Raises:
            QwenAudioError: as `reply`; the first failure ends it.
        """
        running = self._running(options.progress)
        done = 0
        for batch in batches(conversations, self.info, running.most_tokens):
            found: dict[int, list[Delta]] = {index: [] for index in batch}
            asked = [conversations[index] for index in batch]
            with closing(running.deltas(asked, options)) as deltas:
                for row, delta in deltas:
                    if options.progress:
                        options.progress(ANSWERING, done, len(conversations))
                    found[batch[row]].append(delta)
                    if delta.usage is not None:  # the last one of a row
                        done += 1
                        yield batch[row], join(found.pop(batch[row]), self.info)

    def encode(self, clip: "Clip") -> "torch.Tensor":
        """Return what the language model hears of a clip: (audio tokens, width)."""
        return self._running(None).encode(clip)

    @property
    def held(self) -> int:
        """Bytes that are kept for the next question; never more than `reuse_mb` megabytes."""
        return self._loaded.held if self._loaded else 0

    def forget(self) -> None:
        """Give back what is kept for the next question; the weights stay."""
        if self._loaded:
            self._loaded.forget()

    def _running(self, progress: Progress | None) -> "Running":
        with self._loading:
            if self._loaded is None:
                from qwen_audio_tools.engines.transformers.running import start

                self._loaded = start(self._checkpoint, self._settings, progress)
                self._checkpoint = self._loaded.checkpoint
            return self._loaded


def open_transformers(model: str, settings: Settings) -> TransformersEngine:
    """Open a model by its id on the hub or the folder that it lies in; weights load later.

    Raises:
        EngineError: it isn't here, or is no model of a family that this engine knows.
    """
    return TransformersEngine(find(model, settings), settings)
