"""Which engine answers: by its name, by the name of its model, or one that is open already."""

import threading
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from qwen_audio_tools.engines import open_engine, specs
from qwen_audio_tools.engines.base import Engine
from qwen_audio_tools.errors import SettingsError


class Engines:
    """The engines that one chat model has opened: its own, and those of calls that name a model."""

    def __init__(self, engine: str | Engine, model: str, settings: Mapping[str, Any]) -> None:
        self._given = (engine, model, settings)
        self._lock = threading.Lock()
        self._settings = dict(settings)
        self._opened: dict[str, Engine] = {}
        self._name = engine if isinstance(engine, str) else engine.info.name
        if isinstance(engine, str):
            self.own = open_engine(spec_of(engine, model), **self._settings)
        else:
            self.own = engine
            if model not in ("", engine.info.model):
                raise SettingsError(
                    f"model {model!r} is not that of the engine, {engine.info.model!r}",
                    hint="leave it out, or name the engine instead",
                )

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as what was asked for: weights load anew in another process."""
        return Engines, self._given

    def __deepcopy__(self, memo: Any) -> "Engines":
        """Stay the same in a copy of the model: weights are there once."""
        return self

    def of(self, model: str | None) -> Engine:
        """Return the engine for a model that a call names; None is the own one.

        Raises:
            SettingsError, MissingExtra, WeightsMissing: as `open_engine`.
        """
        if not model or model in (self.own.info.model, self.own.info.label):
            return self.own
        with self._lock:
            if model not in self._opened:
                spec = spec_of(self._name, model)
                self._opened[model] = open_engine(spec, **self._settings)
            return self._opened[model]


def spec_of(engine: str, model: str) -> str:
    """Return what `open_engine` takes: `model` is one of that engine's, or names an engine too."""
    if not model:
        return engine
    name = engine.partition(":")[0]
    known = {each.name for each in specs()} | {"auto"}
    if model.partition(":")[0] in known:
        return model
    return f"{'transformers' if name == 'auto' else name}:{model}"


def check_names(given: Mapping[str, Any], known: set[str], of: str) -> None:
    """Refuse arguments that would have no effect.

    Raises:
        SettingsError: one is unknown.
    """
    for name in given:
        if name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{of} takes no {name!r}{meant}")
