"""`init_chat_model("qwen_audio:…")`, for those who ask for it."""

from langchain_qwen_audio.replies import PROVIDER
from qwen_audio_tools.errors import SettingsError


def register_provider(name: str = PROVIDER) -> None:
    """Let `init_chat_model("qwen_audio:embedded")` and `create_agent("qwen_audio:…")` work.

    What stands behind the colon is what ChatQwenAudio takes as its `model`. This writes into a
    private table of LangChain, as there is no other way: that is why it is never done unasked.

    Raises:
        SettingsError: this version of LangChain has no such table, or the name is taken.
    """
    from langchain.chat_models import base

    providers = getattr(base, "_BUILTIN_PROVIDERS", None)
    creator = getattr(base, "_call", None)
    if not isinstance(providers, dict) or creator is None:
        raise SettingsError(
            "this version of langchain keeps its providers elsewhere",
            hint="make ChatQwenAudio(model=…) itself",
        )
    row = ("langchain_qwen_audio.chat_models", "ChatQwenAudio", creator)
    if providers.get(name, row)[:2] != row[:2]:
        raise SettingsError(f"the provider {name!r} is another one already")
    providers[name] = row
