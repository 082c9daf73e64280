"""How an agent names audio: an attachment's id, a path inside its folders, or a URL if allowed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.errors import ClipMissing
from qwen_audio_tools.sources.policy import SourcePolicy, agent
from qwen_audio_tools.spans import clock

_SHOWN = re.compile(r"\[?\s*(?:audio|clip)\s*:\s*(?P<id>[0-9a-f]{12})\b[^\]]*\]?", re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What the words of a model may stand for.

    `policy` says which paths and URLs are opened; without one, none. `store` holds attachments.
    """

    policy: SourcePolicy = field(default_factory=lambda: agent(()))
    store: ClipStore | None = None

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
        return Clip(named, policy=self.policy)

    def _stored(self, id: str) -> Clip:
        if self.store is None:
            raise ClipMissing(f"attachment {id!r} is not kept here", hint="name a path instead")
        return self.store.get(id)

    @property
    def takes(self) -> str:
        """What `audio` may be, in words for a model."""
        ways = ["the id of an attachment as shown in [audio:ID …]"] if self.store else []
        roots = self.policy.roots
        if roots is None:
            ways.append("a path")
        elif roots:
            ways.append(f"a path in {' or '.join(map(str, roots))}")
        if self.policy.allow_urls:
            ways.append("an https URL")
        return ", ".join(ways) or "nothing can be named here"


def shown(id: str, store: ClipStore) -> str:
    """Return how an attachment is shown to a model that hears nothing: `[audio:ID name 63 s]`.

    Raises:
        ClipMissing: no clip has this id.
    """
    info = store.info(id)
    name = re.sub(r"[\[\]\s]+", " ", info.name).strip()[:80]
    length = "" if info.seconds is None else f" {clock(info.seconds, tenths=info.seconds < 60)}"
    return f"[audio:{id} {name}{length}]"
