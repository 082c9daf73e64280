"""A ReAct agent that hears what its tools return."""

from llama_index.agent.qwen_audio.base import AudioReActAgent, AudioReActChatFormatter

__all__ = ["AudioReActAgent", "AudioReActChatFormatter"]
