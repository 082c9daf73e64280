"""Scores of texts for a query: what reranks a search, and the cross-encoder that settings name."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from qwen_audio_tools.engines import BUILTIN
from qwen_audio_tools.errors import MissingExtra
from qwen_audio_tools.settings import Settings

if TYPE_CHECKING:
    from qwen_audio_tools.engines.base import Progress

Rerank = Callable[[str, Sequence[str]], Sequence[float]]
"""Gives each text a score for the query, the higher the better."""

NONE = "none"
# As strings: naming a cross-encoder imports nothing.
_HOME = "qwen_audio_tools.engines.transformers.cross_encoder:open_cross_encoder"
_EXTRA = "transformers"


def open_reranker(settings: Settings, progress: "Progress | None" = None) -> Rerank | None:
    """Open the cross-encoder of the setting `archive_rerank`; None where there is none.

    Its weights load at the first call; `progress` is told of that.

    Raises:
        SettingsError: what it names is no cross-encoder.
        MissingExtra: packages of its extra are not installed.
        WeightsMissing: it is not here, and nothing may be fetched.
    """
    name = settings.archive_rerank
    if name == NONE:
        return None
    if missing := BUILTIN[_EXTRA].missing:
        raise MissingExtra(
            f"to rerank with {name!r} takes packages that are not installed: {', '.join(missing)}",
            hint=f"pip install 'qwen-audio-tools[{_EXTRA}]'",
        )
    module, _, function = _HOME.partition(":")
    rerank: Rerank = getattr(import_module(module), function)(name, settings, progress)
    return rerank
