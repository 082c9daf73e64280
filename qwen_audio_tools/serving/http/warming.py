"""Models loaded before the first request needs them, so that what is missing shows at once."""

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import user
from qwen_audio_tools.decoding.limits import RATE
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.serving.http.queueing.desk import Desk


def warm(desk: Desk) -> None:
    """Ask each engine about a second of silence; the desk is ready once all have answered.

    Raises:
        QwenAudioError: an engine can't answer.
    """
    import numpy as np

    silence = Clip((np.zeros(RATE, np.float32), RATE))
    for each in desk.served:
        for _ in each.engine.reply([user(silence, "What is said?")], Options(max_tokens=1)):
            pass
    desk.ready = True
