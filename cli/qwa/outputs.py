"""Files of results: named after their clips, written whole or not at all."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qwa.exits import OutputFailed
from qwa.interrupts import unfinished
from qwa.options import usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where results go: one file for each clip in `folder`, ending in `.suffix`."""

    folder: Path
    suffix: str
    skip_existing: bool = False
    force: bool = False

    def paths(self, sources: Sequence[str]) -> dict[str, Path]:
        """Return a file for each source: its stem, or its whole path where stems are the same.

        Raises:
            UsageError: a file is there already, and nothing says what to do with it.
        """
        stems = [_stem(source) for source in sources]
        found = {
            source: self.folder
            / f"{stem if stems.count(stem) == 1 else _flat(source)}.{self.suffix}"
            for source, stem in zip(sources, stems, strict=True)
        }
        old = next((path for path in found.values() if path.exists()), None)
        if old is not None and not self.skip_existing and not self.force:
            raise usage(
                f"{str(old)!r} exists already",
                "add --skip-existing to keep such files, or --force to write them anew",
            )
        return found


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputFailed: the disk is full, or the folder can't be written to.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.add(draft)
        with draft.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # some file systems report a full disk only here
        draft.replace(path)
    except OSError as error:
        raise OutputFailed(
            f"{str(path)!r} cannot be written: {error.strerror}",
            hint="free some space there, or choose another folder with --out",
        ) from error
    finally:
        _discard(draft)


def _discard(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError:
        return
    finally:
        unfinished.discard(draft)


def _stem(source: str) -> str:
    return "stdin" if source == "-" else Path(source).stem


def _flat(source: str) -> str:
    # Two clips called "a" in different folders, or a.wav beside a.mp3, must not share a file.
    parts = [part for part in Path(os.path.normpath(source)).parts if part not in ("/", "..")]
    return "_".join(parts)
