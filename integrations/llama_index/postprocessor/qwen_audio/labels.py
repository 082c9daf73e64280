"""How a span of a recording is called: `[episode 12:31–12:58]` to read, a URI to play."""

import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from qwen_audio_tools.conversation import as_data
from qwen_audio_tools.spans import clock


def label(metadata: Mapping[str, Any]) -> str:
    """Return what people call the span that a node's metadata names."""
    title = as_data(re.sub(r"[\[\]\s]+", " ", _title(metadata))).strip()[:80] or "recording"
    if metadata.get("start") is None or metadata.get("end") is None:
        return f"[{title}]"
    start, end = float(metadata["start"]), float(metadata["end"])
    # Whole seconds that hold all of it.
    return f"[{title} {clock(start, tenths=False)}–{clock(math.ceil(end), tenths=False)}]"


def playback(metadata: Mapping[str, Any]) -> str:
    """Return where the span can be played: the recording with its seconds, as a media fragment.

    A `link` says where others can play it, too, and comes before the place of the file.
    """
    where = str(metadata.get("link") or metadata.get("audio_uri") or "").partition("#t=")[0]
    start, end = metadata.get("start"), metadata.get("end")
    span = "" if start is None or end is None else f"#t={float(start):g},{float(end):g}"
    return f"{where}{span}"


def _title(metadata: Mapping[str, Any]) -> str:
    for name in ("episode", "title"):
        if metadata.get(name):
            return " · ".join(str(metadata[each]) for each in ("show", name) if metadata.get(each))
    where = str(metadata.get("audio_uri") or metadata.get("file_name") or "")
    return PurePosixPath(where.partition("?")[0].replace("\\", "/")).stem
