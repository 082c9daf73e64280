"""What a setting may be: from a text or a TOML value to the value, or ValueError with a reason."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def text(value: object) -> str:
    """Return a word."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a word is needed")
    return value.strip()


def one_of(*words: str) -> Callable[[object], str]:
    """Return what takes one of these words, and no other."""

    def parse(value: object) -> str:
        if value not in words:
            raise ValueError(f"it is one of {', '.join(words)}")
        return str(value)

    return parse


def switch(value: object) -> bool:
    """Return whether it is on."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in TRUE + FALSE:
        return value.strip().lower() in TRUE
    raise ValueError("it is true or false")


def megabytes(value: object) -> int:
    """Return a whole number of megabytes."""
    # bool is an int in Python, and `analysis_cache_mb = true` is surely a slip.
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number of megabytes is needed; 0 keeps nothing")
    return value


def seconds(value: object) -> float:
    """Return seconds, at most a day of them."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86_400:
        raise ValueError("seconds are needed: above 0, and at most a day")
    return float(value)


def count(value: object) -> int:
    """Return a whole number from 1 on."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1024:
        raise ValueError("a whole number from 1 to 1024 is needed")
    return value


def words(value: object) -> tuple[str, ...]:
    """Return words, of a list or of one text with commas or spaces between them."""
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise ValueError("a list of addresses is needed")
    return tuple(value)


def file(value: object) -> Path:
    """Return the path of a file."""
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError("the path of a file is needed")
    return Path(value).expanduser()


def folder(value: object) -> Path:
    """Return the path of a folder."""
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError("the path of a folder is needed")
    return Path(value).expanduser()


def folders(value: object) -> tuple[Path, ...]:
    """Return folders, of a list or of one text as in PATH."""
    if isinstance(value, str):
        value = [part for part in value.split(os.pathsep) if part]
    if not isinstance(value, list | tuple):
        raise ValueError("a list of folders is needed")
    if not all(isinstance(part, str | Path) and str(part) for part in value):
        raise ValueError("a list of folders is needed")
    return tuple(Path(part).expanduser() for part in value)


def without_password(address: str) -> str:
    """Return an address as it may be shown: a name and password in it are left out."""
    return re.sub(r"(?<=//)[^/]*@", "…@", address)
