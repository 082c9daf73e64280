"""Which task a named sound belongs to: music, sounds of the human voice, or any other sound."""

from collections.abc import Sequence

from qwen_audio_tools.engines.embedded.sounds import audioset

_SPOKEN = audioset.SPEECH
_MUSICAL = audioset.MUSIC | audioset.INSTRUMENTS | audioset.SINGING
_NOT_FROM_A_MOUTH = {"Applause", "Clapping", "Cheering"}


def task_of_sound(labels: Sequence[str]) -> str | None:
    """Return the task that the first of these AudioSet labels belongs to; None without labels."""
    for label in labels:
        if label in _SPOKEN:
            return None
        if label in audioset.VOCAL and label not in _NOT_FROM_A_MOUTH:
            return "vocal_sound"
        if label in _MUSICAL and label not in audioset.family("Bell"):
            return "music"
        return "sound_events"
    return None
