"""A value of a schema comes out of any engine that converses, or a clear word why not."""

import pytest

from qwen_audio_tools import Clip, Message
from qwen_audio_tools.conversation import user
from qwen_audio_tools.engines.base import EngineInfo
from qwen_audio_tools.errors import EngineRefused, EngineUnsupported
from qwen_audio_tools.structured import json_in, structured
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine
from qwen_audio_tools.token_counts import conversation_tokens, text_tokens

SCHEMA = {"type": "object", "required": ["mood"], "properties": {"mood": {"type": "string"}}}


class Unheld(ScriptedEngine):
    """An engine that converses, and can't be held to a schema."""

    def reply(self, conversation, options):
        if options.schema is not None:
            raise EngineUnsupported("no schemas here")
        return super().reply(conversation, options)


def mood(value: object) -> str:
    if not isinstance(value, dict) or not isinstance(value.get("mood"), str):
        raise ValueError("'mood' is missing")
    return value["mood"]


@pytest.fixture
def turns() -> list[Message]:
    return [user(Clip((tone(), 16_000)), "what mood?")]


def test_a_constrained_engine_is_asked_once(turns):
    engine = ScriptedEngine(['{"mood": "calm"}'])
    value, answer = structured(turns, SCHEMA, mood, engine=engine)
    assert value == "calm"
    assert answer.usage.seconds_heard == 1.0
    assert list(engine.heard[0]) == turns


def test_others_are_told_the_schema_and_their_words_are_read(turns):
    engine = Unheld(['Sure! ```json\n{"mood": "sad"}\n``` Anything else?'])
    assert structured(turns, SCHEMA, mood, engine=engine)[0] == "sad"
    assert '"mood"' in engine.heard[0][-1].text
    assert engine.heard[0][-1].clips == turns[-1].clips


def test_what_does_not_fit_is_mended_by_the_engine(turns):
    engine = Unheld(["happy, I think", '{"feeling": "happy"}', '{"mood": "happy"}'])
    assert structured(turns, SCHEMA, mood, engine=engine)[0] == "happy"
    assert "no JSON value" in engine.heard[1][-1].text
    assert "'mood' is missing" in engine.heard[2][-1].text


def test_what_never_fits_is_an_error_and_no_value(turns):
    engine = Unheld(["no", "no", "no"])
    with pytest.raises(EngineRefused, match="no JSON that fits"):
        structured(turns, SCHEMA, mood, engine=engine)


def test_an_engine_with_its_own_words_says_so(turns):
    engine = ScriptedEngine(["x"], abilities=frozenset({Ability.TRANSCRIBE}))
    with pytest.raises(EngineUnsupported, match="own words"):
        structured(turns, SCHEMA, mood, engine=engine)
    assert engine.heard == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]", [1, 2]),
        ('It is {"a": {"b": "}"}} as you see', {"a": {"b": "}"}}),
        ("```\n[true]\n```", [True]),
        ("{no} but [3]", [3]),
    ],
)
def test_json_is_found_between_words(text, value):
    assert json_in(text) == value


def test_tokens_of_a_conversation_count_its_audio():
    info = EngineInfo(
        name="e", model="m", abilities=frozenset(), window=30.0, audio_tokens_per_second=25.0
    )
    words = [user("what is heard?")]
    heard = [user(Clip((tone(seconds=10.0), 16_000)), "what is heard?")]
    assert 250 <= conversation_tokens(heard, info) - conversation_tokens(words, info) <= 260
    assert text_tokens("你好世界") == 4
    assert text_tokens("") == 0
