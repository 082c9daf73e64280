"""What a model, a tool or a middleware may open, and hears with: said in the same words by all."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from qwen_audio_tools import settings
from qwen_audio_tools.agents.references import References
from qwen_audio_tools.agents.tools import Ears
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.engines import open_engine
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.sources.policy import SourcePolicy, agent


class Access(BaseModel):
    """Where audio may come from, beside what messages bring themselves.

    `roots` are folders whose files may be named; without any said, those of the setting `roots`.
    `allow_urls` opens https URLs. A `policy` says all of it, and more. `store` keeps attachments.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    roots: Sequence[str | Path] | str | Path | None = None
    allow_urls: bool = False
    policy: InstanceOf[SourcePolicy] | None = Field(default=None, exclude=True)
    store: ClipStore = Field(default_factory=ClipStore, exclude=True)

    @cached_property
    def allowed(self) -> SourcePolicy:
        """What may be opened.

        Raises:
            SettingsError: a policy is given and something else, too.
        """
        return policy_of(self.roots, self.allow_urls, self.policy)


class Hearing(Access):
    """What tools hear with: an engine, by name or open already, and how it is to answer.

    `ears` say all of it, for tools that share them.
    """

    engine: Any = "auto"
    options: InstanceOf[Options] = Field(default_factory=Options, exclude=True)
    ears: InstanceOf[Ears] | None = Field(default=None, exclude=True, repr=False)

    @cached_property
    def hearing(self) -> Ears:
        """The engine, and what it may be asked about.

        Raises:
            SettingsError, MissingExtra: as `open_engine`.
        """
        if self.ears is not None:
            return self.ears
        opened = open_engine(self.engine) if isinstance(self.engine, str) else self.engine
        references = References(policy=self.allowed, store=self.store)
        return Ears(engine=opened, references=references, options=self.options)


def policy_of(
    roots: Sequence[str | Path] | str | Path | None, allow_urls: bool, policy: SourcePolicy | None
) -> SourcePolicy:
    """Return the policy that is given, or one of folders; without any, those of the settings.

    Raises:
        SettingsError: both are given.
    """
    if policy is not None:
        if roots or allow_urls:
            raise SettingsError("policy says all of it: give no roots or allow_urls beside it")
        return policy
    folders = settings.read().roots if roots is None else roots
    several = [folders] if isinstance(folders, str | Path) else folders
    return replace(agent(several), allow_urls=allow_urls)
