"""A checkpoint into memory: whole, on its device, with progress; or an error that says why not."""

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.engines.families import Family
from qwen_audio_tools.engines.transformers.loading import memory, versions
from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint
from qwen_audio_tools.engines.transformers.loading.placement import Placement
from qwen_audio_tools.engines.transformers.loading.quantizing import (
    loading_options,
    quantize_loaded,
)
from qwen_audio_tools.errors import (
    EngineError,
    EngineOutOfMemory,
    EngineRefused,
    MissingExtra,
    QwenAudioError,
    WeightsMissing,
)

LOGGER = logging.getLogger("qwen_audio_tools")

_ANEW = "fetch the model anew"

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
        MissingExtra: this transformers doesn't run the family yet.
    """
    versions.check(checkpoint.family, checkpoint.name)
    if checkpoint.folder is None:
        raise WeightsMissing(
            f"{checkpoint.name!r} is not on this machine yet",
            hint=f"qwa models pull {checkpoint.name}",
        )
    with reported(progress):
        _check_config(checkpoint, checkpoint.folder)
        processor = _processor(checkpoint, checkpoint.folder)
        model = _model(checkpoint, checkpoint.folder, placement)
    return Loaded(
        model=model.eval(), processor=processor, checkpoint=checkpoint, placement=placement
    )


def _check_config(checkpoint: Checkpoint, folder: Path) -> None:
    try:
        _model_class(checkpoint).config_class.from_pretrained(folder, local_files_only=True)
    except EngineError:
        raise
    except Exception as error:
        raise EngineRefused(
            f"the config.json of {checkpoint.name!r} cannot be used: {_said(error)}", hint=_ANEW
        ) from error


def _processor(checkpoint: Checkpoint, folder: Path) -> Any:
    try:
        processor = _processor_of(checkpoint.family, folder)
    except EngineError:
        raise
    except Exception as error:  # each library beneath it has its own kinds
        raise WeightsMissing(
            f"the processor of {checkpoint.name!r} cannot be loaded: {_said(error)}",
            hint="fetch the model anew, with its tokenizer and processor files",
        ) from error
    if not hasattr(processor, "tokenizer"):
        raise WeightsMissing(
            f"{checkpoint.name!r} has no processor for audio, only a {type(processor).__name__}",
            hint="fetch the model anew, with its tokenizer and processor files",
        )
    _check_tokenizer(checkpoint, processor.tokenizer)
    processor.tokenizer.padding_side = "left"  # on the right it would change the answers
    return processor


def _check_tokenizer(checkpoint: Checkpoint, tokenizer: Any) -> None:
    """Refuse the empty tokenizer that transformers makes where tokenizer files are missing."""
    for number in _audio_tokens(checkpoint.config):
        if tokenizer.convert_ids_to_tokens(number) is None:
            raise WeightsMissing(
                f"the tokenizer of {checkpoint.name!r} doesn't know its audio token ({number})",
                hint="fetch the model anew, with its tokenizer files",
            )


def _audio_tokens(config: Mapping[str, Any]) -> Iterator[int]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _audio_tokens(value)
        elif name in ("audio_token_index", "audio_token_id") and isinstance(value, int):
            yield value


def _processor_of(family: Family, folder: Path) -> Any:
    if family.processor:
        module, _, name = family.processor.partition(":")
        return getattr(import_module(module), name)(folder)
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(folder, local_files_only=True)


def _model(checkpoint: Checkpoint, folder: Path, placement: Placement) -> Any:
    kind = _model_class(checkpoint)
    try:
        options = _options(checkpoint.family, placement) | loading_options(kind, folder, placement)
        model, report = kind.from_pretrained(folder, **options)
        check_whole(checkpoint.name, report)
        quantize_loaded(model, placement)
    except QwenAudioError:  # ours, and what a caller's progress raised to stop it
        raise
    except Exception as error:
        raise _ours(error, checkpoint, placement) from error
    return model


def check_whole(name: str, report: Mapping[str, Any]) -> None:
    """Refuse a model that transformers filled up with random numbers.

    Raises:
        WeightsMissing: tensors are missing, or of another shape.
    """
    absent = sorted(report["missing_keys"])
    if absent:
        raise WeightsMissing(
            f"{name!r} is not whole: tensors are missing ({len(absent)}), such as {absent[0]!r}",
            hint=_ANEW,
        )
    unfit = sorted(report["mismatched_keys"])
    if unfit:
        tensor, here, wanted = unfit[0]
        raise WeightsMissing(
            f"the weights of {name!r} do not fit its config.json: {tensor!r} is"
            f" {tuple(here)} and should be {tuple(wanted)}",
            hint=_ANEW,
        )


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


def _options(family: Family, placement: Placement) -> dict[str, Any]:
    import torch

    attention = placement.attention
    options: dict[str, Any] = {
        "dtype": getattr(torch, placement.dtype),
        "attn_implementation": {family.attends: attention} if family.attends else attention,
        "local_files_only": True,
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,  # told by the report, which says which
    }
    if placement.kind != "cpu":
        options["device_map"] = {"": placement.device}
    return options


def _ours(error: Exception, checkpoint: Checkpoint, placement: Placement) -> EngineError:
    said = _said(error)
    if memory.ran_out(error):
        return EngineOutOfMemory(
            f"memory ran out on {placement.device} while {checkpoint.name!r} was loading: {said}",
            hint=memory.ways_out(checkpoint.config, placement, checkpoint.files),
        )
    if type(error).__name__ == "SafetensorError" or isinstance(error, EOFError):
        return WeightsMissing(f"the weights of {checkpoint.name!r} are damaged: {said}", hint=_ANEW)
    return EngineRefused(f"{checkpoint.name!r} cannot be loaded: {said}", hint="qwa doctor")


def _said(error: Exception) -> str:
    """Return what a library said, on one line and without its advice on its hub."""
    text = " ".join(str(error).split())
    return re.split(r"(?<=['\w])\.\s", text, maxsplit=1)[0] or type(error).__name__


@contextmanager
def reported(progress: Progress | None) -> Iterator[None]:
    """Report each loaded tensor to `progress` while transformers itself prints nothing."""
    with _ONE_AT_A_TIME:
        yield from _reported(progress)


def _reported(progress: Progress | None) -> Iterator[None]:
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
