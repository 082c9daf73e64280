"""An engine that works on a question until it is let go or stopped, and leaves word of both.

Its model is a folder: `begun NAME` and `ended NAME: WHY` are written there for a question NAME, and
`let go NAME` ends it. It prints to stdout while it works, as libraries do.
"""

import os
import sys
import time
from pathlib import Path

from qwen_audio_tools.answer import Coverage
from qwen_audio_tools.conversation import question
from qwen_audio_tools.engines.base import Delta, EngineInfo
from qwen_audio_tools.tasks import Ability


class Patient:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.info = EngineInfo(
            name="patient", model="folder", abilities=frozenset(Ability), window=float("inf")
        )

    def reply(self, conversation, options):
        name = question(conversation)
        sys.stdout.write("noise from Python\n")
        sys.stdout.flush()
        os.write(1, b"noise from a library\n")
        if name == "fail":
            raise ZeroDivisionError("secret of the server")
        (self.folder / f"begun {name}").touch()
        why = "stopped"
        try:
            for step in range(100_000):
                if (self.folder / f"let go {name}").exists():
                    break
                time.sleep(0.01)
                if name.startswith("word by word"):
                    yield Delta(text="word ")
                else:
                    options.progress("waiting", step, 100_000)
            yield Delta(text=f"{name}: done", coverage=Coverage(1.0, 1.0))
            why = "done"
        finally:
            (self.folder / f"ended {name}: {why}").touch()


def open_patient(model, settings):
    return Patient(model)
