"""Every error of the project. A caller that catches `QwenAudioError` catches them all.

    QwenAudioError
    ├── ClipError                 something is wrong with the audio that was given
    │   ├── ClipMissing           there is nothing at that path, or no audio in it
    │   ├── ClipUnreadable        it is there, but it cannot be read or decoded
    │   ├── ClipUnsupported       a container, codec or type that is not taken
    │   ├── ClipTooLong           more seconds, bytes, channels or Hz than the limits allow
    │   └── ClipRefused           the source policy forbids opening it (roots, URLs, protocols)
    ├── EngineError               the engine could not answer
    │   ├── MissingExtra          a package of an optional extra is not installed
    │   ├── WeightsMissing        model weights are not here and could not be fetched
    │   ├── EngineUnreachable     no server, no network, or a deadline passed
    │   │   └── EngineTimeout     there was no whole answer in the time that was given
    │   ├── EngineRefused         the engine said no, or failed while answering
    │   ├── EngineUnsupported     the engine lacks an ability that the task needs
    │   ├── EngineOutOfMemory     the model or the request does not fit
    │   └── Cancelled             the caller stopped the work
    ├── SettingsError             a setting is unknown or has an impossible value
    ├── ArchiveError              a podcast archive is damaged, missing or in use
    └── EvaluationError           a suite, a run or a report is not what it should be

A message says what was wrong with which input (`{value!r}`), and what is allowed; `hint` says
what to do next, as a command where there is one.
"""


class QwenAudioError(Exception):
    """Base of every error that this project raises on purpose.

    `str(error)` is one line for a person. `hint` is the next step, or an empty string.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ClipError(QwenAudioError):
    """Something is wrong with the audio that was given."""


class ClipMissing(ClipError):
    """There is nothing at that path, or no audio in it."""


class ClipUnreadable(ClipError):
    """The file is there, but it cannot be read or decoded."""


class ClipUnsupported(ClipError):
    """A container, codec or type that is not taken."""


class ClipTooLong(ClipError):
    """More seconds, bytes, channels or Hz than the limits allow."""


class ClipRefused(ClipError):
    """The source policy forbids opening it."""


class EngineError(QwenAudioError):
    """The engine could not answer."""


class MissingExtra(EngineError):
    """A package of an optional extra is not installed."""


class WeightsMissing(EngineError):
    """Model weights are not here and could not be fetched."""


class EngineUnreachable(EngineError):
    """No server, no network, or a deadline passed."""


class EngineTimeout(EngineUnreachable):
    """There was no whole answer in the time that was given."""


class EngineRefused(EngineError):
    """The engine said no, or failed while answering."""


class EngineUnsupported(EngineError):
    """The engine lacks an ability that the task needs."""


class EngineOutOfMemory(EngineError):
    """The model or the request does not fit into memory."""


class Cancelled(EngineError):
    """The caller stopped the work."""


class SettingsError(QwenAudioError):
    """A setting is unknown or has an impossible value."""


class ArchiveError(QwenAudioError):
    """A podcast archive is damaged, missing or in use."""


class EvaluationError(QwenAudioError):
    """A suite, a run or a report is not what it should be."""
