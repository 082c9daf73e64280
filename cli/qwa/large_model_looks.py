"""What `qwa doctor` looks at for Qwen2-Audio itself: the version, the device, memory, weights."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwa.findings import FAILED, OK, WARNING, Finding

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint


def is_installed() -> bool:
    """Whether the packages of the transformers engine are here."""
    from qwen_audio_tools.engines import BUILTIN

    return not BUILTIN["transformers"].missing


def version() -> Iterator[Finding]:
    """Say if transformers is one that Qwen2-Audio is broken with."""
    from qwen_audio_tools.engines.families import FAMILIES
    from qwen_audio_tools.engines.transformers.loading.versions import older_than

    needed = FAMILIES["qwen2_audio"].since
    if found := older_than(needed):
        yield Finding(
            name="transformers",
            state=FAILED,
            found=f"{found} runs Qwen2-Audio wrongly; {needed} and later run it right",
            hint=f"pip install 'transformers>={needed}'",
        )


def checkpoint_here() -> "Checkpoint | None":
    """Return a model on this machine that converses: that of the settings, or any."""
    from qwen_audio_tools.engines.transformers.loading import checkpoint, hubs
    from qwen_audio_tools.errors import QwenAudioError
    from qwen_audio_tools.settings import read

    settings = read()
    name, _, model = settings.engine.partition(":")
    others = (str(model.folder) for hub in hubs.HUBS for model in hubs.listed(hub) if model.whole)
    for wanted in (model if name == "transformers" else "", *others):
        try:
            found = checkpoint.find(wanted, settings)
        except QwenAudioError:
            continue
        if found.folder and found.family.chats:
            return found
    return None


def weights() -> Iterator[Finding]:
    """Say whether weights of Qwen2-Audio, or of a sibling, are here."""
    from qwen_audio_tools.engines.transformers.loading.checkpoint import DEFAULT

    here = checkpoint_here()
    yield Finding(
        name="large weights",
        state=OK if here else WARNING,
        found=str(here.folder) if here else "no Qwen2-Audio is here, nor a sibling that converses",
        hint="" if here else f"qwa models pull {DEFAULT}",
    )


def memory() -> Iterator[Finding]:
    """Say where the model would compute, what it needs there, and what is free."""
    from qwen_audio_tools.engines.transformers.loading import free_memory as free_of
    from qwen_audio_tools.engines.transformers.loading import memory as needs
    from qwen_audio_tools.engines.transformers.loading import placement
    from qwen_audio_tools.engines.transformers.loading.parameters import SEVEN_B
    from qwen_audio_tools.errors import QwenAudioError
    from qwen_audio_tools.settings import read

    here = checkpoint_here()
    config, files = (here.config, here.files) if here else (SEVEN_B, ())
    try:
        place = placement.place(read(), config)
        needed = needs.need(config, place, files=files)
        free = free_of.of_device(place.device)
    except QwenAudioError as error:
        yield Finding(name="device", state=FAILED, found=str(error), hint=error.hint)
        return
    bits = "" if place.quantize == "none" else f", {place.quantize}"
    yield Finding(
        name="device", state=OK, found=f"{place.device}, {place.dtype}{bits}, {place.attention}"
    )
    enough = free is None or needed.total <= free
    model = here.family.model_type if here else "Qwen2-Audio-7B"
    left = "nobody can tell what is" if free is None else f"{needs.gigabytes(free)} are"
    yield Finding(
        name="memory",
        state=OK if enough else WARNING,
        found=f"{model} needs {needs.gigabytes(needed.total)}, {left} free",
        hint="" if enough else needs.ways_out(config, place, files),
    )
