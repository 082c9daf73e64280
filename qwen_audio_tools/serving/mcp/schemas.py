"""JSON schemas of what the tools give back beside their text: the `to_dict` forms of the core."""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MAYBE: Schema = {"type": ["number", "null"]}
_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_TEXTS: Schema = {"type": "array", "items": _TEXT}


def _object(properties: Schema, about: str = "") -> Schema:
    """Return the schema of an object that has all of these."""
    found: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {**found, "description": about} if about else found


def _list(items: Schema, about: str = "") -> Schema:
    found: Schema = {"type": "array", "items": items}
    return {**found, "description": about} if about else found


CLIPS = _list(
    _object({"uri": _TEXT, "name": _TEXT, "media_type": _TEXT, "size": _MAYBE}),
    "The recordings that were heard, each by the URI of a resource.",
)
COVERAGE = _object(
    {"heard": _NUMBER, "total": _NUMBER, "gaps": _list(_list(_NUMBER))},
    "Which seconds were heard: so many of all, and the gaps.",
)
EVIDENCE = _object(
    {
        "kind": _TEXT,
        "text": _TEXT,
        "start": _MAYBE,
        "end": _MAYBE,
        "score": _MAYBE,
        "model": _TEXT,
        "clip": _TEXT,
    }
)
_ANSWERED = {
    "coverage": COVERAGE,
    "engine": _TEXT,
    "warnings": _TEXTS,
    "clips": CLIPS,
}
ANSWER = _object(
    {
        "clip": _TEXT,
        "question": _TEXT,
        "text": _TEXT,
        "task": _TEXT,
        "evidence": _list(EVIDENCE, "What was heard, with times in seconds of the recording."),
        "usage": _object(
            {
                "input_tokens": _COUNT,
                "audio_tokens": _COUNT,
                "output_tokens": _COUNT,
                "seconds_heard": _NUMBER,
            }
        ),
        "finish": _TEXT,
        "left_out": {**_COUNT, "description": "Pieces of evidence that are not listed here."},
        "text_cut": {"type": "boolean", "description": "Whether the text was too long for here."},
        **_ANSWERED,
    }
)
TRANSCRIPT = _object(
    {
        "language": _MAYBE_TEXT,
        "duration": _MAYBE,
        "segments": _list(
            _object(
                {
                    "start": _NUMBER,
                    "end": _NUMBER,
                    "text": _TEXT,
                    "speaker": _MAYBE_TEXT,
                    "language": _MAYBE_TEXT,
                    "confidence": _MAYBE,
                }
            ),
            "What is said on this page, with times in seconds of the recording.",
        ),
        "page": _COUNT,
        "pages": _COUNT,
        **_ANSWERED,
    }
)
INSPECTION = _object(
    {
        "name": _TEXT,
        "info": _object(
            {
                "container": _TEXT,
                "codec": _TEXT,
                "rate": _COUNT,
                "channels": _COUNT,
                "duration": _MAYBE,
                "size": _COUNT,
            }
        ),
        "seconds": _NUMBER,
        "peak_dbfs": _MAYBE,
        "rms_dbfs": _MAYBE,
        "lufs": _MAYBE,
        "clipped_share": _NUMBER,
        "clipped_runs": _COUNT,
        "silence": _list(_object({"start": _NUMBER, "end": _NUMBER})),
        "left_out": {**_COUNT, "description": "Silent spans that are not listed here."},
        "warnings": _TEXTS,
        "clips": CLIPS,
    }
)
