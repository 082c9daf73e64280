"""`qwa info FILE`: what a file holds and how loud it is, without any model."""

import typer

from qwa import options as o


def info(context: typer.Context, files: o.FILES) -> None:
    """Tell container, codec, rate, channels, duration, loudness, clipping and silence."""
