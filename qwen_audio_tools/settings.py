"""Settings: a file, the environment, arguments; the later wins, and each value knows its origin."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from qwen_audio_tools import setting_kinds as kinds
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.folders import config_folder
from qwen_audio_tools.settings_file import values_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A row of the table. `parse` takes a string (environment) or a TOML value, or ValueError."""

    name: str
    variable: str
    default: Any
    about: str
    parse: Callable[[object], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values that hold now. `origin(name)` tells where each one came from."""

    engine: str
    lang: str
    whisper: str
    offline: bool
    analysis_cache_mb: int
    roots: tuple[Path, ...]
    hub: str
    device: str
    dtype: str
    quantize: str
    attention: str
    prompting: str
    aligner: str
    exact: bool
    reuse_mb: int
    server_urls: tuple[str, ...]
    server_model: str
    server_dialect: str
    server_key_file: Path | None
    server_timeout: float
    server_concurrency: int
    archive: Path | None
    archive_index: str
    archive_rerank: str
    origins: Mapping[str, str]

    def origin(self, name: str) -> str:
        """Return "argument", the environment variable, the file, or "default"."""
        return self.origins[name]


TABLE: dict[str, Setting] = {
    row.name: row
    for row in (
        Setting(
            name="engine",
            variable="QWA_ENGINE",
            default="auto",
            about="who answers: an engine's name, name:model, or auto",
            parse=kinds.text,
        ),
        Setting(
            name="lang",
            variable="QWA_LANG",
            default="auto",
            about="language of answers and of the interface: auto, en or zh",
            parse=kinds.one_of("auto", "en", "zh"),
        ),
        Setting(
            name="whisper",
            variable="QWA_WHISPER",
            default="base",
            about="speech model of the embedded engine: base, another size, or a folder",
            parse=kinds.text,
        ),
        Setting(
            name="offline",
            variable="QWA_OFFLINE",
            default=False,
            about="never fetch anything",
            parse=kinds.switch,
        ),
        Setting(
            name="analysis_cache_mb",
            variable="QWA_ANALYSIS_CACHE_MB",
            default=512,
            about="megabytes of kept analyses, so that a second question is nearly free",
            parse=kinds.megabytes,
        ),
        Setting(
            name="roots",
            variable="QWA_ROOTS",
            default=(),
            about="folders that agents and clients may name audio in",
            parse=kinds.folders,
        ),
        Setting(
            name="hub",
            variable="QWA_HUB",
            default="huggingface",
            about="where the transformers engine finds models: huggingface or modelscope",
            parse=kinds.one_of("huggingface", "modelscope"),
        ),
        Setting(
            name="device",
            variable="QWA_DEVICE",
            default="auto",
            about="where the transformers engine computes: auto, cpu, cuda, cuda:1, mps",
            parse=kinds.text,
        ),
        Setting(
            name="dtype",
            variable="QWA_DTYPE",
            default="auto",
            about="its number format: auto, bfloat16, float16 or float32",
            parse=kinds.one_of("auto", "bfloat16", "float16", "float32"),
        ),
        Setting(
            name="quantize",
            variable="QWA_QUANTIZE",
            default="none",
            about="weights in fewer bits: none, 8bit or 4bit (4bit on CUDA only)",
            parse=kinds.one_of("none", "8bit", "4bit"),
        ),
        Setting(
            name="attention",
            variable="QWA_ATTENTION",
            default="auto",
            about="its attention: auto, sdpa, eager or flash_attention_2",
            parse=kinds.one_of("auto", "sdpa", "eager", "flash_attention_2"),
        ),
        Setting(
            name="prompting",
            variable="QWA_PROMPTING",
            default="auto",
            about="how it is addressed: chat, base (raw task prompts), or auto by its name",
            parse=kinds.one_of("auto", "chat", "base"),
        ),
        Setting(
            name="aligner",
            variable="QWA_ALIGNER",
            default="",
            about="a Qwen3 forced aligner, by id or folder, that gives transcribed words times",
            parse=kinds.text,
        ),
        Setting(
            name="exact",
            variable="QWA_EXACT",
            default=False,
            about="keep to the model's own order of arithmetic: slower, same tokens in bf16 too",
            parse=kinds.switch,
        ),
        Setting(
            name="reuse_mb",
            variable="QWA_REUSE_MB",
            default=4096,
            about="megabytes that the transformers engine keeps for the next question",
            parse=kinds.megabytes,
        ),
        Setting(
            name="server_urls",
            variable="QWA_SERVER_URLS",
            default=(),
            about="servers to ask, http://host:8000/v1; several, with commas, make a fleet",
            parse=kinds.words,
        ),
        Setting(
            name="server_model",
            variable="QWA_SERVER_MODEL",
            default="",
            about="which of their models answers; not needed where they have one",
            parse=kinds.text,
        ),
        Setting(
            name="server_dialect",
            variable="QWA_SERVER_DIALECT",
            default="auto",
            about="how they are spoken to: auto, vllm, sglang, transformers, llamacpp, openai, …",
            parse=kinds.text,
        ),
        Setting(
            name="server_key_file",
            variable="QWA_SERVER_KEY_FILE",
            default=None,
            about="a file with the key of the servers; QWA_SERVER_KEY, the key itself, comes first",
            parse=kinds.file,
        ),
        Setting(
            name="server_timeout",
            variable="QWA_SERVER_TIMEOUT",
            default=600.0,
            about="seconds for an answer from a server, retries and waiting included",
            parse=kinds.seconds,
        ),
        Setting(
            name="server_concurrency",
            variable="QWA_SERVER_CONCURRENCY",
            default=32,
            about="requests that one server gets at once",
            parse=kinds.count,
        ),
        Setting(
            name="archive",
            variable="QWA_ARCHIVE",
            default=None,
            about="folder of the podcast archive; archive in the data folder where it is not set",
            parse=kinds.folder,
        ),
        Setting(
            name="archive_index",
            variable="QWA_ARCHIVE_INDEX",
            default="",
            about="where its index is kept, such as s3://bucket/index; in the archive if empty",
            parse=kinds.text,
        ),
        Setting(
            name="archive_rerank",
            variable="QWA_ARCHIVE_RERANK",
            default="none",
            about="a cross-encoder, by id or folder, that orders what a search of it found",
            parse=kinds.text,
        ),
    )
}


def settings_file() -> Path:
    """Return the path of the settings file; it need not exist."""
    return config_folder() / "config.toml"


def read(**arguments: object) -> Settings:
    """Return the settings: file < environment < `arguments`, where None means "not given".

    Raises:
        SettingsError: the file is no TOML, a name is unknown, or a value is impossible.
    """
    path = settings_file()
    written, lines = values_in(path)
    for name in (*arguments, *written):
        if name not in TABLE:
            place = f"{path}, line {lines[name]}" if name in lines else "the arguments"
            raise _unknown(name, place)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, row in TABLE.items():
        given: object = row.default
        origin = where = "default"
        if name in written:
            given, origin, where = written[name], str(path), f"{path}, line {lines[name]}"
        if row.variable in os.environ:
            given, origin, where = os.environ[row.variable], row.variable, row.variable
        if arguments.get(name) is not None:
            given, origin, where = arguments[name], "argument", "the arguments"
        try:
            values[name] = row.default if origin == "default" else row.parse(given)
        except ValueError as error:
            raise SettingsError(
                f"{name} cannot be {given!r} ({where}): {error}", hint="qwa config show --help"
            ) from error
        origins[name] = origin
    return Settings(**values, origins=origins)


def _unknown(name: str, place: str) -> SettingsError:
    near = get_close_matches(name, TABLE, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(TABLE)}"
    return SettingsError(f"no setting is called {name!r} ({place}){meant}", hint="qwa config show")
