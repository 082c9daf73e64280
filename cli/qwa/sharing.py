"""The settings file reaches what reads variables: the experts, and the programs they start."""

import os

from qwen_audio_tools.settings import TABLE, Settings, read


def share_settings(**arguments: object) -> Settings:
    """Read the settings, put the file's values into the environment, and return the settings.

    A package client that fetches weights is a program of its own: only variables reach it.
    """
    settings = read(**arguments)
    for name, row in TABLE.items():
        value = getattr(settings, name)
        if settings.origin(name) in ("default", "argument", row.variable):
            continue
        if isinstance(value, tuple):
            value = os.pathsep.join(map(str, value))
        os.environ[row.variable] = str(int(value)) if isinstance(value, bool) else str(value)
    return settings
