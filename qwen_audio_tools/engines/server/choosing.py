"""Do the servers that the settings name answer? What `auto` goes by."""

from qwen_audio_tools.engines.server.engine import open_server
from qwen_audio_tools.errors import QwenAudioError
from qwen_audio_tools.settings import Settings


def answering(settings: Settings) -> tuple[str, str]:
    """Return the spec of the engine if a server of the settings answers, else "", and why."""
    try:
        engine = open_server("", settings)
    except QwenAudioError as error:
        return "", str(error)
    try:
        states = engine.states()
    finally:
        engine.close()
    ready = [state for state in states if state.ready]
    if not ready:
        return "", "; ".join(state.why for state in states)
    model, shown = ready[0].model, ", ".join(state.address for state in ready)
    count = "" if len(states) == 1 else f" ({len(ready)} of {len(states)} servers)"
    return f"server:{model}", f"{shown} answers for {model}{count}"
