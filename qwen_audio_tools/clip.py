"""Clip: a reference to audio, with an optional span; opened and decoded only when asked for.

Knows nothing of engines, and keeps no samples: what it remembers are a few numbers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_audio_tools import clip_reading as reading
from qwen_audio_tools.decoding.limits import RATE
from qwen_audio_tools.errors import ClipError, ClipMissing
from qwen_audio_tools.sources.policy import SourcePolicy, person

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qwen_audio_tools.clip_store import ClipStore
    from qwen_audio_tools.decoding.limits import AudioInfo

    Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Clip:
    """Audio to ask about.

    Args:
        source: a path, an https URL, "-" for stdin, bytes, a binary file, `(samples, rate)` with
            floats or integers of shape (n,), (n, channels) or (channels, n), or a
            `pydub.AudioSegment`. Stored clips come from `ClipStore.get`.
        start: seconds of the recording at which the clip begins; None is its start.
        end: seconds of the recording at which it ends; None is its end.
        policy: what may be opened and how much of it; a person's by default.
        title: what to call it; made from the source otherwise.

    Raises:
        ClipError: the span is negative, reversed or empty. All else is raised when it is opened.
    """

    source: Any
    start: float | None = None
    end: float | None = None
    policy: SourcePolicy = field(default_factory=person, kw_only=True)
    title: str = field(default="", kw_only=True)
    _known: reading.Known = field(default_factory=reading.Known, kw_only=True)

    def __post_init__(self) -> None:
        from qwen_audio_tools.decoding.stream import check_span

        if isinstance(self.source, Clip):
            raise ClipError("a Clip of a Clip: cut it with clip[start:end] instead")
        check_span(self.start or 0.0, self.end, self.name)

    def __repr__(self) -> str:
        span = "" if self.start is None and self.end is None else f", {self.start}, {self.end}"
        return f"Clip({self.name!r}{span})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Clip):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        by_value = isinstance(self.source, str | bytes | Path)
        return (self.source if by_value else id(self.source), self.start, self.end)

    def _address(self) -> reading.Address:
        return reading.Address(self.source, self.policy, self.name, self._known.shared)

    def __getitem__(self, span: slice) -> Clip:
        """Return the part between two seconds of this clip, such as `clip[12.0:31.5]`.

        Raises:
            ClipError: negative, reversed, empty, or with a step.
            ClipMissing: it begins after the end, as far as that is known yet.
        """
        if not isinstance(span, slice) or span.step is not None:
            raise ClipError(f"{self.name!r} is cut by seconds: clip[12.0:31.5]")
        first, last = float(span.start or 0.0), span.stop
        if first < 0 or (last is not None and last < 0):
            raise ClipError(f"{self.name!r}: {first}:{last} counts from the end; seconds are >= 0")
        base = self.start or 0.0
        if self.end is not None and base + first >= self.end:
            raise ClipMissing(
                f"{self.name!r} lasts {self.end - base:g} s; nothing begins at {first:g} s"
            )
        ends = [end for end in (self.end, None if last is None else base + last) if end is not None]
        return Clip(
            self.source,
            base + first,
            min(ends, default=None),
            policy=self.policy,
            title=self.title,
            _known=self._known.part(),
        )

    @property
    def name(self) -> str:
        """What to call it: a path as given, a URL without its query, or the kind of source."""
        return self.title or reading.name_of(self.source)

    @property
    def info(self) -> AudioInfo:
        """What the header of the whole recording says; nothing is decoded."""
        if "info" not in self._known.shared:
            self._look()
        info: AudioInfo = self._known.shared["info"]
        return info

    @property
    def duration_hint(self) -> float | None:
        """Seconds that the header promises for this clip, None if it can't say; never decodes."""
        if "claimed" not in self._known.shared:
            self._look()
        promised = self._known.shared["claimed"]
        if promised is None:
            return None
        last = promised if self.end is None else min(promised, self.end)
        return float(max(0.0, last - (self.start or 0.0)))

    def _look(self) -> None:
        with reading.opened(self._address()) as reader:
            self._known.shared.update(info=reader.info, claimed=reader.claimed)

    @property
    def duration(self) -> float:
        """Seconds of this clip: from the header if the file bears it out, else by decoding."""
        whole = self._whole()
        start = self.start or 0.0
        if start >= whole:
            raise ClipMissing(f"{self.name!r} lasts {whole:.2f} s; nothing begins at {start:g} s")
        return (whole if self.end is None else min(whole, self.end)) - start

    def _whole(self) -> float:
        shared = self._known.shared
        if "whole" not in shared:
            with reading.opened(self._address()) as reader:
                shared.update(info=reader.info, claimed=reader.claimed)
                shared["whole"] = reader.reaches()
            if shared["whole"] is None:
                shared["whole"] = reading.whole_by_decoding(self._address())
        return float(shared["whole"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was mixed, lost or filled in; complete once the clip was decoded to its end."""
        found: tuple[str, ...] = self._known.own.get("warnings", ())
        return found

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hex of the source's bytes and the span; nothing is decoded. Names caches."""
        shared = self._known.shared
        if "digest" not in shared:
            shared["digest"] = reading.digest(self._address())
        text = f"{shared['digest']}:{self.start or 0.0!r}:{self.end!r}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def sha256(self) -> str:
        """SHA-256 in hex of the decoded samples (16 kHz, mono, float32, little endian)."""
        if "sha256" not in self._known.own:
            digest = hashlib.sha256()
            for block in self._decoded():
                digest.update(block.astype("<f4", copy=False).tobytes())
            self._known.own["sha256"] = digest.hexdigest()
        return str(self._known.own["sha256"])

    def _decoded(self, observe: reading.Observe | None = None) -> Iterator[Samples]:
        run = reading.Run(self._address())
        yield from run.blocks(self.start or 0.0, self.end, observe)
        self._known.own["warnings"] = run.warnings
        self._known.shared.update(info=run.info, claimed=run.claimed)
        if run.whole is not None:
            self._known.shared["whole"] = run.whole

    def blocks(self, seconds: float) -> Iterator[Samples]:
        """Yield float32 blocks of shape (n,) at 16 kHz, `seconds` long, the last one shorter.

        The recording is streamed in constant memory, and decoded anew at each call.
        """
        return reading.even(self._decoded(), max(1, round(seconds * RATE)))

    def listen(self, observe: reading.Observe) -> None:
        """Decode once, and show `observe` each block in the recording's own rate and channels.

        It is called with (rate in Hz, samples of shape (n, channels)), valid until it returns.
        """
        for _ in self._decoded(observe):
            pass

    def samples(self) -> Samples:
        """Return all samples: float32, shape (n,), 16 kHz, 230 MB an hour."""
        import numpy as np

        return np.concatenate(list(self._decoded()))

    def file_bytes(self) -> Iterator[bytes]:
        """Yield the source's own bytes in pieces; a part, or samples in memory, as 16 kHz WAV."""
        if self.start or self.end is not None:
            yield self.wav_bytes()
        else:
            yield from reading.bytes_of(self._address())

    def wav_bytes(self) -> bytes:
        """Return the clip as a WAV file: 16 kHz, mono, 16 bit, louder than full scale clipped."""
        return reading.wav(self._decoded())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a path, URL or stored clip.

        Raises:
            ClipError: the source lives in memory only; put it into a ClipStore first.
        """
        if isinstance(self.source, str | os.PathLike):
            where = {"source": os.fspath(self.source)}
        elif isinstance(self.source, reading.Stored):
            where = {"id": self.source.id}
        else:
            raise ClipError(
                f"{self.name!r} lives in memory and has no address",
                hint="ClipStore().put(clip) gives it an id",
            )
        return {**where, "start": self.start, "end": self.end}

    @classmethod
    def from_dict(
        cls,
        values: Mapping[str, Any],
        *,
        store: ClipStore | None = None,
        policy: SourcePolicy | None = None,
    ) -> Clip:
        """Return the clip that `to_dict` described; ids are looked up in `store`."""
        start, end = values.get("start"), values.get("end")
        if "id" in values:
            if store is None:
                raise ClipError(f"clip {values['id']!r} lies in a ClipStore; none was given")
            whole = store.get(values["id"])
            return cls(whole.source, start, end, policy=whole.policy, title=whole.title)
        return cls(values["source"], start, end, policy=policy or person())
