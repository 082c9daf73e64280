"""What ends a whole run, told from one process to another: no episode's fault."""

from typing import Any

from qwen_audio_tools import errors
from qwen_audio_tools.errors import EngineError, QwenAudioError


def told(error: QwenAudioError | OSError) -> dict[str, Any]:
    """Return an error as plain data."""
    if isinstance(error, OSError):
        return {"kind": "OSError", "errno": error.errno, "message": error.strerror}
    return {"kind": type(error).__name__, "message": str(error), "hint": error.hint}


def raised(data: dict[str, Any]) -> Exception:
    """Return the error that `told` was given."""
    if data["kind"] == "OSError":
        return OSError(data["errno"], data["message"])
    kind = getattr(errors, data["kind"], EngineError)
    assert issubclass(kind, QwenAudioError)
    return kind(data["message"], hint=data["hint"])
