"""The form of a transcription request, read into what is asked; nothing in it goes unheard."""

from dataclasses import dataclass, replace
from enum import StrEnum

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.content_blocks import Origin
from qwen_audio_tools.engines.base import EngineInfo, Options
from qwen_audio_tools.serving.http.bodies import Form
from qwen_audio_tools.serving.http.reading import Fields
from qwen_audio_tools.serving.http.refusals import invalid


class Shape(StrEnum):
    """The forms that a transcript can take."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    VERBOSE = "verbose_json"
    DIARIZED = "diarized_json"


_READ = {"file", "model", "language", "response_format", "temperature", "stream"}
_READ |= {"timestamp_granularities"}
_IGNORED = {"chunking_strategy", "user"}  # it is cut at pauses in any case
_REFUSED = {
    "prompt": "no engine here is steered by one",
    "include": "no engine here tells them",
    "known_speaker_names": "voices are told apart here, not recognised",
    "known_speaker_references": "voices are told apart here, not recognised",
    "keywords": "no engine here is steered by them",
    "languages": "name one language (`language`), or none, and it is found out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a transcription request asks for; `warnings` are of what changed nothing."""

    clip: Clip
    model: str | None
    options: Options
    shape: Shape
    stream: bool


def wanted(
    form: Form,
    files: list[tuple[str, str, bytes]],
    *,
    translate: bool,
    origin: Origin,
    defaults: Options,
) -> Wanted:
    """Return what the form asks for.

    Raises:
        Refused: there is no file, a value cannot be, or a field is not taken.
    """
    _check_names(form)
    shape = _shape(form, translate=translate)
    stream = _switch(form, "stream")
    if stream and (translate or shape not in (Shape.JSON, Shape.TEXT)):
        what = "a translation" if translate else str(shape)
        raise invalid(f"{what} doesn't come in a stream", param="stream", hint="leave stream out")
    _check_granularities(form, shape)
    task = "translate" if translate else "transcribe"
    if shape is Shape.DIARIZED:
        task += "+speakers"
    language = _one(form, "language")
    if language is not None and not (language.isascii() and language.isalpha()):
        raise invalid(
            f"language cannot be {language!r:.40}: a code such as en or zh is needed",
            param="language",
        )
    options = replace(defaults, task=task, language=language and language.lower(), schema=None)
    temperature = _temperature(form)
    if temperature is not None:
        options = replace(options, temperature=temperature)
    return Wanted(
        clip=_clip(files, origin),
        model=_one(form, "model"),
        options=options,
        shape=shape,
        stream=stream,
    )


def unheard(wanted: Wanted, info: EngineInfo, *, writes: bool) -> tuple[str, ...]:
    """Return a warning where the engine knows no temperature."""
    if writes or not wanted.options.temperature:
        return ()
    return (f"{info.label} takes what is likeliest: temperature changed nothing",)


def _clip(files: list[tuple[str, str, bytes]], origin: Origin) -> Clip:
    found = [(name, data) for field, name, data in files if field == "file"]
    if not found:
        raise invalid("file is missing: the audio itself, as a file of the form", param="file")
    name, data = found[0]
    origin.policy.limits.check_size(len(data), name or "the file")
    return Clip(data, policy=origin.policy, title=name)


def _check_names(form: Form) -> None:
    for name, values in form.items():
        if name in _READ or name in _IGNORED or not any(values):
            continue
        if name in _REFUSED:
            raise invalid(f"{name} is not taken: {_REFUSED[name]}", param=name, hint="leave it out")
        base = name.partition("[")[0]
        if base not in _IGNORED:
            raise invalid(
                f"{name!r:.80} is not taken here",
                param=name[:80],
                hint=f"these are: {', '.join(sorted(_READ))}",
            )


def _shape(form: Form, *, translate: bool) -> Shape:
    given = _one(form, "response_format") or "json"
    try:
        shape = Shape(given)
    except ValueError:
        shape = None
    if shape is None or (translate and shape is Shape.DIARIZED):
        raise invalid(
            f"response_format cannot be {given!r:.40}: there are {', '.join(Shape)}",
            param="response_format",
        )
    return shape


def _check_granularities(form: Form, shape: Shape) -> None:
    for each in form.get("timestamp_granularities", ()):
        if each == "word":
            raise invalid(
                "timestamp_granularities cannot be 'word': segments have times here, words none",
                param="timestamp_granularities",
                hint="segment",
            )
        if each != "segment" or shape is not Shape.VERBOSE:
            raise invalid(
                f"timestamp_granularities cannot be {each!r:.40}: "
                "it is segment, with response_format verbose_json",
                param="timestamp_granularities",
            )


def _temperature(form: Form) -> float | None:
    given = _one(form, "temperature")
    if given is None:
        return None
    try:
        value = float(given)
    except ValueError:
        raise invalid(
            f"temperature cannot be {given!r:.40}: a number is needed", param="temperature"
        ) from None
    return Fields({"temperature": value}).number("temperature", 0, 2)


def _switch(form: Form, name: str) -> bool:
    given = (_one(form, name) or "false").lower()
    if given not in ("true", "false", "1", "0"):
        raise invalid(f"{name} cannot be {given!r:.40}: it is true or false", param=name)
    return given in ("true", "1")


def _one(form: Form, name: str) -> str | None:
    values = [value for value in form.get(name, ()) if value]
    if len(values) > 1:
        raise invalid(f"{name} is given {len(values)} times", param=name)
    return values[0] if values else None
