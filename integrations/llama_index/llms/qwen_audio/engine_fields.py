"""The fields that every component shares which hears: an engine, and what it may open.

Both are written into dicts and pickles as plain data: no model, no audio and no key is in them.
"""

import pickle
from typing import Annotated, Any

from llama_index.core.bridge.pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
)
from llama_index.core.schema import BaseComponent

from qwen_audio_tools.engines.base import Engine
from qwen_audio_tools.engines.shared import shared_engine
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.sources import SourcePolicy, person


def _read_policy(value: Any) -> SourcePolicy:
    if isinstance(value, SourcePolicy):
        return value
    if isinstance(value, dict):
        return SourcePolicy.from_dict(value)
    raise ValueError(f"{value!r:.80} is no SourcePolicy: sources.agent([folder]) makes one")


def _write_engine(value: Any) -> str:
    return value if isinstance(value, str) else str(value.info.label)


EngineField = Annotated[Any, PlainSerializer(_write_engine, return_type=str)]
PolicyField = Annotated[
    Any,
    BeforeValidator(_read_policy),
    PlainSerializer(lambda policy: policy.to_dict(), return_type=dict[str, Any]),
]


class EngineFields(BaseComponent):
    """Who listens, and to what it may listen."""

    model_config = ConfigDict(extra="forbid")  # a field that is misspelt is no field left out

    engine: EngineField = Field(
        default="auto",
        description="An engine's name ('embedded', 'transformers:MODEL'), or an opened Engine. "
        "By name it opens when it is first needed, and others of the same name share it.",
    )
    policy: PolicyField = Field(
        default_factory=person,
        description="What may be opened: any file and guarded https URLs unless you say otherwise. "
        "For paths that clients send: qwen_audio_tools.sources.agent([folder]).",
    )
    _held: Any = PrivateAttr(default=None)

    def opened_engine(self) -> Engine:
        """Return the engine, opened; weights load when they are needed.

        Raises:
            SettingsError, MissingExtra: as `open_engine`.
        """
        self._held = shared_engine(self.engine)
        return self._held  # type: ignore[no-any-return]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the opened engine behind; its name opens it again.

        Raises:
            SettingsError: it was given as an object that can't be pickled.
        """
        if not isinstance(self.engine, str):
            try:
                pickle.dumps(self.engine)
            except Exception as error:
                raise SettingsError(
                    f"engine {self.engine.info.label!r} was given as an object, and that can't "
                    "be pickled",
                    hint=f"{type(self).__name__}(engine='NAME') can: it opens where it arrives",
                ) from error
        held, self._held = self._held, None
        try:
            return super().__getstate__()
        finally:
            self._held = held
