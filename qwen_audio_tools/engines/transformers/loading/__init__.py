"""Marks the package."""
