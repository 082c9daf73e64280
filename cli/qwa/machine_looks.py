"""What `qwa doctor` looks at on this machine: versions, engines, small models, folders."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwa.findings import FAILED, OK, WARNING, Finding

if TYPE_CHECKING:
    from qwen_audio_tools.engines.server.engine import ServerState
    from qwen_audio_tools.settings import Settings

PACKAGES = (
    *("av", "soundfile", "soxr", "numpy"),
    *("faster-whisper", "ctranslate2", "onnxruntime"),
    *("torch", "transformers", "huggingface-hub", "modelscope", "llguidance"),
    "httpx2",
)
SPACE_MB = 500
"""Free megabytes below which fetching and keeping things goes wrong soon."""


def versions() -> Iterator[Finding]:
    """Say which versions are installed of what answers rest on."""
    from importlib.metadata import PackageNotFoundError, version

    from qwen_audio_tools import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding(name="qwen-audio-tools", state=OK, found=f"{__version__}, Python {python}")
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} -")
    yield Finding(name="packages", state=OK, found=", ".join(found))


def engines() -> Iterator[Finding]:
    """Say which engines are installed; only a machine without any is ill."""
    from qwen_audio_tools.engines import specs

    found = list(specs())
    absent = WARNING if any(not spec.missing for spec in found) else FAILED
    for spec in found:
        missing = ", ".join(spec.missing)
        yield Finding(
            name=f"engine {spec.name}",
            state=absent if missing else OK,
            found=f"missing: {missing}" if missing else spec.about,
            hint=f"pip install 'qwen-audio-tools[{spec.extra}]'" if missing else "",
        )


def server_states(settings: "Settings") -> "tuple[ServerState, ...]":
    """Return how the servers of the settings fare; none where the client for them is missing."""
    from qwen_audio_tools.engines import BUILTIN

    if BUILTIN["server"].missing:
        return ()
    from qwen_audio_tools.engines.server.choosing import looked_at

    return looked_at(settings)


def servers() -> Iterator[Finding]:
    """Say which of the servers that the settings name answer, and as what."""
    from qwen_audio_tools.errors import QwenAudioError
    from qwen_audio_tools.settings import read

    try:
        states = server_states(read())
    except QwenAudioError as error:
        yield Finding(name="servers", state=FAILED, found=str(error), hint=error.hint)
        return
    absent = WARNING if any(state.ready for state in states) else FAILED
    for state in states:
        yield Finding(
            name=f"server {state.address}",
            state=OK if state.ready else absent,
            found=state.told,
            hint="" if state.ready else "qwa config show tells where its address came from",
        )


def weights() -> Iterator[Finding]:
    """Say which of the embedded engine's small models are here."""
    from qwen_audio_tools.engines.embedded import weights as small

    missing = [entry for entry in small.table() if not small.is_here(entry.name)]
    size = sum(entry.download_bytes for entry in missing) / 1e6
    yield Finding(
        name="weights",
        state=WARNING if missing else OK,
        found=f"{len(missing)} of {len(small.table())} are not here yet ({size:.0f} MB to fetch)"
        if missing
        else f"all {len(small.table())} are here",
        hint="qwa models pull" if missing else "",
    )


def folders() -> Iterator[Finding]:
    """Say whether the cache can be written, and has room."""
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
        yield Finding(name="cache", state=FAILED, found=why, hint="set QWA_CACHE to a folder")
        return
    low = free < SPACE_MB
    yield Finding(
        name="cache",
        state=WARNING if low else OK,
        found=f"{folder}, {free / 1000:.1f} GB free",
        hint="free some space, or set QWA_CACHE to another disk" if low else "",
    )
