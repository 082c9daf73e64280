"""Any model that joins an audio encoder to a language model, taken apart like Qwen2-Audio.

Its own processor writes the conversation and prepares the sounds, its own encoder hears them; what
they give is then reused token by token as for any other model here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.transformers import rendering
from qwen_audio_tools.engines.transformers.generating import shared_attention
from qwen_audio_tools.engines.transformers.generating.language_model import last_states
from qwen_audio_tools.engines.transformers.prompt import AudioSpan, Prompt, Sound
from qwen_audio_tools.engines.transformers.reuse.kept import Kept
from qwen_audio_tools.engines.transformers.siblings import writing
from qwen_audio_tools.engines.transformers.siblings.ears import Ears, Heard
from qwen_audio_tools.engines.turns import asked
from qwen_audio_tools.errors import EngineRefused

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded


class Sibling:
    """The `Adapter` of most families; where they differ is in their table row.

    Its encoder runs as transformers runs it, so there is nothing for `exact` to change.
    """

    def __init__(self, loaded: "Loaded", *, exact: bool = False, kept: Kept | None = None) -> None:
        self._model, self._family = loaded.model, loaded.checkpoint.family
        self._language_model = loaded.model.model.language_model
        if not exact:
            shared_attention.enable(self._language_model)
        self.shares_prefix = shared_attention.enabled(self._language_model)
        self._writing = self._notation(loaded.processor)
        self._ears = Ears(loaded.model, loaded.processor, self._family, kept or Kept(0))
        self.tokenizer = loaded.processor.tokenizer
        self.generation_config: Any = loaded.model.generation_config
        self.device: torch.device = loaded.model.device

    def prompt(self, conversation: Conversation, sounds: Sequence[Sound], task: str) -> Prompt:
        """Return what the model reads.

        Raises:
            EngineUnsupported: it only transcribes, and something else is asked.
            EngineRefused: its notation can't hold the conversation.
        """
        turns = asked(self._family, conversation, task)
        with self._ears.using:
            ids = self._ids(turns, sounds)
        return _expanded(
            ids, self._writing.audio_id, sounds, [self._ears.expansion(sound) for sound in sounds]
        )

    def _notation(self, processor: Any) -> rendering.Notation:
        return writing.notation(processor)

    def _ids(self, conversation: Conversation, sounds: Sequence[Sound]) -> list[int]:
        """Return the ids of the conversation, each clip as one placeholder."""
        if self._family.chats:
            writing.check_texts(self._writing, conversation)
        return writing.ids(self._writing, conversation, [len(sound.samples) for sound in sounds])

    def warnings(self, conversation: Conversation) -> tuple[str, ...]:
        """Return what of the conversation's texts is not read as it was written."""
        return rendering.broken_up(self._writing, conversation)

    def audio_tokens(self, sound: Sound) -> int:
        """Return how many tokens a sound becomes, time marks between them included."""
        return self._ears.expansion(sound).count

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def encode(self, sounds: Sequence[Sound]) -> list[torch.Tensor]:
        """Return what the language model hears of each: (tokens, width), in their order."""
        return [self._ears.encode(sound, self.embed) for sound in sounds]

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of token ids: (rows, length) to (rows, length, width)."""
        embeddings: torch.Tensor = self._language_model.get_input_embeddings()(ids)
        return embeddings

    def forward(
        self,
        embeddings: torch.Tensor,
        *,
        positions: torch.Tensor,
        mask: torch.Tensor | None,
        cache: Any,
        **attention: Any,
    ) -> torch.Tensor:
        """Run the language model and return its last hidden states; see `Adapter`.

        Where a model counts time, height and width (the Omnis), sound and text advance all three
        by one a token, so that they are the same positions three times.
        """
        return last_states(
            self._language_model,
            embeddings,
            positions=positions,
            mask=mask,
            cache=cache,
            **attention,
        )

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return logits, (..., width) to (..., vocabulary)."""
        logits: torch.Tensor = self._model.get_output_embeddings()(hidden)
        return logits


def _expanded(
    ids: Sequence[int], audio_id: int, sounds: Sequence[Sound], heard: Sequence[Heard]
) -> Prompt:
    """Return the ids with the k-th `audio_id` replaced by what stands for the k-th sound."""
    if ids.count(audio_id) != len(sounds):
        raise EngineRefused(
            f"{len(sounds)} clips do not fit the {ids.count(audio_id)} places for audio that the "
            "model's own notation gives them",
            hint="give one clip, in the turn that asks about it",
        )
    whole: list[int] = []
    spans: list[AudioSpan] = []
    for token in ids:
        if token != audio_id:
            whole.append(token)
            continue
        sound, expansion = sounds[len(spans)], heard[len(spans)]
        spans.append(AudioSpan(len(whole) + expansion.start, expansion.count, sound.key))
        whole.extend(expansion.ids)
    return Prompt(tuple(whole), tuple(spans))
