"""The tasks of the core as prompts: the words that Qwen2-Audio is asked in."""

from llama_index.core.prompts import RichPromptTemplate
from llama_index.prompts.qwen_audio.base import AudioPromptTemplate

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.tasks import tasks_named


def task_prompt(task: str, lang: str = "en") -> AudioPromptTemplate:
    """Return the prompt of a task of `qwa tasks`, with `clip` for the audio.

    "question" has `question` besides. `lang` is "en" or "zh".

    Raises:
        SettingsError: there is no such task or language.
    """
    return AudioPromptTemplate(f"{{clip:audio}}\n{_words(task, lang)}")


def rich_task_prompt(task: str, lang: str = "en") -> RichPromptTemplate:
    """Return the prompt of a task as LlamaIndex's own kind, whose `clip` is a URL.

    It takes https:// and data: URLs, no paths and no bytes.

    Raises:
        SettingsError: there is no such task or language.
    """
    words = _words(task, lang).replace("{question}", "{{ question }}")
    return RichPromptTemplate(
        '{% chat role="user" %}{{ clip | audio }}\n' + words + "{% endchat %}"
    )


def _words(task: str, lang: str) -> str:
    if lang not in ("en", "zh"):
        raise SettingsError(f"prompts are in 'en' and 'zh', not in {lang!r}")
    (found,) = tasks_named(task)[:1]
    return found.instruct if lang == "en" else found.chinese
