"""Servers over any engine: what other programs reach us by."""
