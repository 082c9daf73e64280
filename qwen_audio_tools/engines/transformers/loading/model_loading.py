"""A checkpoint into memory: whole, on its device, with progress; or an error that says why not."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint
from qwen_audio_tools.engines.transformers.loading.placement import Placement
from qwen_audio_tools.errors import EngineError, EngineRefused, MissingExtra, WeightsMissing

LOGGER = logging.getLogger("qwen_audio_tools")

# transformers keeps its verbosity and its hook for progress bars once per process.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model in evaluation mode, ready to answer, and the processor that goes with it."""

    model: Any
    processor: Any
    checkpoint: Checkpoint
    placement: Placement


def load(checkpoint: Checkpoint, placement: Placement, progress: Progress | None = None) -> Loaded:
    """Load a checkpoint that is on this disk; `progress` counts its tensors.

    Raises:
        WeightsMissing: files are damaged, or lack tensors that the model needs.
        EngineOutOfMemory: it does not fit after all.
        MissingExtra: this transformers doesn't know the family yet.
    """
    if checkpoint.folder is None:
        raise WeightsMissing(
            f"{checkpoint.name!r} is not on this machine yet",
            hint=f"qwa models pull {checkpoint.name}",
        )
    with _ONE_AT_A_TIME, _reported(progress):
        processor = _processor(checkpoint, checkpoint.folder)
        model = _model(checkpoint, checkpoint.folder, placement)
    return Loaded(
        model=model.eval(), processor=processor, checkpoint=checkpoint, placement=placement
    )


def _processor(checkpoint: Checkpoint, folder: Path) -> Any:
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # each library beneath it has its own kinds
        raise WeightsMissing(
            f"the processor of {checkpoint.name!r} cannot be loaded: {_first_line(error)}",
            hint="fetch the model anew, with its tokenizer and processor files",
        ) from error
    if not hasattr(processor, "tokenizer"):
        raise WeightsMissing(
            f"{checkpoint.name!r} has no processor for audio, only a {type(processor).__name__}",
            hint="fetch the model anew, with its tokenizer and processor files",
        )
    processor.tokenizer.padding_side = "left"  # on the right it would change the answers
    return processor


def _model(checkpoint: Checkpoint, folder: Path, placement: Placement) -> Any:
    kind = _model_class(checkpoint)
    try:
        model, report = kind.from_pretrained(folder, **_options(placement))
    except Exception as error:
        raise _ours(error, checkpoint) from error
    absent = sorted(report["missing_keys"])
    if absent:  # transformers fills them with random numbers
        raise WeightsMissing(
            f"{checkpoint.name!r} lacks {len(absent)} tensors that the model needs, such as"
            f" {absent[0]!r}",
            hint="fetch the model anew",
        )
    return model


def _model_class(checkpoint: Checkpoint) -> Any:
    import transformers

    name = checkpoint.family.model_class
    try:
        return getattr(transformers, name)
    except AttributeError as error:
        raise MissingExtra(
            f"transformers {transformers.__version__} has no {name}, which {checkpoint.name!r} is",
            hint="pip install --upgrade 'qwen-audio-tools[transformers]'",
        ) from error


def _options(placement: Placement) -> dict[str, Any]:
    import torch

    options: dict[str, Any] = {
        "dtype": getattr(torch, placement.dtype),
        "attn_implementation": placement.attention,
        "local_files_only": True,
        "output_loading_info": True,
    }
    if placement.kind != "cpu":
        options["device_map"] = {"": placement.device}
    return options


def _ours(error: Exception, checkpoint: Checkpoint) -> EngineError:
    first = _first_line(error)
    if type(error).__name__ == "SafetensorError" or isinstance(error, EOFError):
        return WeightsMissing(
            f"the weights of {checkpoint.name!r} are damaged: {first}", hint="fetch the model anew"
        )
    if "size mismatch" in str(error) or "ignore_mismatched_sizes" in str(error):
        return WeightsMissing(
            f"the weights of {checkpoint.name!r} do not fit its config.json: {first}",
            hint="fetch the model anew",
        )
    return EngineRefused(f"{checkpoint.name!r} cannot be loaded: {first}", hint="qwa doctor")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def _reported(progress: Progress | None) -> Iterator[None]:
    """Report each loaded tensor to `progress` while transformers itself prints nothing."""
    from transformers.utils import logging as theirs

    loader = threading.get_ident()

    def hook(factory: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if threading.get_ident() != loader:
            return factory(*positional, **named)
        if not positional:  # nothing to count; never seen, but the hook must not break loading
            return factory(**{**named, "disable": True})
        return _Counted(positional[0], progress)

    verbosity = theirs.get_verbosity()
    if not LOGGER.isEnabledFor(logging.DEBUG):
        theirs.set_verbosity(logging.CRITICAL)
    previous = theirs.set_tqdm_hook(hook)
    try:
        yield
    finally:
        theirs.set_tqdm_hook(previous)
        theirs.set_verbosity(verbosity)


class _Counted:
    """An iterable in the place of a progress bar: what is taken from it is reported."""

    def __init__(self, items: Iterable[Any], progress: Progress | None) -> None:
        self._items = list(items)
        self._progress = progress

    def __iter__(self) -> Iterator[Any]:
        total = len(self._items)
        for done, item in enumerate(self._items):
            if self._progress:
                self._progress("loading", float(done), float(total))
            yield item
        if self._progress:
            self._progress("loading", float(total), float(total))

    def __getattr__(self, name: str) -> Any:
        return lambda *positional, **named: None  # set_description and the like
