"""How the servers of the settings fare: what `auto`, `qwa engines` and `qwa doctor` go by."""

from contextlib import closing

from qwen_audio_tools.engines.server.engine import ServerState, open_server
from qwen_audio_tools.settings import Settings


def looked_at(settings: Settings) -> tuple[ServerState, ...]:
    """Return how each server of the settings fares; it takes moments, and none where none is named.

    Raises:
        SettingsError: an address or key is none.
    """
    name, _, rest = settings.engine.partition(":")
    named = rest if name == "server" else ""
    if not (named or settings.server_urls):
        return ()
    with closing(open_server(named, settings)) as engine:
        return engine.states()


def answering(settings: Settings) -> tuple[str, str]:
    """Return the spec of the engine if a server of the settings answers, else "", and why.

    Raises:
        SettingsError: as `looked_at`.
    """
    states = looked_at(settings)
    ready = [state for state in states if state.ready]
    if not ready:
        return "", "; ".join(state.why for state in states)
    model, shown = ready[0].model, ", ".join(state.address for state in ready)
    some = "" if len(ready) == len(states) else f" ({len(ready)} of {len(states)} servers)"
    return f"server:{model}", f"{shown} answers for {model}{some}"
