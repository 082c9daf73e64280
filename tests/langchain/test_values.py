"""Answers as values: of pydantic classes, TypedDicts and JSON schemas, held to or asked for."""

from enum import Enum
from typing import Annotated, Literal

import pytest
from langchain_core.exceptions import ModelError, OutputParserException
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from langchain_qwen_audio import ChatQwenAudio
from qwen_audio_tools.errors import EngineRefused, EngineUnsupported
from qwen_audio_tools.testing import tone
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

TONE = (tone(seconds=1.0), 16_000)


class Mood(BaseModel):
    """How somebody feels."""

    name: str
    share: float = Field(ge=0, le=1)

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in ("calm", "wild"):
            raise ValueError("it is calm or wild")
        return name


class MoodDict(TypedDict):
    """How somebody feels."""

    name: Annotated[str, ..., "what it is called"]


class Noting(ScriptedEngine):
    """Notes the schemas that it is held to."""

    schemas: list = []  # noqa: RUF012

    def reply(self, conversation, options):
        self.schemas.append(options.schema)
        return super().reply(conversation, options)


class Unheld(ScriptedEngine):
    """Converses, and can't be held to a schema."""

    def reply(self, conversation, options):
        if options.schema is not None:
            raise EngineUnsupported("no schemas here")
        return super().reply(conversation, options)


def test_a_pydantic_class_comes_back_as_itself():
    model = ChatQwenAudio(engine=ScriptedEngine(['{"name": "calm", "share": 0.5}']))
    found = model.with_structured_output(Mood).invoke("which mood?")
    assert found == Mood(name="calm", share=0.5)


@pytest.mark.parametrize("schema", [MoodDict, Mood.model_json_schema()])
def test_other_schemas_come_back_as_dicts(schema):
    value = {"name": "sad", "share": 0.25}
    model = ChatQwenAudio(engine=ScriptedEngine(['{"name": "sad", "share": 0.25}']))
    assert model.with_structured_output(schema).invoke("which mood?") == value


def test_the_engine_is_held_to_a_closed_schema():
    Noting.schemas = []
    model = ChatQwenAudio(engine=Noting(['{"name": "calm", "share": 0}']))
    model.with_structured_output(Mood, method="function_calling", strict=True).invoke("?")
    (schema,) = Noting.schemas
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["name", "share"]


@pytest.mark.parametrize("kind", [ScriptedEngine, Unheld])
def test_what_does_not_fit_is_asked_for_again(kind):
    engine = kind(["calm!", '{"name": "happy", "share": 0}', '{"name": "wild", "share": 1}'])
    model = ChatQwenAudio(engine=engine)
    assert model.with_structured_output(Mood).invoke("which mood?").name == "wild"
    assert "it is calm or wild" in engine.heard[2][-1].text


def test_what_never_fits_is_an_error_of_both_worlds():
    model = ChatQwenAudio(engine=ScriptedEngine(["no", "no", "never"]))
    with pytest.raises(OutputParserException, match="no JSON value in 'never'") as raised:
        model.with_structured_output(Mood).invoke("which mood?")
    assert isinstance(raised.value, EngineRefused)
    assert raised.value.llm_output == "never"


def test_the_raw_message_comes_along_if_asked_for():
    model = ChatQwenAudio(engine=ScriptedEngine(['{"name": "calm", "share": 1}', *["no"] * 3]))
    chain = model.with_structured_output(Mood, include_raw=True)
    good, bad = chain.invoke("which mood?"), chain.invoke("which mood?")
    assert good["parsed"] == Mood(name="calm", share=1)
    assert good["parsing_error"] is None
    assert isinstance(good["raw"], AIMessage)
    assert bad["parsed"] is None
    assert isinstance(bad["parsing_error"], OutputParserException)
    assert bad["raw"].text == "no"
    assert "does not fit the schema" in bad["raw"].response_metadata["warnings"][0]


async def test_in_asyncio_and_as_a_stream_it_is_the_same():
    model = ChatQwenAudio(engine=ScriptedEngine(['{"name": "calm", "share": 0}'] * 3))
    chain = model.with_structured_output(Mood)
    expected = Mood(name="calm", share=0)
    assert await chain.ainvoke("?") == expected
    assert [each async for each in chain.astream("?")] == [expected]
    assert list(chain.stream("?")) == [expected]


def test_an_engine_with_its_own_words_says_so_at_once():
    with pytest.raises(EngineUnsupported, match="own words") as refused:
        ChatQwenAudio(engine="embedded").with_structured_output(Mood)
    assert isinstance(refused.value, ModelError)


def test_unknown_arguments_are_refused():
    with pytest.raises(ValueError, match="colour"):
        ChatQwenAudio(engine=ScriptedEngine([])).with_structured_output(Mood, colour="red")


def test_a_real_model_is_held_to_the_schema_while_it_hears(tiny):
    class Kind(Enum):
        tone = "tone"
        speech = "speech"

    class Heard(BaseModel):
        kind: Kind
        loud: bool
        count: Literal[1, 2, 3]

    model = ChatQwenAudio(engine=tiny, audio=[TONE], max_tokens=80, temperature=0)
    found = model.with_structured_output(Heard, include_raw=True).invoke("what is heard?")
    assert isinstance(found["parsed"], Heard)
    assert found["raw"].usage_metadata["input_token_details"]["audio"] == 25
