"""Recordings as resources: stored clips by id, listed in pages, and files in the allowed folders.

What a stored clip is comes as JSON; its bytes, and those of a file, only when they are asked for by
their own URI, and never more than a client can be expected to take.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

import mcp_types as types

from qwen_audio_tools.agents.references import References
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import MEDIA_TYPES, ClipStore, StoredInfo
from qwen_audio_tools.errors import ClipMissing, ClipRefused, ClipTooLong
from qwen_audio_tools.spans import clock

PAGE = 50
MOST_BYTES = 8 * 2**20
_URI = re.compile(r"clip://(?P<id>[0-9a-f]{12})(?P<audio>/audio)?")

TEMPLATES = (
    types.ResourceTemplate(
        name="clip",
        title="Stored clip",
        uri_template="clip://{id}",
        description="What a stored clip is: name, seconds, media type, size.",
        mime_type="application/json",
    ),
    types.ResourceTemplate(
        name="clip audio",
        title="Audio of a stored clip",
        uri_template="clip://{id}/audio",
        description="The bytes of a stored clip.",
    ),
    types.ResourceTemplate(
        name="audio file",
        title="Audio file",
        uri_template="file:///{+path}",
        description="The bytes of an audio file in one of the allowed folders.",
    ),
)


def listed(store: ClipStore | None, cursor: str | None) -> types.ListResourcesResult:
    """Return one page of the stored clips; `cursor` is the id that the page before ended with."""
    if store is None:
        return types.ListResourcesResult(resources=[])
    found = list(islice(_after(store, cursor or ""), PAGE + 1))
    return types.ListResourcesResult(
        resources=[_described(info) for info in found[:PAGE]],
        next_cursor=found[PAGE - 1].id if len(found) > PAGE else None,
    )


def _after(store: ClipStore, last: str) -> Iterator[StoredInfo]:
    for id in store:
        if id > last:
            try:
                yield store.info(id)
            except ClipMissing:  # another process removed it
                continue


def _described(info: StoredInfo) -> types.Resource:
    length = "" if info.seconds is None else f"{clock(info.seconds)}, "
    return types.Resource(
        uri=f"clip://{info.id}",
        name=info.name,
        description=f"{length}{info.media_type}, {info.size:,} bytes",
        mime_type="application/json",
    )


def read(
    references: References, uri: str
) -> types.TextResourceContents | types.BlobResourceContents:
    """Return what a URI stands for.

    Raises:
        ClipError: there is nothing, it may not be read, is no audio, or too large.
    """
    match = _URI.fullmatch(uri)
    if match and not match["audio"]:
        return _about(references, match["id"], uri)
    if not match and not uri.lower().startswith("file:/"):
        raise ClipRefused(
            f"{uri[:200]!r} is no resource here; clip://ID, clip://ID/audio and file:// are"
        )
    clip = references.resolve(uri)
    info = clip.info  # only audio is given out, whatever else lies in the folder
    if info.size > MOST_BYTES:
        raise ClipTooLong(
            f"{clip.name!r} has {info.size:,} bytes; at most {MOST_BYTES:,} are sent",
            hint="let a tool of this server hear it instead",
        )
    return types.BlobResourceContents(
        uri=uri,
        mime_type=MEDIA_TYPES.get(info.container, "application/octet-stream"),
        blob=_bytes(clip),
    )


def _bytes(clip: Clip) -> str:
    return base64.b64encode(b"".join(clip.file_bytes())).decode("ascii")


def _about(references: References, id: str, uri: str) -> types.TextResourceContents:
    if references.store is None:
        raise ClipMissing(f"there is no clip {id!r} here")
    values = {**asdict(references.store.info(id)), "uri": uri, "audio": f"{uri}/audio"}
    text = json.dumps(values, ensure_ascii=False, indent=2)
    return types.TextResourceContents(uri=uri, mime_type="application/json", text=text)
