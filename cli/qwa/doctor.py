"""`qwa doctor`: what works here, what doesn't, and the command that mends it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import typer

from qwa import options as o

PACKAGES = ("av", "soundfile", "soxr", "numpy", "faster-whisper", "ctranslate2", "onnxruntime")
SPACE_MB = 500
"""Free megabytes below which fetching and keeping things goes wrong soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `state` is "ok", "warning" or "failed"."""

    name: str
    state: str
    found: str
    hint: str = ""


def doctor(
    context: typer.Context,
    as_json: o.JSON = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Check what works here and how to mend it.

    Looks at versions, engines, weights, folders and disk, then asks about a made sound.
    """
    import json

    from qwa.hushing import hush
    from qwa.manners import write_line
    from qwa.render import table
    from qwen_audio_tools import settings as qwa_settings

    manners = o.manners_of(context)
    qwa_settings.read()
    hush(manners)
    findings = [finding for look in LOOKS for finding in look()]
    if as_json:
        value = [asdict(finding) for finding in findings]
        write_line(sys.stdout, json.dumps(value, ensure_ascii=False, indent=2))
    else:
        for line in table((f.name, manners.words(f.state), f.found) for f in findings):
            write_line(sys.stdout, line)
        for finding in findings:
            if finding.hint:
                manners.tell(f"{finding.name}: {finding.hint}", kind="hint")
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(6)


def _versions() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    from qwen_audio_tools import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding(name="qwen-audio-tools", state="ok", found=f"{__version__}, Python {python}")
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} -")
    yield Finding(name="packages", state="ok", found=", ".join(found))


def _engines() -> Iterator[Finding]:
    from qwen_audio_tools.engines import specs

    for spec in specs():
        missing = ", ".join(spec.missing)
        yield Finding(
            name=f"engine {spec.name}",
            state="failed" if missing else "ok",
            found=f"missing: {missing}" if missing else spec.about,
            hint=f"pip install 'qwen-audio-tools[{spec.extra}]'" if missing else "",
        )


def _weights() -> Iterator[Finding]:
    from qwen_audio_tools.engines.embedded import weights

    missing = [entry for entry in weights.table() if not weights.is_here(entry.name)]
    size = sum(entry.download_bytes for entry in missing) / 1e6
    yield Finding(
        name="weights",
        state="warning" if missing else "ok",
        found=f"{len(missing)} of {len(weights.table())} are not here yet ({size:.0f} MB to fetch)"
        if missing
        else f"all {len(weights.table())} are here",
        hint="qwa models pull" if missing else "",
    )


def _folders() -> Iterator[Finding]:
    import shutil
    import tempfile

    from qwen_audio_tools.folders import cache_folder

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free / 1e6
    except OSError as error:
        why = f"{folder}: {error.strerror}"
        yield Finding(name="cache", state="failed", found=why, hint="set QWA_CACHE to a folder")
        return
    low = free < SPACE_MB
    yield Finding(
        name="cache",
        state="warning" if low else "ok",
        found=f"{folder}, {free / 1000:.1f} GB free",
        hint="free some space, or set QWA_CACHE to another disk" if low else "",
    )


def _self_test() -> Iterator[Finding]:
    """Ask which sounds are heard in a made clip of a smoke alarm; the truth is known."""
    from time import monotonic

    from qwen_audio_tools.engines.embedded import weights
    from qwen_audio_tools.errors import QwenAudioError

    if not weights.is_here("yamnet"):
        yield Finding(
            name="self-test", state="warning", found="not tried: the weights are not here"
        )
        return
    started = monotonic()
    try:
        heard = _heard_in_an_alarm()
    except QwenAudioError as error:
        yield Finding(name="self-test", state="failed", found=str(error), hint=error.hint)
        return
    right = "alarm" in heard.lower()
    yield Finding(
        name="self-test",
        state="ok" if right else "failed",
        found=f"a made alarm was heard as: {heard or 'nothing'} ({monotonic() - started:.1f} s)",
        hint="" if right else "qwa models remove yamnet && qwa models pull yamnet",
    )


def _heard_in_an_alarm() -> str:
    from qwen_audio_tools.asking import ask
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.base import Options
    from qwen_audio_tools.testing import RATE, smoke_alarm

    clip = Clip((smoke_alarm(), RATE))
    answer = ask(clip, engine="embedded", options=Options(task="sound_events", lang="en"))
    return ", ".join(dict.fromkeys(e.text for e in answer.evidence if e.kind == "sound"))


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _versions,
    _engines,
    _weights,
    _folders,
    _self_test,
)
