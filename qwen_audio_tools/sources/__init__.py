"""What may be opened, and opening it: files inside roots, bytes, stdin, guarded URLs."""

from qwen_audio_tools.sources.opening import Opened, Source, open_source, source_name
from qwen_audio_tools.sources.policy import SourcePolicy, agent, person
from qwen_audio_tools.sources.sharing import SharedFile, is_lasting

__all__ = [
    "Opened",
    "SharedFile",
    "Source",
    "SourcePolicy",
    "agent",
    "is_lasting",
    "open_source",
    "person",
    "source_name",
]
