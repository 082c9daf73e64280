"""Where this project keeps things on a user's machine: the XDG folders, each with its override."""

import os
from pathlib import Path

NAME = "qwen-audio-tools"


def _folder(override: str, xdg: str, default: str) -> Path:
    if own := os.environ.get(override):
        return Path(own).expanduser()
    base = os.environ.get(xdg)
    # The XDG specification says to ignore a relative path here.
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / default
    return root / NAME


def cache_folder() -> Path:
    """Return the folder for what can be made again: model weights and analyses (`QWA_CACHE`)."""
    return _folder("QWA_CACHE", "XDG_CACHE_HOME", ".cache")


def config_folder() -> Path:
    """Return the folder that holds `config.toml` (`QWA_CONFIG`)."""
    return _folder("QWA_CONFIG", "XDG_CONFIG_HOME", ".config")


def data_folder() -> Path:
    """Return the folder for what a user would miss: stored clips and chats (`QWA_DATA`)."""
    return _folder("QWA_DATA", "XDG_DATA_HOME", ".local/share")
