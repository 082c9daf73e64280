"""The settings file: its values, and the line that each stands in."""

from pathlib import Path

from qwen_audio_tools.errors import SettingsError


def values_in(path: Path) -> tuple[dict[str, object], dict[str, int]]:
    """Return the file's values and the line that each stands in; nothing if there is no file.

    Raises:
        SettingsError: it can't be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}, {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(
            f"the settings file {str(path)!r} cannot be read: {reason}",
            hint="point QWA_CONFIG at another folder",
        ) from error
    import tomllib  # only those who have a file pay for it

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"the settings file {str(path)!r} is no TOML: {error}",
            hint='a line reads: engine = "embedded"',
        ) from error
    return values, {name: _line(text, name) for name in values}


def _line(text: str, name: str) -> int:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip().lstrip("[\"'").startswith(name):
            return number
    return 1
