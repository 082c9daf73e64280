"""How an agent names audio: an attachment's id, a path inside its folders, or a URL if allowed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from qwen_audio_tools.agents.nearby import meant_by, recordings_in
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.errors import ClipMissing, ClipRefused, ClipUnreadable
from qwen_audio_tools.sources.policy import SourcePolicy, agent, roots_told
from qwen_audio_tools.spans import clock

_SHOWN = re.compile(
    r"\[?\s*(?:audio|clip)\s*:(?://)?\s*(?P<id>[0-9a-f]{12})\b[^\]]*\]?", re.IGNORECASE
)
_ID = re.compile(r"[0-9a-f]{12}")
_FILE_URI = re.compile(r"file:(?://(?:localhost)?)?(?P<path>/(?!/).*)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What the words of a model may stand for.

    `policy` says which paths and URLs are opened; without one, none. A path may be relative to any
    of its roots, and may be written as file://. `store` holds attachments; `ids` tells a model how
    to name those.
    """

    policy: SourcePolicy = field(default_factory=lambda: agent(()))
    store: ClipStore | None = None
    ids: str = "the id of an attachment as shown in [audio:ID …]"

    def resolve(
        self,
        audio: str | None,
        *,
        start: float | None = None,
        end: float | None = None,
        attachments: Sequence[str] = (),
    ) -> Clip:
        """Return the clip that is named; without a name the latest of `attachments`, ids in order.

        `start` and `end` are seconds of it.

        Raises:
            ClipMissing: nothing was attached, or there is nothing by that name.
            ClipRefused: the policy forbids it (when it is opened).
        """
        named = (audio or "").strip().strip("`'\"")
        clip = self._named(named) if named else self._latest(attachments)
        return clip if start is None and end is None else clip[start or 0.0 : end]

    def _latest(self, attachments: Sequence[str]) -> Clip:
        if not attachments:
            raise ClipMissing(
                "no audio is named, and none is attached",
                hint=f"name it in `audio`: {self.takes}",
            )
        return self._stored(attachments[-1])

    def _named(self, named: str) -> Clip:
        shown = _SHOWN.fullmatch(named)
        if shown:
            return self._stored(shown["id"].lower())
        if _ID.fullmatch(named) and self.store is not None and named in self.store:
            return self._stored(named)
        where = path_of(named) if named[:6].lower() == "file:/" else named
        found = self._in_roots(where)
        return Clip(found, policy=self.policy, title="" if found == where else where)

    def _in_roots(self, named: str) -> str:
        """Return where a relative path lies: in the first root that has it.

        Raises:
            ClipMissing, ClipUnreadable: it is in none of them, or a folder; the hint tells what is
                there.
        """
        roots = self.policy.roots
        if not roots or named[:1] in ("-", "~") or "\0" in named:
            return named
        places = (*(root / named for root in roots), Path(named))  # an absolute path stays one
        for place in places:
            if _is_there(place, roots):
                return str(_no_folder(place, named, roots))
        if _SCHEME.match(named):
            return named
        if not any(_is_inside(place, roots) for place in places):
            return str(roots[0] / named)
        raise ClipMissing(
            f"{named[:200]!r} does not exist in {roots_told(roots, ' or ')}",
            hint=meant_by(named, roots),
        )

    def _stored(self, id: str) -> Clip:
        if self.store is None:
            raise ClipMissing(f"attachment {id!r} is not kept here", hint="name a path instead")
        return self.store.get(id)

    @property
    def takes(self) -> str:
        """What `audio` may be, in words for a model."""
        ways = [self.ids] if self.store else []
        roots = self.policy.roots
        if roots is None:
            ways.append("a path")
        elif roots:
            ways.append(f"a path in {roots_told(roots, ' or ')}")
        if self.policy.allow_urls:
            ways.append("an https URL")
        return " or ".join(ways) or "nothing can be named here"


def path_of(uri: str) -> str:
    """Return the path that a file:// URI of this machine names.

    Raises:
        ClipRefused: it names another machine, or is no such URI.
    """
    match = _FILE_URI.fullmatch(uri)
    if match is None:
        raise ClipRefused(f"{uri[:200]!r} names no file of this machine", hint="give the path")
    return unquote(match["path"])


def _no_folder(place: Path, named: str, roots: Sequence[Path]) -> Path:
    if place.is_dir():
        raise ClipUnreadable(
            f"{named[:200]!r} is a folder, not a recording", hint=recordings_in([place], roots)
        )
    return place


def _is_there(place: Path, roots: Sequence[Path]) -> bool:
    # What lies outside the roots must look the same whether it exists or not.
    try:
        return _is_inside(place, roots) and place.exists()
    except OSError:  # a name that no file can have
        return False


def _is_inside(place: Path, roots: Sequence[Path]) -> bool:
    try:
        real = place.resolve()
    except (OSError, RuntimeError):  # a loop of links
        return False
    return any(real.is_relative_to(root.resolve()) for root in roots)


def shown(id: str, store: ClipStore) -> str:
    """Return how an attachment is shown to a model that hears nothing: `[audio:ID name 63 s]`.

    Raises:
        ClipMissing: no clip has this id.
    """
    info = store.info(id)
    name = re.sub(r"[\[\]\s]+", " ", info.name).strip()[:80]
    length = "" if info.seconds is None else f" {clock(info.seconds, tenths=info.seconds < 60)}"
    return f"[audio:{id} {name}{length}]"
