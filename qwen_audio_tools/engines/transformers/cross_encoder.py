"""CrossEncoder: a model that reads a query and a text together and gives them one score."""

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.engines.transformers.loading import memory, scoring_checkpoints
from qwen_audio_tools.engines.transformers.loading.scoring_checkpoints import ScoringCheckpoint
from qwen_audio_tools.errors import (
    EngineOutOfMemory,
    EngineRefused,
    QwenAudioError,
    WeightsMissing,
)
from qwen_audio_tools.settings import Settings

BATCH = 16
"""Pairs that are read at once; those of like length together."""
LONGEST = 512
"""Tokens of a pair: what cross-encoders are trained with. The longer of the two loses its end."""
RERANKING = "reranking"
_ANEW = "fetch the model anew"


class CrossEncoder:
    """Gives each text a score for a query; loaded at the first call, safe to call from threads."""

    def __init__(
        self, checkpoint: ScoringCheckpoint, settings: Settings, progress: Progress | None = None
    ) -> None:
        self._checkpoint, self._settings, self._progress = checkpoint, settings, progress
        self._using = threading.Lock()  # a tokenizer that cuts and pads is for one at a time
        self._model: Any = None
        self._tokenizer: Any = None

    def __repr__(self) -> str:
        return f"CrossEncoder({self._checkpoint.name!r})"

    def __call__(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return a score for each text, in the order of the texts.

        Raises:
            EngineError: it can't be fetched, loaded or computed.
            SettingsError: what was fetched is no cross-encoder.
        """
        if not texts:
            return []
        with self._using, _told(self._checkpoint.name):
            if self._model is None:
                self._load()
            scores = self._scores(query, texts)
        if not all(map(math.isfinite, scores)):
            raise EngineRefused(
                f"{self._checkpoint.name!r} gave scores that are no numbers", hint="--dtype float32"
            )
        return scores

    def _scores(self, query: str, texts: Sequence[str]) -> list[float]:
        import torch

        # The longest first: memory that won't do is found out at once.
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        scores = [0.0] * len(texts)
        for at in range(0, len(order), BATCH):
            if self._progress:
                self._progress(RERANKING, float(at), float(len(order)))
            batch = order[at : at + BATCH]
            inputs = self._tokenizer(
                [query] * len(batch),
                [texts[index] for index in batch],
                truncation="longest_first",
                max_length=self._longest(),
                padding=True,
                return_tensors="pt",
            ).to(self._model.device)
            with torch.inference_mode():
                found = self._model(**inputs).logits.float().reshape(-1).tolist()
            for index, score in zip(batch, found, strict=True):
                scores[index] = score
        return scores

    def _longest(self) -> int:
        places = getattr(self._model.config, "max_position_embeddings", None) or LONGEST
        return int(min(LONGEST, self._tokenizer.model_max_length, places))

    def _load(self) -> None:
        found = scoring_checkpoints.fetched(self._checkpoint, self._settings, self._progress)
        # transformers takes seconds to import: only who reranks waits for it.
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from qwen_audio_tools.engines.transformers.loading.model_loading import (
            check_whole,
            reported,
        )
        from qwen_audio_tools.engines.transformers.loading.placement import place

        # Small beside what listens, so float32 it is: close scores stay apart.
        dtype = "float32" if self._settings.dtype == "auto" else self._settings.dtype
        wanted = replace(self._settings, dtype=dtype, quantize="none", attention="auto")
        placement = place(wanted, found.config)
        # Code that a checkpoint brings along is never run.
        own: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        with reported(self._progress):
            tokenizer = AutoTokenizer.from_pretrained(found.folder, **own)
            model, report = AutoModelForSequenceClassification.from_pretrained(
                found.folder,
                dtype=getattr(torch, placement.dtype),
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # told by the report, which says which
                **own,
            )
        check_whole(found.name, report)
        self._tokenizer, self._model = tokenizer, model.to(placement.device).eval()


def open_cross_encoder(
    model: str, settings: Settings, progress: Progress | None = None
) -> CrossEncoder:
    """Open a cross-encoder by its folder or its id on the hub; weights load later.

    Raises:
        SettingsError: it is none.
        WeightsMissing: its weights are not here, and nothing may be fetched.
    """
    return CrossEncoder(scoring_checkpoints.find(model, settings), settings, progress)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what torch and transformers raise into an error of ours."""
    try:
        yield
    except QwenAudioError:
        raise
    except Exception as error:  # what libraries and checkpoints raise is theirs to choose
        said = " ".join(str(error).split())[:200] or type(error).__name__
        if memory.ran_out(error):
            raise EngineOutOfMemory(
                f"memory ran out while {name!r} was reranking: {said}",
                hint="--rerank none, or a smaller model",
            ) from error
        if type(error).__name__ == "SafetensorError" or isinstance(error, EOFError):
            raise WeightsMissing(
                f"the weights of {name!r} are damaged: {said}", hint=_ANEW
            ) from error
        raise EngineRefused(f"{name!r} cannot rerank: {said}", hint=_ANEW) from error
