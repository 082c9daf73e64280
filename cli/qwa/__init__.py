"""The `qwa` command."""
