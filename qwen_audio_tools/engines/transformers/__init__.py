"""Qwen2-Audio and its siblings in this process, through the transformers library."""
