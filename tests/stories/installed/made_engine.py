"""Engines that others might ship, installed beside us: they show what they were asked."""

import os
import sys
import time

from qwen_audio_tools.conversation import clips, question
from qwen_audio_tools.engines.base import Delta, EngineInfo
from qwen_audio_tools.errors import EngineRefused
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


def told(conversation):
    asked = question(conversation)
    if asked == "fail" or "MADE_FAIL" in os.environ:
        raise EngineRefused("the server is on fire", hint="pour water")
    users = [turn for turn in conversation if turn.role == "user"]
    said = [turn.text for turn in conversation if turn.role == "assistant"]
    system = [turn.text for turn in conversation if turn.role == "system"]
    names = [f"{clip.name.rpartition('/')[2]}:{clip.duration:.1f}" for clip in clips(conversation)]
    return f"turn {len(users)} of {asked!r} with {names} after {len(said)} replies, told {system}"


class Endless:
    info = EngineInfo(name="made", model="endless", abilities=frozenset(Ability), window=30.0)

    def reply(self, conversation, options):
        try:
            for number in range(10_000):
                yield Delta(text=f"{number} ")
                time.sleep(0.02)
        finally:
            sys.stdout.write("freed")
            sys.stdout.flush()


class Silent(Endless):
    def __init__(self, tells):
        self.tells = tells

    def reply(self, conversation, options):
        for number in range(1000):
            if self.tells or not number:
                options.progress("listening", number, 1000)
            time.sleep(0.02)
        yield Delta(text="at last")


def open_made(model, settings):
    if model == "endless":
        return Endless()
    if model in ("listening", "stuck"):
        return Silent(tells=model == "listening")
    return ScriptedEngine([told] * 100, window=60.0)
