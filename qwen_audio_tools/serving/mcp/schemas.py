"""JSON schemas of what the tools give back beside their text: the `to_dict` forms of the core."""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MAYBE: Schema = {"type": ["number", "null"]}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}


def object_of(properties: Schema, about: str = "") -> Schema:
    """Return the schema of an object that has all of these."""
    found: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {**found, "description": about} if about else found


def list_of(items: Schema, about: str = "") -> Schema:
    """Return the schema of a list of these."""
    found: Schema = {"type": "array", "items": items}
    return {**found, "description": about} if about else found


CLIPS = list_of(
    object_of({"uri": TEXT, "name": TEXT, "media_type": TEXT, "size": MAYBE}),
    "The recordings that were heard, each by the URI of a resource.",
)
COVERAGE = object_of(
    {"heard": NUMBER, "total": NUMBER, "gaps": list_of(list_of(NUMBER))},
    "Which seconds were heard: so many of all, and the gaps.",
)
EVIDENCE = object_of(
    {
        "kind": TEXT,
        "text": TEXT,
        "start": MAYBE,
        "end": MAYBE,
        "score": MAYBE,
        "model": TEXT,
        "clip": TEXT,
    }
)
_ANSWERED = {
    "coverage": COVERAGE,
    "engine": TEXT,
    "warnings": TEXTS,
    "clips": CLIPS,
}
ANSWER = object_of(
    {
        "clip": TEXT,
        "question": TEXT,
        "text": TEXT,
        "task": TEXT,
        "evidence": list_of(EVIDENCE, "What was heard, with times in seconds of the recording."),
        "usage": object_of(
            {
                "input_tokens": COUNT,
                "audio_tokens": COUNT,
                "output_tokens": COUNT,
                "seconds_heard": NUMBER,
            }
        ),
        "finish": TEXT,
        "left_out": {**COUNT, "description": "Pieces of evidence that are not listed here."},
        "text_cut": {"type": "boolean", "description": "Whether the text was too long for here."},
        **_ANSWERED,
    }
)
TRANSCRIPT = object_of(
    {
        "language": MAYBE_TEXT,
        "duration": MAYBE,
        "segments": list_of(
            object_of(
                {
                    "start": NUMBER,
                    "end": NUMBER,
                    "text": TEXT,
                    "speaker": MAYBE_TEXT,
                    "language": MAYBE_TEXT,
                    "confidence": MAYBE,
                }
            ),
            "What is said on this page, with times in seconds of the recording.",
        ),
        "page": COUNT,
        "pages": COUNT,
        **_ANSWERED,
    }
)
INSPECTION = object_of(
    {
        "name": TEXT,
        "info": object_of(
            {
                "container": TEXT,
                "codec": TEXT,
                "rate": COUNT,
                "channels": COUNT,
                "duration": MAYBE,
                "size": COUNT,
            }
        ),
        "seconds": NUMBER,
        "peak_dbfs": MAYBE,
        "rms_dbfs": MAYBE,
        "lufs": MAYBE,
        "clipped_share": NUMBER,
        "clipped_runs": COUNT,
        "silence": list_of(object_of({"start": NUMBER, "end": NUMBER})),
        "left_out": {**COUNT, "description": "Silent spans that are not listed here."},
        "warnings": TEXTS,
        "clips": CLIPS,
    }
)
