"""What a model, a tool or a middleware may open: said in the same words everywhere."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qwen_audio_tools import settings
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.sources.policy import SourcePolicy, agent


def policy_of(
    roots: Sequence[str | Path] | None, allow_urls: bool, policy: SourcePolicy | None
) -> SourcePolicy:
    """Return the policy that is given, or one of folders; without any, those of the settings.

    Raises:
        SettingsError: both are given.
    """
    if policy is not None:
        if roots is not None or allow_urls:
            raise SettingsError("policy says all of it: give no roots or allow_urls beside it")
        return policy
    if isinstance(roots, str):
        roots = [roots]
    folders = settings.read().roots if roots is None else roots
    return replace(agent(folders), allow_urls=allow_urls)
