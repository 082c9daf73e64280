"""Writing answers from evidence: a writer per task. None invents; each frames what was heard."""

from qwen_audio_tools.engines.embedded.answers.emotion import write_emotion
from qwen_audio_tools.engines.embedded.answers.scene import write_caption, write_comparison
from qwen_audio_tools.engines.embedded.answers.sounds import (
    write_music,
    write_sounds,
    write_vocal_sounds,
)
from qwen_audio_tools.engines.embedded.answers.speech import (
    write_language,
    write_quotes,
    write_summary,
    write_transcript,
    write_translation,
)
from qwen_audio_tools.engines.embedded.answers.voices import write_speaker, write_speakers
from qwen_audio_tools.engines.embedded.answers.written import Writer

__all__ = ["WRITERS", "write_comparison"]

WRITERS: dict[str, Writer] = {
    "transcribe": write_transcript,
    "translate": write_translation,
    "language": write_language,
    "emotion": write_emotion,
    "speaker": write_speaker,
    "speakers": write_speakers,
    "vocal_sound": write_vocal_sounds,
    "sound_events": write_sounds,
    "caption": write_caption,
    "music": write_music,
    "summarize": write_summary,
    "compare": write_caption,  # of one clip there is nothing to compare: it is described
    "question": write_quotes,
}
