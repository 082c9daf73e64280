"""A JSON schema as people give one: in a file, or written out on the command line."""

import json
from pathlib import Path
from typing import Any

from qwen_audio_tools.errors import SettingsError

EXAMPLE = '--schema \'{"type": "object", "properties": {"mood": {"type": "string"}}}\''


def schema_of(words: str) -> dict[str, Any]:
    """Return the schema that a file holds, or that the words themselves are.

    Raises:
        SettingsError: there is no such file, or it holds no JSON object.
    """
    text, where = words, "--schema"
    if not words.lstrip().startswith(("{", "[", '"')):
        path = Path(words).expanduser()
        where = f"the schema {words!r}"
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise SettingsError(f"{where} cannot be read: {reason}", hint=EXAMPLE) from error
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where} is no JSON: {error}", hint=EXAMPLE) from error
    if not isinstance(schema, dict):
        raise SettingsError(f"{where} is no JSON object", hint=EXAMPLE)
    return schema
