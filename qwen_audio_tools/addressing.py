"""How an engine is addressed: what it can be asked, and in which words."""

from collections.abc import Iterable, Sequence

from qwen_audio_tools.engines.base import EngineInfo, Options
from qwen_audio_tools.errors import EngineUnsupported, SettingsError
from qwen_audio_tools.tasks import Ability, Task, tasks_named


def check_abilities(wanted: Sequence[Task], info: EngineInfo) -> None:
    """Refuse a task that the engine can't do, before any audio is decoded.

    Raises:
        EngineUnsupported: naming what is missing.
    """
    for each in wanted:
        if missing := each.needs - info.abilities:
            raise EngineUnsupported(
                f"engine {info.name!r} can't do the task {each.name!r}: "
                f"it lacks {', '.join(sorted(missing))}",
                hint="qwa engines",
            )


def words_for(info: EngineInfo, options: Options) -> str:
    """Return the words in which a task is asked of that engine; none where its name is enough.

    Raises:
        EngineUnsupported: a base model was given several tasks at once.
    """
    if not options.task:
        return ""
    wanted = [each for each in tasks_named(options.task) if each.name != "question"]
    if info.prompting == "base":
        if len(wanted) > 1:
            raise EngineUnsupported(
                f"{info.label} does one task at a time, not {options.task!r}: it is a base model",
                hint="ask for each task on its own, or take a model that chats",
            )
        return " ".join(each.prompt("base", language=options.language or "en") for each in wanted)
    # A model that chats needs the task in words; others go by its name.
    if Ability.CHAT not in info.abilities:
        return ""
    return " ".join(each.prompt("instruct") for each in wanted)


def check(info: EngineInfo, questions: Sequence[str], options: Options) -> None:
    """Refuse what the engine can't answer, before any audio is decoded.

    Raises:
        EngineUnsupported: it lacks an ability, or can't keep to a JSON schema.
        SettingsError: no task has that name, or a question is missing.
    """
    if options.task:
        check_abilities(tasks_named(options.task), info)
        if not all(questions) and "question" in options.task.split("+"):
            raise SettingsError("the task 'question' needs a question", hint="qwa tasks")
    if options.schema is not None and not writes_freely(info):
        raise EngineUnsupported(
            f"engine {info.label!r} writes in its own words: no JSON schema can shape them",
            hint="--engine transformers:MODEL does (see: qwa engines)",
        )


def writes_freely(info: EngineInfo) -> bool:
    """Whether the engine is a language model: it samples, and can keep to a JSON schema."""
    return Ability.CHAT in info.abilities or info.prompting == "base"


def unheeded(info: EngineInfo, names: Iterable[str]) -> tuple[str, ...]:
    """Return which of these fields of Options mean nothing to the engine."""
    if writes_freely(info):
        return ()
    return tuple(name for name in names if not info.samples or name == "schema")


def warnings_about(info: EngineInfo, question: str, options: Options) -> tuple[str, ...]:
    """Return what the person should know about how the engine is asked."""
    if question or options.language or "{language}" not in _base_prompt(info, options):
        return ()
    return ("the model was told that the speech is English: it needs to know (--language CODE)",)


def _base_prompt(info: EngineInfo, options: Options) -> str:
    if info.prompting != "base" or not options.task:
        return ""
    return "".join(each.base for each in tasks_named(options.task))
