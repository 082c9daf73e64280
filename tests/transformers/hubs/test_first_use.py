"""A model that is not here is fetched when it is first asked, and never again."""

import pytest

from qwen_audio_tools import Clip, Options, open_engine
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import join
from qwen_audio_tools.engines.transformers.loading import hubs
from qwen_audio_tools.engines.transformers.loading.checkpoint import fetched, find
from qwen_audio_tools.errors import WeightsMissing
from qwen_audio_tools.settings import read
from qwen_audio_tools.testing import tone

both = pytest.mark.parametrize("name", hubs.HUBS)


@both
def test_the_first_question_fetches_the_model_and_the_second_does_not(hub, model, name):
    seen = set()
    options = Options(max_tokens=4, progress=lambda what, done, total: seen.add(what))
    asked = [user(Clip((tone(440.0, 1.0), 16_000)), "What is it?")]
    engine = open_engine(f"transformers:{model}", hub=name, device="cpu")
    assert hub.sent == 0  # opening asks nobody
    assert join(engine.reply(asked, options), engine.info).usage.audio_tokens == 25
    assert {model, "loading"} <= seen
    sent = hub.sent
    again = open_engine(f"transformers:{model}", hub=name, device="cpu", offline=True)
    assert join(again.reply(asked, options), again.info).usage.audio_tokens == 25
    assert hub.sent == sent


@both
def test_what_was_fetched_in_part_is_completed(hub, model, name):
    folder = hubs.pull(name, model)
    (folder / "model-00002-of-00002.safetensors").unlink()
    settings = read(hub=name)
    found = find(model, settings)
    assert found.folder is None
    whole = fetched(found, settings, None)
    assert whole.folder == folder
    assert all(path.is_file() for path in whole.files)


def test_offline_nothing_is_fetched(hub, model):
    with pytest.raises(WeightsMissing, match="offline"):
        find(model, read(offline=True))
    assert hub.asked == []
