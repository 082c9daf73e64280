"""Qwen2-Audio by plain `transformers`, as the model's own README uses it: the peer.

Only `audio=` and `max_new_tokens` are today's names for what the README writes.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Turn = dict[str, Any]


def clip_turn(question: str, samples: np.ndarray) -> Turn:
    """Return a user turn of one clip and a question."""
    return {
        "role": "user",
        "content": [{"type": "audio", "audio": samples}, {"type": "text", "text": question}],
    }


class Plain:
    """The model and its processor, loaded once; each answer starts from nothing."""

    def __init__(self, model: Any, processor: Any) -> None:
        self.model, self.processor = model, processor
        self.processor.tokenizer.padding_side = "left"

    @classmethod
    def loaded(cls, folder: Path) -> "Plain":
        """Load both from a checkpoint, in fp32."""
        from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

        model = Qwen2AudioForConditionalGeneration.from_pretrained(folder).eval()
        return cls(model, AutoProcessor.from_pretrained(folder))

    def inputs(self, chats: Sequence[Sequence[Turn]]) -> Any:
        """Return what the model takes for some conversations, padded on the left."""
        texts = [
            self.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
            for chat in chats
        ]
        audio = [
            part["audio"]
            for chat in chats
            for turn in chat
            if not isinstance(turn["content"], str)
            for part in turn["content"]
            if part["type"] == "audio"
        ]
        inputs = self.processor(
            text=texts, audio=audio, sampling_rate=16_000, return_tensors="pt", padding=True
        ).to(self.model.device)
        inputs["input_features"] = inputs["input_features"].to(self.model.dtype)
        return inputs

    def answer(
        self, chats: Sequence[Sequence[Turn]], max_tokens: int, **generation: Any
    ) -> list[str]:
        """Return the greedy answers to some conversations, in one batch."""
        inputs = self.inputs(chats)
        ids = self.model.generate(
            **inputs, max_new_tokens=max_tokens, do_sample=False, **generation
        )
        return self.processor.batch_decode(
            ids[:, inputs.input_ids.shape[1] :],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )


class Clock:
    """CPU and wall seconds of a block, with every queued kernel finished."""

    def __enter__(self) -> "Clock":
        self._sync()
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._sync()
        self.cpu = time.process_time() - self._cpu
        self.wall = time.perf_counter() - self._wall

    @staticmethod
    def _sync() -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
