"""An engine that answers with how it was opened and asked; "slow" says one word at a time."""

import json
import os
import time

from qwen_audio_tools.answer import Coverage, Evidence
from qwen_audio_tools.conversation import clips, question
from qwen_audio_tools.engines.base import Delta, EngineInfo, join
from qwen_audio_tools.tasks import Ability


class Echo:
    def __init__(self, model, settings):
        self.model, self.settings = model, settings
        abilities = frozenset(Ability) - {Ability.TIMES}
        if model == "terse":
            abilities -= {Ability.CHAT}
        self.info = EngineInfo(name="echo", model=model, abilities=abilities, window=30.0)

    def reply(self, conversation, options):
        heard = clips(conversation)
        yield Delta(
            evidence=tuple(Evidence(kind="heard", text="all of it", clip=c.name) for c in heard),
            coverage=Coverage(1.0, 1.0),
        )
        for word in self.words(conversation, options).split(" "):
            yield Delta(text=f"{word} ")
            if self.model == "slow":
                self.wait(word)

    def wait(self, word):
        # Until somebody who saw the word says so: nothing else can prove that it was shown.
        seen = f"{os.environ['ECHO_SEEN']}/{word}"
        while not os.path.exists(seen):  # noqa: PTH110
            time.sleep(0.01)

    def words(self, conversation, options):
        if self.model == "slow":
            return "one two three"
        if self.model == "preamble":
            return "The original content of this audio is: 'hello there'."
        opened = {
            name: getattr(self.settings, name)
            for name in ("hub", "device", "dtype", "quantize", "exact", "reuse_mb")
        }
        asked = {
            name: getattr(options, name)
            for name in ("task", "max_tokens", "temperature", "top_p", "seed", "stop", "schema")
        }
        return json.dumps({"question": question(conversation), **opened, **asked})


class Batches(Echo):
    def replies(self, conversations, options):
        for index, conversation in enumerate(conversations):
            yield (
                index,
                join(
                    [Delta(text=f"{question(conversation)} ({len(conversations)} at once)")],
                    self.info,
                ),
            )


def open_echo(model, settings):
    return (Batches if model == "batches" else Echo)(model, settings)
