"""Prompts with places for audio, and the tasks of Qwen2-Audio as prompts in English and Chinese."""

from llama_index.prompts.qwen_audio.base import AudioPromptTemplate
from llama_index.prompts.qwen_audio.task_prompts import rich_task_prompt, task_prompt

__all__ = ["AudioPromptTemplate", "rich_task_prompt", "task_prompt"]
