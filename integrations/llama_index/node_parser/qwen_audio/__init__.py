"""Recordings listened to inside an IngestionPipeline: nodes of words that know their seconds."""

from llama_index.node_parser.qwen_audio.base import SegmentNodeParser

__all__ = ["SegmentNodeParser"]
