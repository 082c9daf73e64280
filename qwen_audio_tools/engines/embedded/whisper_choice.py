"""A Whisper that the user chose with `QWA_WHISPER`: their own folder, or a size from the hub."""

from pathlib import Path

from qwen_audio_tools.errors import SettingsError, WeightsMissing
from qwen_audio_tools.folders import cache_folder


def is_whisper(path: Path) -> bool:
    """Tell whether `path` is a folder with a Whisper model in CTranslate2 form."""
    return (path / "model.bin").is_file() and (path / "tokenizer.json").is_file()


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
            f"QWA_WHISPER is {chosen!r}: allowed are a folder with model.bin and tokenizer.json,"
            f" or one of {', '.join(available_models())}",
        )
    try:
        found = download_model(
            chosen, cache_dir=str(cache_folder() / "hub"), local_files_only=offline
        )
    except Exception as error:  # the hub client raises the kinds of three libraries
        raise WeightsMissing(
            f"the hub did not give Whisper {chosen!r}: {error}",
            hint="unset QWA_WHISPER to use the base model from the package registry",
        ) from error
    return Path(found)
