"""Transcriptions and translations."""
