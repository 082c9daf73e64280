"""Transcripts that publishers offer, in several formats, read into Segments with times."""
