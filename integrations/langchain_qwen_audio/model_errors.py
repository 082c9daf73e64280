"""Errors of ours as LangChain knows them: each is both, so that code catching either goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelTimeoutError,
)

from qwen_audio_tools import errors
from qwen_audio_tools.errors import QwenAudioError

# From the special to the general: the first that fits decides. Cancelled stays what it is.
_KNOWN: tuple[tuple[type[QwenAudioError], type[ModelError]], ...] = (
    (errors.ClipTooLong, ContextOverflowError),
    (errors.ClipMissing, ModelInvalidRequestError),
    (errors.ClipUnreadable, ModelInvalidRequestError),
    (errors.ClipUnsupported, ModelInvalidRequestError),
    (errors.ClipRefused, ModelInvalidRequestError),
    (errors.ClipError, ModelInvalidRequestError),
    (errors.MissingExtra, ModelNotFoundError),
    (errors.WeightsMissing, ModelNotFoundError),
    (errors.EngineTimeout, ModelTimeoutError),
    (errors.EngineUnreachable, ModelConnectionError),
    (errors.EngineUnsupported, ModelInvalidRequestError),
    (errors.EngineOutOfMemory, ModelError),
    (errors.EngineRefused, ModelError),
    (errors.SettingsError, ModelInvalidRequestError),
)
_BOTH = {
    ours: type(ours.__name__, (ours, theirs), {"__doc__": ours.__doc__, "__module__": __name__})
    for ours, theirs in _KNOWN
}
globals().update({ours.__name__: both for ours, both in _BOTH.items()})  # so that they pickle


def as_model_error(error: QwenAudioError) -> QwenAudioError:
    """Return the error as one that is a `langchain_core.exceptions.ModelError` too."""
    if isinstance(error, ModelError):
        return error
    for ours, both in _BOTH.items():
        if isinstance(error, ours):
            told: QwenAudioError = both(str(error), hint=error.hint)
            return told
    return error


@contextmanager
def model_errors() -> Iterator[None]:
    """Raise errors of ours as errors of LangChain's models too."""
    try:
        yield
    except QwenAudioError as error:
        told = as_model_error(error)
        if told is error:
            raise
        raise told from error
