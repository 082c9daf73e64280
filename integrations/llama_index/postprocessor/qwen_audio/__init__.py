"""The audio of what was retrieved: so that a model hears the source instead of reading it."""

from llama_index.postprocessor.qwen_audio.base import AttachAudioPostprocessor

__all__ = ["AttachAudioPostprocessor"]
