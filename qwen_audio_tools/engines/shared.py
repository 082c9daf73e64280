"""One engine for one name: whoever names the same engine shares the models that it has loaded."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from qwen_audio_tools.engines import open_engine
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.settings import Settings, read

if TYPE_CHECKING:
    from qwen_audio_tools.engines.base import Engine

_lock = threading.Lock()
_in_use: WeakValueDictionary[str, Any] = WeakValueDictionary()
_opened_with: dict[str, Settings] = {}


def shared_engine(engine: "Engine | str" = "auto") -> "Engine":
    """Return the engine of that name, the same one as long as anybody holds it; or what was given.

    Settings that have changed since give a fresh one.

    Raises:
        SettingsError, MissingExtra: as `open_engine`; or it is neither a name nor an engine.
    """
    if not isinstance(engine, str):
        if not hasattr(engine, "reply"):
            raise SettingsError(
                f"{engine!r:.80} is no engine: give a name such as 'embedded', or what "
                "open_engine returned",
                hint="qwa engines",
            )
        return engine
    settings = read()
    with _lock:
        found: Engine | None = _in_use.get(engine)
        if found is not None and _opened_with.get(engine) == settings:
            return found
        opened = open_engine(engine)
        with suppress(TypeError):  # an engine with slots may take no weak reference
            _in_use[engine] = opened
            _opened_with[engine] = settings
        return opened
