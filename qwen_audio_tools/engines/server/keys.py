"""The key of a server: read from the environment or a file, and shown to nobody."""

import os

from qwen_audio_tools.engines.server.addresses import Address
from qwen_audio_tools.engines.server.dialects import Dialect
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.settings import Settings

VARIABLE = "QWA_SERVER_KEY"
_LONGEST = 8192


class Key:
    """A secret that shows itself only to `reveal`; empty where there is none."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Key(…)" if self._value else "Key()"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a key is not written anywhere")

    def reveal(self) -> str:
        """Return the secret itself, for a header and nothing else."""
        return self._value

    def hidden_in(self, text: str) -> str:
        """Return a text of the server without the key, which some repeat in their errors."""
        return text.replace(self._value, "…") if self._value else text


def key_of(address: Address, hosted: Dialect | None, settings: Settings) -> Key:
    """Return the key to send to an address, an empty one if there is none.

    QWA_SERVER_KEY, or the file that the settings name, is for every server that is named. A key
    from a variable of a provider, such as OPENAI_API_KEY, goes to the hosts of that provider only.

    Raises:
        SettingsError: the file can't be read, or what was given is no key.
    """
    if value := os.environ.get(VARIABLE, "").strip():
        return _checked(value, VARIABLE)
    if settings.server_key_file is not None:
        return _from_file(settings)
    variable = hosted.key_variable if hosted else ""
    if variable and (value := os.environ.get(variable, "").strip()):
        return _checked(value, variable)
    return Key()


def _from_file(settings: Settings) -> Key:
    path = settings.server_key_file
    assert path is not None
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(
            f"the key file {str(path)!r} cannot be read: {reason}",
            hint=f"write the key into it, or into {VARIABLE}",
        ) from None
    lines = text.strip().splitlines()
    return _checked(lines[0].strip() if lines else "", str(path))


def _checked(value: str, place: str) -> Key:
    if value and value.isascii() and value.isprintable() and " " not in value:
        return Key(value)
    raise SettingsError(
        f"{place} holds no key: one word of ASCII letters, digits and signs is needed",
        hint="a key is given as the server's maker shows it, without 'Bearer'",
    )
