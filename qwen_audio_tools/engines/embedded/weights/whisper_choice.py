"""Which Whisper: the base model, the user's own folder, or a size from the hub."""

from pathlib import Path

from qwen_audio_tools import settings
from qwen_audio_tools.errors import SettingsError, WeightsMissing
from qwen_audio_tools.folders import cache_folder


def is_whisper(path: Path) -> bool:
    """Tell whether `path` is a folder with a Whisper model in CTranslate2 form."""
    return (path / "model.bin").is_file() and (path / "tokenizer.json").is_file()


def own_choice() -> str:
    """Return the setting `whisper` (`QWA_WHISPER`), empty for the base model."""
    chosen = settings.read().whisper
    return "" if chosen == "base" else chosen


def chosen_name(named: Path | str | None = None) -> str:
    """Return the name of the Whisper that is meant, for people and for the keys of caches."""
    chosen = str(named or own_choice() or "base")
    return f"whisper-{Path(chosen).name}"


def own_whisper(chosen: str, *, offline: bool = False) -> Path:
    """Return the folder that `chosen` means; a size is fetched by faster-whisper from its hub.

    Raises:
        SettingsError: `chosen` is neither such a folder nor a size.
        WeightsMissing: the hub did not give it.
    """
    path = Path(chosen).expanduser()
    if is_whisper(path):
        return path
    from faster_whisper.utils import available_models, download_model

    if path.exists() or chosen not in available_models():
        raise SettingsError(
            f"Whisper {chosen!r} is not known: allowed are a folder with model.bin and"
            f" tokenizer.json, or one of {', '.join(available_models())}",
        )
    try:
        found = download_model(
            chosen, cache_dir=str(cache_folder() / "hub"), local_files_only=offline
        )
    except Exception as error:  # the hub client raises the kinds of three libraries
        raise WeightsMissing(
            f"the hub did not give Whisper {chosen!r}: {error}",
            hint="name no Whisper and unset QWA_WHISPER: the base model needs no hub",
        ) from error
    return Path(found)
