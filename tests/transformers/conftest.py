"""Tiny random checkpoints of Qwen2-Audio, and what plain `transformers` says on them."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration
from transformers.utils import logging

from qwen_audio_tools.testing import glass_breaking, speech, tone
from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

torch.set_num_threads(1)
logging.disable_progress_bar()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny Qwen2-Audio-Instruct in fp32."""
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "Tiny-Audio-Instruct")


@pytest.fixture(scope="session")
def base_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny base model: its name ends as that of Qwen/Qwen2-Audio-7B does."""
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "Qwen2-Audio-7B", seed=1)


@pytest.fixture
def altered(checkpoint: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a copy of the checkpoint with the values of one of its JSON files changed."""

    def alter(name: str, change: Callable[[dict[str, Any]], object]) -> Path:
        folder = Path(shutil.copytree(checkpoint, tmp_path / "Altered-Audio-Instruct"))
        values = json.loads((folder / name).read_text())
        change(values)
        (folder / name).write_text(json.dumps(values))
        return folder

    return alter


@pytest.fixture(scope="session")
def model(checkpoint: Path) -> Any:
    return Qwen2AudioForConditionalGeneration.from_pretrained(checkpoint).eval()


@pytest.fixture(scope="session")
def processor(checkpoint: Path) -> Any:
    return AutoProcessor.from_pretrained(checkpoint)


@pytest.fixture(scope="session")
def made() -> dict[str, np.ndarray]:
    """Sounds by name, float32 at 16 kHz, of unequal lengths."""
    sounds = {
        "glass": glass_breaking(),
        "tone": tone(440.0, 3.0),
        "speech": speech("Mister Quilter is the apostle of the middle classes."),
        "noise": np.random.default_rng(0).normal(0, 0.1, 16_000 * 5),
    }
    return {name: np.asarray(samples, np.float32) for name, samples in sounds.items()}


@pytest.fixture(scope="session")
def plain(model: Any, processor: Any) -> Callable[..., list[list[int]]]:
    """Return the new token ids that plain `generate` gives, as the model's own README calls it.

    `texts` are rendered prompts, `audio` the samples of all of them in order; more than one
    prompt is a batch, padded on the left. Greedy unless `options` say otherwise.
    """

    def generate(texts: list[str], audio: list[np.ndarray], **options: Any) -> list[list[int]]:
        processor.tokenizer.padding_side = "left"
        inputs = processor(
            text=texts,
            audio=audio or None,
            sampling_rate=16_000,
            return_tensors="pt",
            padding=True,
        )
        options = {"max_new_tokens": 24, "do_sample": False, **options}
        with torch.no_grad():
            ids = model.generate(**inputs, **options)[:, inputs.input_ids.shape[1] :]
        ends = {model.generation_config.eos_token_id, model.generation_config.pad_token_id}
        return [[token for token in row.tolist() if token not in ends] for row in ids]

    return generate


@dataclass(slots=True)
class Work:
    """What a model computed: clips by its encoder, tokens in each pass of its language model."""

    encoded: int = 0
    read: list[int] = field(default_factory=list)

    def clear(self) -> None:
        self.encoded, self.read = 0, []


@pytest.fixture
def work() -> Iterator[Work]:
    """Count what every Qwen2-Audio of this process computes, by hooks on its modules."""
    done = Work()

    def count(module: torch.nn.Module, given: tuple[Any, ...]) -> None:
        if isinstance(module, torch.nn.Conv1d) and module.stride == (2,):
            done.encoded += given[0].shape[0]
        elif type(module).__name__ == "Qwen2DecoderLayer" and module.self_attn.layer_idx == 0:
            done.read.append(given[0].shape[0] * given[0].shape[1])

    handle = torch.nn.modules.module.register_module_forward_pre_hook(count)
    yield done
    handle.remove()
