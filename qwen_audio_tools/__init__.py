"""Ears for agents: ask questions of audio, and get answers with evidence."""

__version__ = "0.1.0"
