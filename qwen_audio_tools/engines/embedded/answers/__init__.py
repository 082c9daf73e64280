"""Writing answers from evidence: a writer per task. None invents; each frames what was heard."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen_audio_tools.engines.embedded.answers.written import Writer

# Strings, since a question needs one or two of these and should not wait for the rest.
_WRITERS = {
    "transcribe": "speech:write_transcript",
    "translate": "speech:write_translation",
    "language": "speech:write_language",
    "emotion": "emotion:write_emotion",
    "speaker": "voices:write_speaker",
    "voice": "voice_over_time:write_voice",
    "speakers": "voices:write_speakers",
    "vocal_sound": "sounds:write_vocal_sounds",
    "sound_events": "sounds:write_sounds",
    "caption": "scene:write_caption",
    "music": "sounds:write_music",
    "summarize": "speech:write_summary",
    "compare": "scene:write_caption",  # of one clip there is nothing to compare
    "question": "speech:write_quotes",
}


def writer(task: str) -> "Writer":
    """Return the writer of a task; KeyError for an unknown one."""
    module, _, function = _WRITERS[task].partition(":")
    found: Writer = getattr(import_module(f"{__name__}.{module}"), function)
    return found
