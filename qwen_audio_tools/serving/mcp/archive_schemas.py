"""JSON schemas of what the tools over an archive give back beside their text."""

from qwen_audio_tools.serving.mcp.schemas import (
    COUNT,
    COVERAGE,
    MAYBE,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    TEXTS,
    Schema,
    list_of,
    object_of,
)

_NAMED: Schema = {
    "episode": {**TEXT, "description": "The id of the episode."},
    "show": TEXT,
    "title": TEXT,
    "published": {**TEXT, "description": "ISO 8601, or empty."},
}
_AUDIO: Schema = {
    **TEXT,
    "description": "What the other tools take as `audio`; empty where none is known.",
}
_SPAN: Schema = {"start": NUMBER, "end": NUMBER}

FOUND = object_of(
    {
        "found": list_of(
            object_of(
                {
                    **_NAMED,
                    **_SPAN,
                    "index": {"type": "integer"},
                    "text": TEXT,
                    "speakers": TEXTS,
                    "sounds": TEXTS,
                    "chapter": TEXT,
                    "language": TEXT,
                    "audio": _AUDIO,
                    "link": {**TEXT, "description": "An address that plays this span."},
                    "sha256": TEXT,
                    "model": TEXT,
                    "score": NUMBER,
                }
            ),
            "Passages, the best first, with times in seconds of the recording.",
        ),
        "left_out": {**COUNT, "description": "Passages that are not listed here."},
    }
)
READ = object_of(
    {
        **_NAMED,
        "duration": MAYBE,
        "language": MAYBE_TEXT,
        "audio": _AUDIO,
        "words_by": {
            **TEXT,
            "description": "Who wrote the words down: the publisher, or an engine.",
        },
        "lines": list_of(
            object_of(
                {
                    "kind": {"enum": ["speech", "sound"]},
                    **_SPAN,
                    "text": TEXT,
                    "speaker": TEXT,
                }
            ),
            "What was said and heard on this page, in order.",
        ),
        "page": COUNT,
        "pages": COUNT,
        "coverage": COVERAGE,
        "warnings": TEXTS,
    }
)
LISTED = object_of(
    {
        "episodes": list_of(
            object_of(
                {
                    **_NAMED,
                    "duration": MAYBE,
                    "state": {
                        **TEXT,
                        "description": "heard, same (as another), new, fetched or failed.",
                    },
                    "audio": _AUDIO,
                }
            ),
            "The episodes on this page, the newest first.",
        ),
        "total": {**COUNT, "description": "Episodes on all pages."},
        "page": COUNT,
        "pages": COUNT,
    }
)
