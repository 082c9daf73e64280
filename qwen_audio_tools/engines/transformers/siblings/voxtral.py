"""Voxtral: Mistral's own library writes its prompts, straight to ids, from turns with audio."""

import base64
import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from qwen_audio_tools.conversation import Conversation, Message
from qwen_audio_tools.decoding import RATE
from qwen_audio_tools.engines.transformers.prompt import Sound
from qwen_audio_tools.engines.transformers.rendering import Notation
from qwen_audio_tools.engines.transformers.siblings.sibling import Sibling
from qwen_audio_tools.errors import EngineRefused, MissingExtra

_WINDOW = 30 * RATE
"""Samples: each begun 30 s are heard as whole ones, with silence behind the sound."""

_FRAMES = 3000
_FRAMES_A_TOKEN = 8  # a convolution halves them, then four are joined


class VoxtralEars:
    """Tokenizer and feature extractor, called as the processors of other families are."""

    def __init__(self, folder: Path | str) -> None:
        from transformers import AutoProcessor
        from transformers.utils import is_mistral_common_available

        if not is_mistral_common_available():
            raise MissingExtra(
                "Voxtral writes its prompts with a package that is not installed: mistral-common",
                hint="pip install mistral-common",
            )
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        self.tokenizer: Any = processor.tokenizer
        self.feature_extractor: Any = processor.feature_extractor
        self.audio_token: str = processor.audio_token

    def __call__(self, text: Sequence[str], audio: Sequence[Any], **_: Any) -> dict[str, Any]:
        """Return ids and features of one sound."""
        (samples,) = audio
        extractor = self.feature_extractor
        features = extractor(
            samples,
            sampling_rate=RATE,
            padding=True,
            truncation=False,
            pad_to_multiple_of=_WINDOW,
            return_tensors="pt",
        ).input_features
        windows = features.reshape(extractor.feature_size, -1, _FRAMES).transpose(0, 1)
        count = len(windows) * (_FRAMES // _FRAMES_A_TOKEN)
        audio_id = self.tokenizer.convert_tokens_to_ids(self.audio_token)
        return {"input_ids": torch.full((1, count), audio_id), "input_features": windows}


class Voxtral(Sibling):
    """The `Adapter` of Voxtral. Its tokenizer takes no text for a control token, ever."""

    def warnings(self, conversation: Conversation) -> tuple[str, ...]:
        """Return nothing: every text is read as it was written."""
        return ()

    def _notation(self, processor: Any) -> Notation:
        return Notation(
            processor=processor,
            controls=frozenset(),
            control_ids=frozenset(),
            audio_id=processor.tokenizer.convert_tokens_to_ids(processor.audio_token),
        )

    def _ids(self, conversation: Conversation, sounds: Sequence[Sound]) -> list[int]:
        turns = [
            {"role": message.role, "content": list(_content(message))} for message in conversation
        ]
        try:
            found = self.tokenizer.apply_chat_template([turns], tokenize=True, return_dict=False)
        except Exception as error:  # its validator has a kind of error for each rule
            raise EngineRefused(
                f"{self._family.example} takes no such conversation: {error}",
                hint="begin and end it with a turn of the user, and leave out the system prompt",
            ) from error
        audio_id = self._writing.audio_id
        ids: list[int] = []
        for token, repeated in groupby(found[0]):
            ids.extend([token] if token == audio_id else repeated)
        return ids


def _content(message: Message) -> Iterator[dict[str, str]]:
    for part in message.parts:
        if isinstance(part, str):
            yield {"type": "text", "text": part}
        else:
            yield {"type": "audio", "base64": _SILENCE}


def _silence() -> str:
    """Return a tenth of a second as a WAV file: only its place in the prompt matters."""
    size = RATE // 10 * 2
    kind = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    file = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + kind
    return base64.b64encode(file + struct.pack("<4sI", b"data", size) + bytes(size)).decode()


_SILENCE = _silence()
